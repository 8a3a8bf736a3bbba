//! `override-unused`: an override that allowed no call in the evidence.

use super::{FindingRule, RuleMatch, Severity, count_noun};
use crate::{
    assessment::Assessment,
    config::{Override, Watch},
};

/// The rule `override-unused`.
pub const RULE: FindingRule = FindingRule {
    id: "override-unused",
    severity: Severity::Info,
    title: "An override allowed no call",
    meaning: "The override allowed no call in the evidence, so the override is an exception without a use.",
    action: "Remove the override, or check its patterns and when it begins.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    // The deployment adds overrides for the purposes of Onlooker's own roles, and its user cannot remove them.
    let is_own =
        |entry: &Override| assessment.config.watch_for_arn(&entry.principal).is_some_and(Watch::is_own_role);
    let unused = |(position, unused): (usize, &Override)| {
        let used = assessment.allowed_calls.contains_key(&position)
            || assessment.expired_calls.contains_key(&position);
        let early = assessment.early_calls.get(&position).copied().unwrap_or_default();
        let why = match (early, unused.from) {
            (1.., Some(from)) => {
                format!("allowed no call: it begins at {from}, after {}", count_noun(early, "matching call"))
            }
            _ => "matched no call".to_owned(),
        };
        (!used && !is_own(unused)).then(|| RuleMatch {
            subject: unused.id.clone(),
            observation: format!("Override `{}` of {} {why}.", unused.id, unused.owner),
            ..RuleMatch::default()
        })
    };
    assessment.config.overrides.iter().enumerate().filter_map(unused).collect()
}
