//! `write-denied`: a write or privileged call by a watched principal that AWS denied.

use super::{AlertScope, FindingRule, RuleMatch, Severity, group_calls, phrases};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::OperationType,
};

/// The rule `write-denied`.
pub const RULE: FindingRule = FindingRule {
    id: "write-denied",
    severity: Severity::Medium,
    title: "A watched principal attempted a write that AWS denied",
    meaning: "The permissions held. The attempt shows that the principal's software or user does not behave as a read-only principal should.",
    action: "Ask the owner why the call was made, and stop it at its source: a denial is the last line of defense, not the first.",
    alerts: Some(AlertScope::Watched),
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let denied = assessment.watched_calls().filter(|call| {
        !call.is_permitted()
            && matches!(call.operation_type(), OperationType::Mutating | OperationType::Privileged)
            && call.outcome() == Outcome::Denied
    });
    group_calls(denied, ClassifiedCall::operation, phrases::denied_calls)
}
