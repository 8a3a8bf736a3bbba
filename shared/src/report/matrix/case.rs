//! What is known of each watched principal, side by side.
//!
//! Enters: an assessment. Leaves: a [`Case`] for every watched principal that was seen, that something began with, or
//! whose policies were read. Law: every judged event of a watched principal is in its case, and in no other as its own.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    assessment::{Assessment, Could, Judged},
    config::Watch,
};

/// A watched principal, and what bears on it.
pub struct Case<'b, 'a> {
    /// Its ARN.
    pub arn: Arc<str>,
    /// Events it made itself.
    pub own: Vec<&'b Judged<'a>>,
    /// Events that began with it and were made by what it assumed.
    pub through: Vec<&'b Judged<'a>>,
    /// What it could do; absent where its policies were not read.
    pub could: Option<&'b Could>,
}

impl<'b, 'a> Case<'b, 'a> {
    /// Its own API calls.
    pub fn calls(&self) -> impl Iterator<Item = &'b Judged<'a>> {
        self.own.iter().copied().filter(|judged| judged.is_call())
    }

    /// API calls that began with it.
    pub fn calls_through(&self) -> impl Iterator<Item = &'b Judged<'a>> {
        self.through.iter().copied().filter(|judged| judged.is_call())
    }
}

/// The promise about who made a call itself: with a promise of its own nobody else answers for it.
pub fn own_promise<'a>(judged: &Judged<'a>) -> Option<&'a Watch> {
    judged.watch.filter(|_| judged.lineage.is_none())
}

/// All cases, by ARN.
pub fn cases<'b, 'a>(assessment: &'b Assessment<'a>) -> BTreeMap<Arc<str>, Case<'b, 'a>> {
    let mut cases: BTreeMap<Arc<str>, Case<'b, 'a>> = BTreeMap::new();
    let case = |arn: &Arc<str>| Case {
        arn: Arc::clone(arn),
        own: Vec::new(),
        through: Vec::new(),
        could: assessment.could.get(arn),
    };
    for judged in &assessment.judged {
        let arn = &judged.principal().arn;
        if own_promise(judged).is_some() {
            cases.entry(Arc::clone(arn)).or_insert_with(|| case(arn)).own.push(judged);
        }
        let began_with = judged.lineage.as_ref().map(|lineage| &lineage.began_with);
        if let Some(first) = began_with.filter(|first| *first != arn) {
            cases.entry(Arc::clone(first)).or_insert_with(|| case(first)).through.push(judged);
        }
    }
    for arn in assessment.could.keys() {
        cases.entry(Arc::clone(arn)).or_insert_with(|| case(arn));
    }
    cases
}
