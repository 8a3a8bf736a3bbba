//! `high-error-rate`: a share of failed and denied calls of a watched principal above the threshold.

use std::{collections::BTreeMap, sync::Arc};

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{assessment::Assessment, coverage::percent, event::Outcome};

/// The rule `high-error-rate`.
pub const RULE: FindingRule = FindingRule {
    id: "high-error-rate",
    severity: Severity::Medium,
    title: "A watched principal had a high share of failed calls",
    meaning: "A high share of failed calls points to a broken tool, to missing permissions, or to probing.",
    action: "Check the errors by operation; repair the tool, or find out who is probing.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let thresholds = &assessment.config.thresholds;
    let mut calls: BTreeMap<(&Arc<str>, &[Arc<str>]), u64> = BTreeMap::new();
    for call in assessment.watched_calls() {
        let path = call.role_chain.as_ref().map(|chain| chain.path.as_slice()).unwrap_or_default();
        *calls.entry((call.attributed_to(), path)).or_default() += call.count;
    }
    let errors = assessment.watched_calls().filter(|call| call.outcome() != Outcome::Succeeded);
    let mut instances = group_calls(errors, |_| "errors".to_owned(), |_| String::new());
    instances.retain_mut(|instance| {
        let Some(principal) = &instance.principal else { return false };
        let all = calls.get(&(principal, &*instance.role_chain)).copied().unwrap_or_default();
        let Some(share) = percent(instance.count, all) else {
            return false;
        };
        instance.observation =
            format!("{} of {} did not succeed: {share} %.", instance.count, count_noun(all, "call"));
        all >= thresholds.error_rate_min_calls && share > thresholds.error_rate
    });
    instances
}
