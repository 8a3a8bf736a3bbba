//! `principal-not-seen`: a watch entry that no principal in the evidence matches.

use super::{FindingRule, RuleMatch, Severity};
use crate::assessment::Assessment;

/// The rule `principal-not-seen`.
pub const RULE: FindingRule = FindingRule {
    id: "principal-not-seen",
    severity: Severity::Medium,
    title: "A watched principal does not appear in the evidence",
    meaning: "The evidence holds no event of the principal, so nothing is proven about the principal: the principal may be unused, misspelled in the configuration, or active where no trail logs.",
    action: "Check the watch pattern against the role, and the trail against the accounts the role works in; delete the role if the role is unused.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    assessment
        .unseen_watches()
        .map(|watch| RuleMatch {
            principal: Some(watch.principal.as_str().into()),
            subject: "promise".to_owned(),
            observation: "No event in the evidence matches this pattern.".to_owned(),
            ..RuleMatch::default()
        })
        .collect()
}
