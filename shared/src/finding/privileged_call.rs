//! `privileged-call`: a privileged call by a watched principal that succeeded.

use super::{AlertScope, FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::OperationType,
};

/// The rule `privileged-call`.
pub const RULE: FindingRule = FindingRule {
    id: "privileged-call",
    severity: Severity::High,
    title: "A watched principal used a privileged operation",
    meaning: "The operation changes nothing by itself, but it is not a read: it decrypts, assumes another role or issues credentials, and later calls may not appear under this principal.",
    action: "Check what was done with the result. If the principal needs the operation, allow this operation on these resources with an override that has an owner and an expiry (`onlooker override add`); otherwise remove the permission.",
    alerts: Some(AlertScope::Watched),
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let privileged = assessment.watched_calls().filter(|call| {
        !call.is_permitted()
            && call.operation_type() == OperationType::Privileged
            && call.outcome() == Outcome::Succeeded
    });
    group_calls(privileged, ClassifiedCall::operation, |i| {
        format!("`{}` succeeded: {}.", i.subject, count_noun(i.count, "call"))
    })
}
