//! `can-issue-credentials`: policies that surely let a watched principal get credentials.

use super::{FindingRule, RuleMatch, Severity, matches_by_policies, phrases};
use crate::{
    assessment::{Assessment, PrincipalGrants},
    grants::Grant,
    operation::Capabilities,
    report::matrix::sort_most_severe_first,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "can-issue-credentials",
    severity: Severity::High,
    title: "A watched principal could get itself credentials",
    meaning: "What is done with them may be done under another name, and after the principal itself is shut out.",
    action: "Take these actions away, or narrow them to roles and resources that are read-only themselves.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    matches_by_policies(assessment, |_, could| {
        let mints = |grant: &&Grant| grant.action.capabilities.contains(Capabilities::ISSUE_CREDENTIALS);
        let mut grants: Vec<&Grant> = could
            .untolerated_grants()
            .filter(mints)
            .filter(|grant| PrincipalGrants::is_unconditional(grant))
            .collect();
        sort_most_severe_first(&mut grants);
        (!grants.is_empty()).then(|| {
            let named = phrases::quote_some(grants.iter().map(|grant| &*grant.action.key), 3);
            vec![RuleMatch {
                subject: "credentials".to_owned(),
                observation: format!("{named} may be used, by {}.", phrases::granting_statements(&grants)),
                count: grants.len() as u64,
                ..RuleMatch::default()
            }]
        })
    })
}
