//! `privileged-call`: a privileged call by a watched principal that succeeded.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{
    assessment::{Assessment, Judged},
    event::Outcome,
    operation::OperationType,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "privileged-call",
    severity: Severity::High,
    title: "A watched principal used privilege",
    meaning: "The operation changes nothing by itself, yet it is not a read: it decrypts, assumes another role or hands out credentials, and what is done with them may not show under this principal.",
    action: "Follow where it leads. If it is wanted, allow this operation on these resources with an override that has an owner and an end; otherwise take the permission away.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let privileged = assessment.watched_calls().filter(|judged| {
        judged.operation_type() == OperationType::Privileged && judged.outcome() == Outcome::Succeeded
    });
    gather(privileged, Judged::operation, |i| {
        format!("`{}` succeeded: {}.", i.subject, counted(i.count, "call"))
    })
}
