//! `write-not-processed`: a write or privileged call by a watched principal that AWS throttled or could not read.

use super::{AlertScope, FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    operation::OperationType,
};

/// The rule `write-not-processed`.
pub const RULE: FindingRule = FindingRule {
    id: "write-not-processed",
    severity: Severity::Medium,
    title: "A watched principal attempted a write that AWS did not process",
    meaning: "AWS throttled the call or could not read it, so it changed nothing and shows nothing about permissions. The attempt shows that the principal's software or user does not behave as a read-only principal should.",
    action: "Ask the owner why the call was made, and stop it at its source. Check that the principal lacks the permission.",
    alerts: Some(AlertScope::Watched),
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let unprocessed = assessment.watched_calls().filter(|call| {
        !call.is_permitted()
            && matches!(call.operation_type(), OperationType::Mutating | OperationType::Privileged)
            && call.line.call_key.is_unprocessed()
    });
    group_calls(unprocessed, ClassifiedCall::operation, |i| {
        format!("AWS did not process `{}`: {}.", i.subject, count_noun(i.count, "call"))
    })
}
