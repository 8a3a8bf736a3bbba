//! The principals with permissions in an event class.
//!
//! Enters: an assessment and the name of an event class. Leaves: the watched principals with grants in it that are
//! not read-only, and these grants. Law: actions that an override tolerates count too, because an override does not
//! make their use visible.

use std::{collections::BTreeMap, sync::Arc};

use super::{rows::sort_most_severe_first, watched_principal::WatchedPrincipal};
use crate::{
    assessment::Assessment,
    coverage::{Coverage, EventClassState, event_class_of, is_in_class},
    grants::Grant,
};

/// Watched principals with grants in a class that are not read-only, most severe actions first. In a family of
/// classes only the actions count that are not known to be logged.
pub fn principals_granted_in_class<'a>(
    assessment: &'a Assessment<'_>,
    class: &str,
) -> BTreeMap<&'a Arc<str>, Vec<&'a Grant>> {
    let coverage = assessment.coverage;
    let belongs = |grant: &&Grant| {
        let of = event_class_of(&grant.action);
        of == class || is_in_class(&of, class) && !coverage.would_record(&grant.action)
    };
    principals_granted(assessment, belongs)
}

/// Watched principals with grants that are not read-only in classes outside the promise.
pub fn principals_granted_outside_promise<'a>(
    assessment: &'a Assessment<'_>,
) -> BTreeMap<&'a Arc<str>, Vec<&'a Grant>> {
    principals_granted(assessment, |grant| !is_promised(assessment.coverage, &event_class_of(&grant.action)))
}

fn principals_granted<'a>(
    assessment: &'a Assessment<'_>,
    belongs: impl Fn(&&Grant) -> bool,
) -> BTreeMap<&'a Arc<str>, Vec<&'a Grant>> {
    let mut actors = BTreeMap::new();
    for (arn, granted) in &assessment.granted {
        let mut grants: Vec<&Grant> = granted.grants.excessive().filter(&belongs).collect();
        if !grants.is_empty() {
            sort_most_severe_first(&mut grants);
            actors.insert(arn, grants);
        }
    }
    actors
}

/// Whether a class is part of the promise, or the trail is known to log it anyway.
fn is_promised(coverage: &Coverage, class: &str) -> bool {
    let expected = coverage.event_classes.iter().filter(|known| known.state != EventClassState::NotExpected);
    expected.into_iter().any(|known| is_in_class(class, &known.class))
}

/// Watched principals, and watch entries that no principal seen matches, without policies that were read.
pub fn principals_without_policies(
    assessment: &Assessment<'_>,
    cases: &BTreeMap<Arc<str>, WatchedPrincipal<'_, '_>>,
) -> Vec<Arc<str>> {
    let mut unread: Vec<Arc<str>> =
        cases.values().filter(|case| case.granted.is_none()).map(|case| Arc::clone(&case.arn)).collect();
    let is_about = |pattern: &str, arn: &str| {
        assessment.config.watch_for_arn(arn).is_some_and(|watch| watch.principal == pattern)
    };
    let unseen = assessment
        .unseen_watches()
        .filter(|watch| !assessment.granted.keys().any(|arn| is_about(&watch.principal, arn)))
        .map(|watch| Arc::from(watch.principal.as_str()));
    unread.extend(unseen);
    unread
}
