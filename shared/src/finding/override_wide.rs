//! `override-wide`: an override that allows more than an exception should.

use super::{FindingRule, RuleMatch, Severity};
use crate::{assessment::Assessment, config::Override};

/// The rule `override-wide`.
pub const RULE: FindingRule = FindingRule {
    id: "override-wide",
    severity: Severity::Low,
    title: "An override is wide",
    meaning: "The override also allows calls that were not thought of when it was added.",
    action: "Replace the override with one that names one operation and one principal and ends within a year.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let wide = |(position, wide): (usize, &Override)| {
        let reasons = assessment.wide_reasons(wide);
        (!reasons.is_empty()).then(|| RuleMatch {
            subject: wide.id.clone(),
            observation: format!(
                "Override `{}` of {} is wide: {}.",
                wide.id,
                wide.owner,
                reasons.join(", and ")
            ),
            count: assessment.allowed_calls.get(&position).copied().unwrap_or_default(),
            ..RuleMatch::default()
        })
    };
    assessment.config.overrides.iter().enumerate().filter_map(wide).collect()
}
