//! `unidentified-write`: a call that is no read and that nobody can be named for.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{
    assessment::{Assessment, Judged},
    report::Mode,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "unidentified-write",
    severity: Severity::High,
    title: "Somebody unknown did more than read",
    meaning: "The record does not say who made the call, so any watched principal may have made it.",
    action: "Find the caller by access key, source address and time in the record itself; find out why it carries no identity.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    if assessment.mode == Mode::Discovery {
        return Vec::new();
    }
    gather(assessment.unidentified(), Judged::operation, |i| {
        format!("`{}` by an unknown principal: {}.", i.subject, counted(i.count, "call"))
    })
}
