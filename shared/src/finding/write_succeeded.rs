//! `write-succeeded`: a write by a watched principal that succeeded.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{
    assessment::{Assessment, Judged},
    event::Outcome,
    operation::OperationType,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "write-succeeded",
    severity: Severity::Critical,
    title: "A watched principal changed something",
    meaning: "A principal that is promised to be read-only made a call that changes state, and AWS carried it out.",
    action: "Find out who used the principal and what was changed, undo it if it was not wanted, then take the permission away or stop promising that the principal is read-only.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let writes = assessment.watched_calls().filter(|judged| {
        judged.operation_type() == OperationType::Mutating && judged.outcome() == Outcome::Succeeded
    });
    gather(writes, Judged::operation, |i| format!("`{}` succeeded: {}.", i.subject, counted(i.count, "call")))
}
