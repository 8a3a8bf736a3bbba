//! `secret-read`: a read of secrets by a watched principal that succeeded.

use super::{AlertScope, FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::Capabilities,
};

/// The rule `secret-read`.
pub const RULE: FindingRule = FindingRule {
    id: "secret-read",
    severity: Severity::High,
    title: "A watched principal read secrets",
    meaning: "The call changes nothing, but its response returns a secret, a token or a key, which can be used without this principal.",
    action: "Check that the principal needs the secret; otherwise deny the principal these operations, and rotate the secrets that were read.",
    alerts: Some(AlertScope::Watched),
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let reads = assessment.watched_calls().filter(|call| {
        call.is_permitted()
            && call.outcome() == Outcome::Succeeded
            && call.classification.capabilities.contains(Capabilities::READ_SECRETS)
    });
    group_calls(reads, ClassifiedCall::operation, |i| {
        format!("`{}` returned a secret: {}.", i.subject, count_noun(i.count, "call"))
    })
}
