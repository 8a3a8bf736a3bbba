//! `unused-grant`: permissions that a watched principal did not use.

use super::{FindingRule, RuleMatch, Severity, count_noun, matches_by_policies, phrases};
use crate::{
    access_matrix::{UnusedService, observed_hours, unused_services},
    assessment::Assessment,
};

/// The rule `unused-grant`.
pub const RULE: FindingRule = FindingRule {
    id: "unused-grant",
    severity: Severity::Low,
    title: "A watched principal has permissions it did not use",
    meaning: "An unused permission only helps an attacker who takes over the principal.",
    action: "Remove the permissions that stay unused over a full cycle of the principal's work; `onlooker guardrails` writes a policy of what was used.",
    alerts: None,
    needs_policies: true,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    matches_by_policies(assessment, |case, _| {
        let hours = observed_hours(assessment, case);
        let (unused, reads) = unused_services(case, assessment.coverage);
        let sum = |count: fn(&UnusedService) -> u64| unused.iter().map(count).sum::<u64>();
        let actions = sum(|one| one.actions) + reads.actions;
        let (excessive, unlogged) = (sum(|one| one.excessive), sum(|one| one.unlogged) + reads.unlogged);
        // Where no use would be logged, no permission is known to be unused.
        if hours == 0 || actions == unlogged {
            return None;
        }
        let of = match excessive {
            0 => String::new(),
            1 => ", 1 of them not read-only".to_owned(),
            n => format!(", {n} of them not read-only"),
        };
        let but = match unlogged {
            0 => String::new(),
            n => format!(" The use of {n} of them is not known to be logged."),
        };
        Some(vec![RuleMatch {
            severity: (excessive > 0).then_some(Severity::Medium),
            subject: "policies".to_owned(),
            observation: format!(
                "The principal did not use {} in {} with evidence{of}.{but}",
                count_noun(actions, "granted action"),
                phrases::duration(hours)
            ),
            count: actions,
            ..RuleMatch::default()
        }])
    })
}
