//! `over-privileged`: policies that unconditionally let a watched principal do more than read.

use super::{FindingRule, RuleMatch, Severity, matches_by_policies, phrases};
use crate::{
    access_matrix::sort_most_severe_first,
    assessment::{Assessment, PrincipalGrants},
    grants::Grant,
    operation::RiskLevel,
};

/// The rule `over-privileged`.
pub const RULE: FindingRule = FindingRule {
    id: "over-privileged",
    severity: Severity::High,
    title: "A watched principal could do more than read",
    meaning: "The principal's policies allow these actions, whether or not the principal used them: only the principal's behavior, not its permissions, keeps the principal read-only.",
    action: "Remove these actions from the principal's policies or set a permissions boundary; where an action is needed, allow that action with an override that has an owner and an expiry.",
    alerts: None,
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
                "The principal's policies grant {} {actions} that {are} not read-only{does}: {named}, in {}.",
                grants.len(),
                phrases::granting_statements(&grants)
            ),
            count: grants.len() as u64,
            ..RuleMatch::default()
        }])
    })
}
