//! `over-privileged`: policies that surely let a watched principal do more than read.

use super::{FindingRule, RuleMatch, Severity, matches_by_policies, phrases};
use crate::{
    assessment::{Assessment, PrincipalGrants},
    grants::Grant,
    operation::RiskLevel,
    report::matrix::sort_most_severe_first,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "over-privileged",
    severity: Severity::High,
    title: "A watched principal could do more than read",
    meaning: "Its policies allow it, whether or not it ever did: what holds the promise is its manners, not its permissions.",
    action: "Take these actions out of its policies or put a boundary around it; where one is wanted, allow it with an override that has an owner and an end.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    matches_by_policies(assessment, |_, could| {
        let mut grants: Vec<&Grant> =
            could.excessive_grants().filter(|grant| PrincipalGrants::is_unconditional(grant)).collect();
        sort_most_severe_first(&mut grants);
        let gravest = grants.first()?.action.risk_level;
        let named = phrases::quote_some(grants.iter().map(|grant| &*grant.action.key), 3);
        let does = phrases::capability_counts(&grants);
        let does = if does.is_empty() { does } else { format!(" ({does})") };
        let (actions, are) =
            if grants.len() == 1 { ("action", "is no read") } else { ("actions", "are no reads") };
        Some(vec![RuleMatch {
            severity: (gravest == RiskLevel::Critical).then_some(Severity::Critical),
            subject: "policies".to_owned(),
            observation: format!(
                "{} {actions} that {are} may be used{does}: {named}, by {}.",
                grants.len(),
                phrases::granting_statements(&grants)
            ),
            count: grants.len() as u64,
            ..RuleMatch::default()
        }])
    })
}
