//! `high-error-rate`: a share of failed and denied calls of a watched principal above the threshold.

use std::collections::BTreeMap;

use super::{Instance, Rule, Severity, counted, gather};
use crate::{assessment::Assessment, coverage::percent, event::Outcome, principal::Principal};

/// The rule.
pub const RULE: Rule = Rule {
    id: "high-error-rate",
    severity: Severity::Medium,
    title: "Many calls of a watched principal fail",
    meaning: "A high share of failed calls points to a broken tool, to missing permissions, or to someone feeling their way.",
    action: "Look at the errors by operation; repair the tool or find out who is probing.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let thresholds = &assessment.config.thresholds;
    let mut calls: BTreeMap<&Principal, u64> = BTreeMap::new();
    for judged in assessment.watched_calls() {
        *calls.entry(judged.principal()).or_default() += judged.count;
    }
    let errors = assessment.watched_calls().filter(|judged| judged.outcome() != Outcome::Succeeded);
    let mut instances = gather(errors, |_| "errors".to_owned(), |_| String::new());
    instances.retain_mut(|instance| {
        let all = calls
            .iter()
            .filter(|(principal, _)| Some(&principal.arn) == instance.principal.as_ref())
            .map(|(_, calls)| calls)
            .sum::<u64>();
        let Some(share) = percent(instance.count, all) else {
            return false;
        };
        instance.seen = format!("{} of {} failed: {share} %.", instance.count, counted(all, "call"));
        all >= thresholds.error_rate_min_calls && share > thresholds.error_rate
    });
    instances
}
