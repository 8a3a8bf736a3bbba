//! `event-class-not-logged`: an event class that is part of the promise and not known to be logged.

use super::{FindingRule, RuleMatch, Severity, count_noun, phrases};
use crate::{
    assessment::Assessment,
    coverage::EventClassCoverage,
    report::{
        ReportMode,
        matrix::{principals_without_policies, watched_principals},
    },
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "event-class-not-logged",
    severity: Severity::High,
    title: "A class of events that nobody is known to log",
    meaning: "What a principal does in this class leaves no trace in the evidence, so its silence proves nothing.",
    action: "Log the class in the trail and name it in `coverage.logged`, or narrow the promise with `coverage.event_classes`.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    if assessment.mode == ReportMode::Discovery {
        return Vec::new();
    }
    let gap = |class: &EventClassCoverage| {
        let seen = match class.accounts.len() as u64 {
            0 => "no account".to_owned(),
            n => count_noun(n, "account"),
        };
        RuleMatch {
            subject: class.class.clone(),
            observation: format!(
                "Events of the class `{}` are seen in {seen} and not known to be logged in all{}.",
                class.class,
                policies_about_class(assessment, &class.class)
            ),
            count: 1,
            ..RuleMatch::default()
        }
    };
    assessment.coverage.class_gaps().map(gap).collect()
}

/// What policies that were read say of a class nobody logs. That nobody could have acted there does not close the gap:
/// policies of resources were not read, and those can let somebody in.
fn policies_about_class(assessment: &Assessment<'_>, class: &str) -> String {
    let could = phrases::granted_in_class(assessment, class);
    let cases = watched_principals(assessment);
    if could.is_empty() && !cases.is_empty() && principals_without_policies(assessment, &cases).is_empty() {
        return "; by its policies no watched principal could have done more than read there".to_owned();
    }
    could
}
