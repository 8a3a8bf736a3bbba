//! Who could have acted in a class of events.
//!
//! Enters: an assessment and the word of a class. Leaves: the watched principals that could have done there what is no
//! read, and by which actions. Law: an override tolerates such an action and lets nobody see its use, so it counts here.

use std::{collections::BTreeMap, sync::Arc};

use super::{case::Case, rows::gravest_first};
use crate::{
    assessment::Assessment,
    coverage::{ClassState, Coverage, class_of},
    grants::Grant,
};

/// Watched principals whose policies let them do what is no read in a class, the gravest actions first. Of a family of
/// classes those count whose events nobody is known to log.
pub fn actors<'a>(assessment: &'a Assessment<'_>, class: &str) -> BTreeMap<&'a Arc<str>, Vec<&'a Grant>> {
    let coverage = assessment.coverage;
    let belongs = |grant: &&Grant| {
        let of = class_of(&grant.action);
        of == class || family(&of) == class && !coverage.shows(&grant.action)
    };
    by_principal(assessment, belongs)
}

/// Watched principals whose policies let them do what is no read in classes the promise is not about.
pub fn beyond_promise<'a>(assessment: &'a Assessment<'_>) -> BTreeMap<&'a Arc<str>, Vec<&'a Grant>> {
    by_principal(assessment, |grant| !is_promised(assessment.coverage, &class_of(&grant.action)))
}

fn by_principal<'a>(
    assessment: &'a Assessment<'_>,
    belongs: impl Fn(&&Grant) -> bool,
) -> BTreeMap<&'a Arc<str>, Vec<&'a Grant>> {
    let mut actors = BTreeMap::new();
    for (arn, could) in &assessment.could {
        let mut grants: Vec<&Grant> = could.grants.excessive().filter(&belongs).collect();
        if !grants.is_empty() {
            gravest_first(&mut grants);
            actors.insert(arn, grants);
        }
    }
    actors
}

/// Whether a promise is about events of a class, or the trail is known to log them all the same.
fn is_promised(coverage: &Coverage, class: &str) -> bool {
    let names = |word: &str| {
        let mut classes = coverage.classes.iter();
        classes.any(|known| known.class == word && known.state != ClassState::NotExpected)
    };
    names(class) || names(family(class))
}

fn family(class: &str) -> &str {
    class.split(':').next().unwrap_or(class)
}

/// Watched principals, and promises for which nobody was seen, whose policies were not read.
pub fn unread(assessment: &Assessment<'_>, cases: &BTreeMap<Arc<str>, Case<'_, '_>>) -> Vec<Arc<str>> {
    let mut unread: Vec<Arc<str>> =
        cases.values().filter(|case| case.could.is_none()).map(|case| Arc::clone(&case.arn)).collect();
    let is_about = |pattern: &str, arn: &str| {
        assessment.config.watched_arn(arn).is_some_and(|watch| watch.principal == pattern)
    };
    let silent = assessment
        .unseen()
        .filter(|watch| !assessment.could.keys().any(|arn| is_about(&watch.principal, arn)))
        .map(|watch| Arc::from(watch.principal.as_str()));
    unread.extend(silent);
    unread
}
