//! `secret-read`: a read of secrets by a watched principal that succeeded.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::Capabilities,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "secret-read",
    severity: Severity::High,
    title: "A watched principal read secrets",
    meaning: "The call changes nothing, but its response carries a secret, a token or a key: whoever holds it can act without this principal.",
    action: "Make sure the principal needs the secret; otherwise deny it these operations, and rotate what was read.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let reads = assessment.watched_calls().filter(|judged| {
        judged.is_permitted()
            && judged.outcome() == Outcome::Succeeded
            && judged.classification.capabilities.contains(Capabilities::READ_SECRETS)
    });
    group_calls(reads, ClassifiedCall::operation, |i| {
        format!("`{}` returned a secret: {}.", i.subject, count_noun(i.count, "call"))
    })
}
