//! `data-read`: a read of customer content by a watched principal that succeeded.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{
    assessment::{Assessment, Judged},
    event::Outcome,
    operation::Capabilities,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "data-read",
    severity: Severity::Low,
    title: "A watched principal read customer content",
    meaning: "The call changes nothing, but its response carries what customers store, not only how it is set up.",
    action: "Make sure the principal needs the content; a principal that only takes inventory does not.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let reads = assessment.watched_calls().filter(|judged| {
        let capabilities = judged.verdict.capabilities;
        judged.is_permitted()
            && judged.outcome() == Outcome::Succeeded
            && capabilities.contains(Capabilities::READ_DATA)
            && !capabilities.contains(Capabilities::READ_SECRETS)
    });
    gather(reads, Judged::operation, |i| {
        format!("`{}` returned content: {}.", i.subject, counted(i.count, "call"))
    })
}
