//! `read-denied`: a read by a watched principal that AWS denied.

use super::{FindingRule, RuleMatch, Severity, group_calls, phrases};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
};

/// The rule `read-denied`.
pub const RULE: FindingRule = FindingRule {
    id: "read-denied",
    severity: Severity::Low,
    title: "A watched principal was denied a read",
    meaning: "Nothing was disclosed. A tool that lacks a read it needs may report less than there is.",
    action: "Grant the read if the principal needs it; otherwise stop the calls.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let denied =
        assessment.watched_calls().filter(|call| call.is_read_only() && call.outcome() == Outcome::Denied);
    group_calls(denied, ClassifiedCall::operation, phrases::denied_calls)
}
