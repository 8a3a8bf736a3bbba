//! `can-issue-credentials`: policies that unconditionally let a watched principal issue credentials.

use super::{FindingRule, RuleMatch, Severity, matches_by_policies, phrases};
use crate::{
    access_matrix::sort_most_severe_first,
    assessment::{Assessment, PrincipalGrants},
    grants::Grant,
    operation::Capabilities,
};

/// The rule `can-issue-credentials`.
pub const RULE: FindingRule = FindingRule {
    id: "can-issue-credentials",
    severity: Severity::High,
    title: "A watched principal could issue credentials",
    meaning: "Calls made with these credentials can appear under another identity, and the credentials can outlast the access of the principal itself.",
    action: "Remove these actions from the principal's policies, or limit them to roles and users that are read-only themselves.",
    alerts: None,
    needs_policies: true,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    matches_by_policies(assessment, |_, granted| {
        let issues_credentials =
            |grant: &&Grant| grant.action.capabilities.contains(Capabilities::ISSUE_CREDENTIALS);
        let mut grants: Vec<&Grant> = granted
            .untolerated_grants()
            .filter(issues_credentials)
            .filter(|grant| PrincipalGrants::is_unconditional(grant))
            .collect();
        sort_most_severe_first(&mut grants);
        (!grants.is_empty()).then(|| {
            let named = phrases::quote_some(grants.iter().map(|grant| &*grant.action.key), 3);
            vec![RuleMatch {
                subject: "credentials".to_owned(),
                observation: format!(
                    "The principal's policies grant {named}, in {}.",
                    phrases::granting_statements(&grants)
                ),
                count: grants.len() as u64,
                ..RuleMatch::default()
            }]
        })
    })
}
