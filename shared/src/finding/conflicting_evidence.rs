//! `conflicting-evidence`: events delivered with two contents under one event id, account, region and hour.

use super::{FindingRule, RuleMatch, Severity, count_noun};
use crate::assessment::Assessment;

/// The rule `conflicting-evidence`.
pub const RULE: FindingRule = FindingRule {
    id: "conflicting-evidence",
    severity: Severity::High,
    title: "An event was delivered with two different contents",
    meaning: "CloudTrail writes an event once, so the second content under the same event id does not come from CloudTrail. The more severe content was counted.",
    action: "Find the source of the deviating log file; check both log files against the digest files.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let count = assessment.evidence_quality.conflicting_events;
    let instance = || RuleMatch {
        subject: "event identity".to_owned(),
        observation: format!("{} delivered with two different contents.", count_noun(count, "event")),
        count,
        ..RuleMatch::default()
    };
    (count > 0).then(instance).into_iter().collect()
}
