//! `write-succeeded`: a write by a watched principal that succeeded.

use super::{AlertScope, FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::OperationType,
};

/// The rule `write-succeeded`.
pub const RULE: FindingRule = FindingRule {
    id: "write-succeeded",
    severity: Severity::Critical,
    title: "A watched principal changed state",
    meaning: "A principal that is promised to be read-only made a call that changes state, and the call succeeded.",
    action: "Find out who used the principal and what was changed, and revert the change if it was not wanted; then remove the permission, or allow the operation with `onlooker override add`, or stop promising that the principal is read-only.",
    alerts: Some(AlertScope::Watched),
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let writes = assessment.watched_calls().filter(|call| {
        !call.is_permitted()
            && call.operation_type() == OperationType::Mutating
            && call.outcome() == Outcome::Succeeded
    });
    group_calls(writes, ClassifiedCall::operation, |i| {
        format!("`{}` succeeded: {}.", i.subject, count_noun(i.count, "call"))
    })
}
