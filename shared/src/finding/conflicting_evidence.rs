//! `conflicting-evidence`: events delivered with two contents under one event id, account, region and hour.

use super::{FindingRule, RuleMatch, Severity, count_noun};
use crate::assessment::Assessment;

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "conflicting-evidence",
    severity: Severity::High,
    title: "One event was delivered with two contents",
    meaning: "CloudTrail writes an event once; a second content under the same id was made by somebody. The graver one was counted.",
    action: "Find out where the deviating object comes from; check both against the digest files.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let count = assessment.evidence_quality.conflicting_events;
    let instance = || RuleMatch {
        subject: "event identity".to_owned(),
        observation: format!("{} with two contents.", count_noun(count, "event")),
        count,
        ..RuleMatch::default()
    };
    (count > 0).then(instance).into_iter().collect()
}
