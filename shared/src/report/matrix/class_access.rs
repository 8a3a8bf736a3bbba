//! Who could have acted in a class of events.
//!
//! Enters: an assessment and the word of a class. Leaves: the watched principals that could have done there what is no
//! read, and by which actions. Law: an override tolerates such an action and lets nobody see its use, so it counts here.

use std::{collections::BTreeMap, sync::Arc};

use super::{rows::sort_most_severe_first, watched_principal::WatchedPrincipal};
use crate::{
    assessment::Assessment,
    coverage::{Coverage, EventClassState, event_class_of},
    grants::Grant,
};

/// Watched principals whose policies let them do what is no read in a class, the gravest actions first. Of a family of
/// classes those count whose events nobody is known to log.
pub fn principals_granted_in_class<'a>(
    assessment: &'a Assessment<'_>,
    class: &str,
) -> BTreeMap<&'a Arc<str>, Vec<&'a Grant>> {
    let coverage = assessment.coverage;
    let belongs = |grant: &&Grant| {
        let of = event_class_of(&grant.action);
        of == class || class_family(&of) == class && !coverage.would_record(&grant.action)
    };
    principals_granted(assessment, belongs)
}

/// Watched principals whose policies let them do what is no read in classes the promise is not about.
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
    for (arn, could) in &assessment.granted {
        let mut grants: Vec<&Grant> = could.grants.excessive().filter(&belongs).collect();
        if !grants.is_empty() {
            sort_most_severe_first(&mut grants);
            actors.insert(arn, grants);
        }
    }
    actors
}

/// Whether a promise is about events of a class, or the trail is known to log them all the same.
fn is_promised(coverage: &Coverage, class: &str) -> bool {
    let names = |word: &str| {
        let mut classes = coverage.event_classes.iter();
        classes.any(|known| known.class == word && known.state != EventClassState::NotExpected)
    };
    names(class) || names(class_family(class))
}

fn class_family(class: &str) -> &str {
    class.split(':').next().unwrap_or(class)
}

/// Watched principals, and promises for which nobody was seen, whose policies were not read.
pub fn principals_without_policies(
    assessment: &Assessment<'_>,
    cases: &BTreeMap<Arc<str>, WatchedPrincipal<'_, '_>>,
) -> Vec<Arc<str>> {
    let mut unread: Vec<Arc<str>> =
        cases.values().filter(|case| case.granted.is_none()).map(|case| Arc::clone(&case.arn)).collect();
    let is_about = |pattern: &str, arn: &str| {
        assessment.config.watch_for_arn(arn).is_some_and(|watch| watch.principal == pattern)
    };
    let silent = assessment
        .unseen_watches()
        .filter(|watch| !assessment.granted.keys().any(|arn| is_about(&watch.principal, arn)))
        .map(|watch| Arc::from(watch.principal.as_str()));
    unread.extend(silent);
    unread
}
