//! `unidentified-write`: a call that is not read-only and of which the record does not identify the principal.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::assessment::{Assessment, ClassifiedCall, ReportMode};

/// The rule `unidentified-write`.
pub const RULE: FindingRule = FindingRule {
    id: "unidentified-write",
    severity: Severity::High,
    title: "An unidentified principal made a call that is not read-only",
    meaning: "The record does not identify the caller, so any watched principal may have made the call.",
    action: "Find the caller by access key, source address and time in the record; find out why the record carries no identity.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    if assessment.mode == ReportMode::Discovery {
        return Vec::new();
    }
    group_calls(assessment.unidentified_calls(), ClassifiedCall::operation, |i| {
        format!("`{}` by an unidentified principal: {}.", i.subject, count_noun(i.count, "call"))
    })
}
