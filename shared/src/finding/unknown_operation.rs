//! `unknown-operation`: an operation of a watched principal, or in a discovery of anyone, that nothing is known of.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    operation::OperationType,
    report::ReportMode,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "unknown-operation",
    severity: Severity::High,
    title: "A call nothing is known of",
    meaning: "The catalog does not know the operation, the record does not say that it only reads, and its name does not tell: it counts as not read-only.",
    action: "Refresh the catalog; if it still does not know the operation, read what it does and allow it with an override.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let unknown = assessment.calls().filter(|judged| {
        judged.operation_type() == OperationType::Unknown
            && (judged.watch.is_some() || assessment.mode == ReportMode::Discovery)
    });
    group_calls(unknown, ClassifiedCall::operation, |i| {
        format!("`{}` is unknown: {}.", i.subject, count_noun(i.count, "call"))
    })
}
