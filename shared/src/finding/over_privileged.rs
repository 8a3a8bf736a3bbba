//! `over-privileged`: policies that unconditionally let a watched principal do more than read.

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
    meaning: "Its policies allow it, whether or not it was used: only its behavior, not its permissions, keeps it read-only.",
    action: "Remove these actions from its policies or set a permissions boundary; where an action is needed, allow it with an override that has an owner and an expiry.",
    alerts: false,
    needs_policies: true,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    matches_by_policies(assessment, |_, granted| {
        let mut grants: Vec<&Grant> =
            granted.excessive_grants().filter(|grant| PrincipalGrants::is_unconditional(grant)).collect();
        sort_most_severe_first(&mut grants);
        let most_severe = grants.first()?.action.risk_level;
        let named = phrases::quote_some(grants.iter().map(|grant| &*grant.action.key), 3);
        let does = phrases::capability_counts(&grants);
        let does = if does.is_empty() { does } else { format!(" ({does})") };
        let (actions, are) = if grants.len() == 1 { ("action", "is") } else { ("actions", "are") };
        Some(vec![RuleMatch {
            severity: (most_severe == RiskLevel::Critical).then_some(Severity::Critical),
            subject: "policies".to_owned(),
            observation: format!(
                "Its policies grant {} {actions} that {are} not read-only{does}: {named}, in {}.",
                grants.len(),
                phrases::granting_statements(&grants)
            ),
            count: grants.len() as u64,
            ..RuleMatch::default()
        }])
    })
}
