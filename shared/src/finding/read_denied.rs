//! `read-denied`: a read by a watched principal that AWS refused.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{
    assessment::{Assessment, Judged},
    event::Outcome,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "read-denied",
    severity: Severity::Low,
    title: "A watched principal was refused a read",
    meaning: "Nothing was disclosed. A tool that misses a read it needs may report less than there is.",
    action: "Grant the read if the principal is meant to see this; otherwise stop asking for it.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let denied = assessment
        .watched_calls()
        .filter(|judged| judged.is_permitted() && judged.outcome() == Outcome::Denied);
    gather(denied, Judged::operation, |i| {
        format!("`{}` was refused: {}.", i.subject, counted(i.count, "call"))
    })
}
