//! The calls and grants of each watched principal.
//!
//! Enters: an assessment. Leaves: a [`WatchedPrincipal`] for every watched principal that was seen, that calls are
//! attributed to, or that has policies that were read. Law: every event of a watched principal is in `direct` of its
//! own entry, and of no other.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    assessment::{Assessment, ClassifiedCall, PrincipalGrants},
    config::Watch,
};

/// A watched principal with its calls and grants.
pub struct WatchedPrincipal<'b, 'a> {
    /// ARN of the watched principal.
    pub arn: Arc<str>,
    /// Calls that the principal made itself.
    pub direct: Vec<&'b ClassifiedCall<'a>>,
    /// Calls that were made through roles the principal assumed.
    pub through_roles: Vec<&'b ClassifiedCall<'a>>,
    /// What the principal's policies grant; `None` where they were not read.
    pub granted: Option<&'b PrincipalGrants>,
}

impl<'b, 'a> WatchedPrincipal<'b, 'a> {
    /// API calls made with the principal's own credentials, not through a role that the principal assumed.
    pub fn direct_calls(&self) -> impl Iterator<Item = &'b ClassifiedCall<'a>> {
        self.direct.iter().copied().filter(|call| call.is_call())
    }

    /// API calls that were made through roles it assumed.
    pub fn calls_through_roles(&self) -> impl Iterator<Item = &'b ClassifiedCall<'a>> {
        self.through_roles.iter().copied().filter(|call| call.is_call())
    }
}

/// The watch entry of the principal that made the call itself, not of an originator.
pub fn direct_watch<'a>(call: &ClassifiedCall<'a>) -> Option<&'a Watch> {
    call.watch.filter(|_| call.role_chain.is_none())
}

/// All watched principals, by ARN.
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
    for call in &assessment.classified {
        let arn = &call.principal().arn;
        if direct_watch(call).is_some() {
            cases.entry(Arc::clone(arn)).or_insert_with(|| case(arn)).direct.push(call);
        }
        let originator = call.role_chain.as_ref().map(|chain| &chain.originator);
        if let Some(first) = originator.filter(|first| *first != arn) {
            cases.entry(Arc::clone(first)).or_insert_with(|| case(first)).through_roles.push(call);
        }
    }
    for arn in assessment.granted.keys() {
        cases.entry(Arc::clone(arn)).or_insert_with(|| case(arn));
    }
    cases
}
