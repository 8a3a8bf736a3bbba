//! `unused-grant`: what a watched principal could do and never did.

use super::{FindingRule, RuleMatch, Severity, count_noun, matches_by_policies, phrases};
use crate::{
    assessment::Assessment,
    report::matrix::{observed_hours, unused_services},
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "unused-grant",
    severity: Severity::Low,
    title: "A watched principal may do what it never did",
    meaning: "A permission nobody uses serves only whoever takes the principal over.",
    action: "Take away what stays unused over the longest stretch its work needs; `onlooker guardrails` writes a policy of what was used.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    matches_by_policies(assessment, |case, _| {
        let hours = observed_hours(assessment, case);
        let (unused, reads) = unused_services(case, assessment.coverage);
        let sum = |count: fn(&crate::report::UnusedService) -> u64| unused.iter().map(count).sum::<u64>();
        let actions = sum(|one| one.actions) + reads.actions;
        let (excessive, unlogged) = (sum(|one| one.excessive), sum(|one| one.unlogged) + reads.unlogged);
        // Of what nobody logs nothing is known to be unused.
        if hours == 0 || actions == unlogged {
            return None;
        }
        let of = match excessive {
            0 => String::new(),
            1 => ", 1 of them no read".to_owned(),
            n => format!(", {n} of them no reads"),
        };
        let but = match unlogged {
            0 => String::new(),
            n => format!(" Of {n} of them nobody is known to log the use."),
        };
        Some(vec![RuleMatch {
            severity: (excessive > 0).then_some(Severity::Medium),
            subject: "policies".to_owned(),
            observation: format!(
                "{} never seen to be used in {} with evidence{of}.{but}",
                count_noun(actions, "granted action"),
                phrases::duration(hours)
            ),
            count: actions,
            ..RuleMatch::default()
        }])
    })
}
