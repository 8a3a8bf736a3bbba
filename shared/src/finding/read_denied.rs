//! `read-denied`: a read by a watched principal that AWS refused.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "read-denied",
    severity: Severity::Low,
    title: "A watched principal was refused a read",
    meaning: "Nothing was disclosed. A tool that misses a read it needs may report less than there is.",
    action: "Grant the read if the principal is meant to see this; otherwise stop asking for it.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let denied = assessment
        .watched_calls()
        .filter(|judged| judged.is_permitted() && judged.outcome() == Outcome::Denied);
    group_calls(denied, ClassifiedCall::operation, |i| {
        format!("`{}` was refused: {}.", i.subject, count_noun(i.count, "call"))
    })
}
