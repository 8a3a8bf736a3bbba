//! `conflicting-evidence`: events delivered with two contents under one event id, account, region and hour.

use super::{Instance, Rule, Severity, counted};
use crate::assessment::Assessment;

/// The rule.
pub const RULE: Rule = Rule {
    id: "conflicting-evidence",
    severity: Severity::High,
    title: "One event was delivered with two contents",
    meaning: "CloudTrail writes an event once; a second content under the same id was made by somebody. The graver one was counted.",
    action: "Find out where the deviating object comes from; check both against the digest files.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let count = assessment.evidence.conflicting;
    let instance = || Instance {
        subject: "event identity".to_owned(),
        seen: format!("{} with two contents.", counted(count, "event")),
        count,
        ..Instance::default()
    };
    (count > 0).then(instance).into_iter().collect()
}
