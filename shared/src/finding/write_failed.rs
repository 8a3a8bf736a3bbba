//! `write-failed`: a write or privileged call by a watched principal that failed with an error other than a denial.

use super::{AlertScope, FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::OperationType,
};

/// The rule `write-failed`.
pub const RULE: FindingRule = FindingRule {
    id: "write-failed",
    severity: Severity::High,
    title: "A watched principal attempted a write that failed without a denial",
    meaning: "The call ended in an error that is not a denial, so nothing shows that the principal lacks the permission.",
    action: "Check whether the principal has the permission, and remove the permission if so.",
    alerts: Some(AlertScope::Watched),
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let failed = assessment.watched_calls().filter(|call| {
        !call.is_permitted()
            && matches!(call.operation_type(), OperationType::Mutating | OperationType::Privileged)
            && call.outcome() == Outcome::Failed
            && !call.line.call_key.is_unprocessed()
    });
    group_calls(failed, ClassifiedCall::operation, |i| {
        format!("`{}` failed without a denial: {}.", i.subject, count_noun(i.count, "call"))
    })
}
