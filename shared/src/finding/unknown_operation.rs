//! `unknown-operation`: an operation of a watched principal, or in a discovery of anyone, that nothing is known of.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{
    assessment::{Assessment, Judged},
    operation::OperationType,
    report::Mode,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "unknown-operation",
    severity: Severity::High,
    title: "A call nothing is known of",
    meaning: "The catalog does not know the operation, the record does not say that it only reads, and its name does not tell: it counts as not read-only.",
    action: "Refresh the catalog; if it still does not know the operation, read what it does and allow it with an override.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let unknown = assessment.calls().filter(|judged| {
        judged.operation_type() == OperationType::Unknown
            && (judged.watch.is_some() || assessment.mode == Mode::Discovery)
    });
    gather(unknown, Judged::operation, |i| {
        format!("`{}` is unknown: {}.", i.subject, counted(i.count, "call"))
    })
}
