//! `unknown-operation`: an unknown operation called by a watched principal, or in a discovery by any principal.

use super::{AlertScope, FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall, ReportMode},
    operation::OperationType,
};

/// The rule `unknown-operation`.
pub const RULE: FindingRule = FindingRule {
    id: "unknown-operation",
    severity: Severity::High,
    title: "A principal called an unknown operation",
    meaning: "The catalog does not list the operation, the record does not mark it as read-only, and its name matches no pattern, so it counts as not read-only.",
    action: "Refresh the catalog; if it still does not list the operation, check what the operation does and allow it with an override.",
    alerts: Some(AlertScope::Watched),
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let unknown = assessment.calls().filter(|call| {
        !call.is_permitted()
            && call.operation_type() == OperationType::Unknown
            && (call.watch.is_some() || assessment.mode == ReportMode::Discovery)
    });
    group_calls(unknown, ClassifiedCall::operation, |i| {
        format!("`{}` is unknown: {}.", i.subject, count_noun(i.count, "call"))
    })
}
