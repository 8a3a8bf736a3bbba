//! `source-conflict`: a record of a watched principal with a `readOnly` flag that contradicts the catalog.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::assessment::{Assessment, ClassifiedCall};

/// The rule `source-conflict`.
pub const RULE: FindingRule = FindingRule {
    id: "source-conflict",
    severity: Severity::Medium,
    title: "A record contradicts the operation catalog",
    meaning: "The record's `readOnly` flag says otherwise than the catalog about whether the operation changes state. The catalog decided.",
    action: "Find out what the operation does, and correct the catalog or override the operation; check where the log file comes from.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let contradicting = assessment.watched_calls().filter(|call| call.contradicts_catalog());
    group_calls(contradicting, ClassifiedCall::operation, |i| {
        format!(
            "The `readOnly` flag of `{}` contradicts the catalog: {}.",
            i.subject,
            count_noun(i.count, "call")
        )
    })
}
