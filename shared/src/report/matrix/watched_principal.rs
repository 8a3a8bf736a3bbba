//! What is known of each watched principal, side by side.
//!
//! Enters: an assessment. Leaves: a [`Case`] for every watched principal that was seen, that something began with, or
//! whose policies were read. Law: every judged event of a watched principal is in its case, and in no other as its own.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    assessment::{Assessment, ClassifiedCall, PrincipalGrants},
    config::Watch,
};

/// A watched principal, and what bears on it.
pub struct WatchedPrincipal<'b, 'a> {
    /// Its ARN.
    pub arn: Arc<str>,
    /// Events it made itself.
    pub direct: Vec<&'b ClassifiedCall<'a>>,
    /// Events that began with it and were made by what it assumed.
    pub through_roles: Vec<&'b ClassifiedCall<'a>>,
    /// What it could do; absent where its policies were not read.
    pub granted: Option<&'b PrincipalGrants>,
}

impl<'b, 'a> WatchedPrincipal<'b, 'a> {
    /// Its own API calls.
    pub fn direct_calls(&self) -> impl Iterator<Item = &'b ClassifiedCall<'a>> {
        self.direct.iter().copied().filter(|judged| judged.is_call())
    }

    /// API calls that began with it.
    pub fn calls_through_roles(&self) -> impl Iterator<Item = &'b ClassifiedCall<'a>> {
        self.through_roles.iter().copied().filter(|judged| judged.is_call())
    }
}

/// The promise about who made a call itself: with a promise of its own nobody else answers for it.
pub fn direct_watch<'a>(judged: &ClassifiedCall<'a>) -> Option<&'a Watch> {
    judged.watch.filter(|_| judged.role_chain.is_none())
}

/// All cases, by ARN.
pub fn watched_principals<'b, 'a>(
    assessment: &'b Assessment<'a>,
) -> BTreeMap<Arc<str>, WatchedPrincipal<'b, 'a>> {
    let mut cases: BTreeMap<Arc<str>, WatchedPrincipal<'b, 'a>> = BTreeMap::new();
    let case = |arn: &Arc<str>| WatchedPrincipal {
        arn: Arc::clone(arn),
        direct: Vec::new(),
        through_roles: Vec::new(),
        granted: assessment.granted.get(arn),
    };
    for judged in &assessment.classified {
        let arn = &judged.principal().arn;
        if direct_watch(judged).is_some() {
            cases.entry(Arc::clone(arn)).or_insert_with(|| case(arn)).direct.push(judged);
        }
        let began_with = judged.role_chain.as_ref().map(|lineage| &lineage.originator);
        if let Some(first) = began_with.filter(|first| *first != arn) {
            cases.entry(Arc::clone(first)).or_insert_with(|| case(first)).through_roles.push(judged);
        }
    }
    for arn in assessment.granted.keys() {
        cases.entry(Arc::clone(arn)).or_insert_with(|| case(arn));
    }
    cases
}
