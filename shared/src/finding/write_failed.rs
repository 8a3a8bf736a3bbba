//! `write-failed`: a write or privileged call by a watched principal that failed for another reason than a denial.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::OperationType,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "write-failed",
    severity: Severity::High,
    title: "A write failed, but AWS did not refuse it",
    meaning: "The call ended in an error that is not a denial, so nothing shows that the principal lacks the permission.",
    action: "Check whether the principal has the permission; if it has, take it away.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let failed = assessment.watched_calls().filter(|judged| {
        matches!(judged.operation_type(), OperationType::Mutating | OperationType::Privileged)
            && judged.outcome() == Outcome::Failed
    });
    group_calls(failed, ClassifiedCall::operation, |i| {
        format!("`{}` failed without being refused: {}.", i.subject, count_noun(i.count, "call"))
    })
}
