//! `write-not-refused`: a write or privileged call by a watched principal that failed for another reason than a denial.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{
    assessment::{Assessment, Judged},
    event::Outcome,
    operation::OperationType,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "write-not-refused",
    severity: Severity::High,
    title: "A write failed, but AWS did not refuse it",
    meaning: "The call ended in an error that is not a denial, so nothing shows that the principal lacks the permission.",
    action: "Check whether the principal has the permission; if it has, take it away.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let failed = assessment.watched_calls().filter(|judged| {
        matches!(judged.operation_type(), OperationType::Mutating | OperationType::Privileged)
            && judged.outcome() == Outcome::Failed
    });
    gather(failed, Judged::operation, |i| {
        format!("`{}` failed without being refused: {}.", i.subject, counted(i.count, "call"))
    })
}
