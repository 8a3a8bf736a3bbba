//! `principal-not-seen`: a promise for which the evidence shows nobody.

use super::{FindingRule, RuleMatch, Severity};
use crate::assessment::Assessment;

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "principal-not-seen",
    severity: Severity::Medium,
    title: "A watched principal never appears",
    meaning: "Nothing in the evidence was made by it, so nothing is proven of it: it may be unused, misspelt, or active where nobody looks.",
    action: "Check the pattern against the role, and the trail against the accounts the role works in; retire the role if it is unused.",
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
