//! `write-denied`: a write or privileged call by a watched principal that AWS refused.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{
    assessment::{Assessment, Judged},
    event::Outcome,
    operation::OperationType,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "write-denied",
    severity: Severity::Medium,
    title: "A watched principal tried to write and was refused",
    meaning: "The permissions held. That the principal tried says that its software, or whoever uses it, does not behave as a read-only principal should.",
    action: "Ask the owner why the call was made, and stop it at its source: a denial is the last line of defence, not the first.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let denied = assessment.watched_calls().filter(|judged| {
        matches!(judged.operation_type(), OperationType::Mutating | OperationType::Privileged)
            && judged.outcome() == Outcome::Denied
    });
    gather(denied, Judged::operation, |i| {
        format!("`{}` was refused: {}.", i.subject, counted(i.count, "call"))
    })
}
