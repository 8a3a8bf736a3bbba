//! `unidentified-write`: a call that is no read and that nobody can be named for.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    report::ReportMode,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "unidentified-write",
    severity: Severity::High,
    title: "Somebody unknown did more than read",
    meaning: "The record does not say who made the call, so any watched principal may have made it.",
    action: "Find the caller by access key, source address and time in the record itself; find out why it carries no identity.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    if assessment.mode == ReportMode::Discovery {
        return Vec::new();
    }
    group_calls(assessment.unidentified_calls(), ClassifiedCall::operation, |i| {
        format!("`{}` by an unknown principal: {}.", i.subject, count_noun(i.count, "call"))
    })
}
