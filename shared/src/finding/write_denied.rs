//! `write-denied`: a write or privileged call by a watched principal that AWS refused.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::OperationType,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "write-denied",
    severity: Severity::Medium,
    title: "A watched principal tried to write and was refused",
    meaning: "The permissions held. That the principal tried says that its software, or whoever uses it, does not behave as a read-only principal should.",
    action: "Ask the owner why the call was made, and stop it at its source: a denial is the last line of defence, not the first.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let denied = assessment.watched_calls().filter(|judged| {
        matches!(judged.operation_type(), OperationType::Mutating | OperationType::Privileged)
            && judged.outcome() == Outcome::Denied
    });
    group_calls(denied, ClassifiedCall::operation, |i| {
        format!("`{}` was refused: {}.", i.subject, count_noun(i.count, "call"))
    })
}
