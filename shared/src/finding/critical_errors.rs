//! `critical-errors`: calls of a watched principal with credentials that AWS does not accept.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::assessment::{Assessment, ClassifiedCall};

/// The rule `critical-errors`.
pub const RULE: FindingRule = FindingRule {
    id: "critical-errors",
    severity: Severity::Medium,
    title: "A watched principal had critical errors",
    meaning: "The error codes are of a kind after which no call succeeds, such as credentials that AWS does not accept. A tool with \
              such credentials reports nothing; used by another, they may be a sign of a stolen key.",
    action: "Find the program that makes the calls, and replace its credentials.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let is_critical = |call: &&ClassifiedCall<'_>| {
        call.error_kind().is_some_and(|kind| kind.severity() == Severity::Critical)
    };
    let code =
        |call: &ClassifiedCall<'_>| call.line.call_key.error_code.as_deref().unwrap_or_default().to_owned();
    group_calls(assessment.watched_calls().filter(is_critical), code, |found| {
        format!("`{}`: {}.", found.subject, count_noun(found.count, "call"))
    })
}
