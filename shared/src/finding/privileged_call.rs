//! `privileged-call`: a privileged call by a watched principal that succeeded.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::OperationType,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "privileged-call",
    severity: Severity::High,
    title: "A watched principal used privilege",
    meaning: "The operation changes nothing by itself, yet it is not a read: it decrypts, assumes another role or hands out credentials, and what is done with them may not show under this principal.",
    action: "Follow where it leads. If it is wanted, allow this operation on these resources with an override that has an owner and an end; otherwise take the permission away.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let privileged = assessment.watched_calls().filter(|judged| {
        judged.operation_type() == OperationType::Privileged && judged.outcome() == Outcome::Succeeded
    });
    group_calls(privileged, ClassifiedCall::operation, |i| {
        format!("`{}` succeeded: {}.", i.subject, count_noun(i.count, "call"))
    })
}
