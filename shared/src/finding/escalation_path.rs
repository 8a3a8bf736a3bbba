//! `escalation-path`: a way from what a watched principal may do to more.

use super::{FindingRule, RuleMatch, Severity, matches_by_policies, phrases};
use crate::{assessment::Assessment, permissions::EscalationPath};

/// Characters of a way that the sentence repeats.
const MAX_PATH_CHARS: usize = 500;

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "escalation-path",
    severity: Severity::Critical,
    title: "A watched principal could give itself more permissions",
    meaning: "Whatever else its policies keep from it is one call, or a few, away.",
    action: "Take one of the actions the way needs out of its policies, or narrow it to what leads nowhere.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let instance = |path: &EscalationPath| {
        let maybe =
            if path.is_unconditional { "" } else { ", if conditions hold that policies alone do not tell" };
        RuleMatch {
            severity: (!path.is_unconditional).then_some(Severity::High),
            subject: path.id.clone(),
            observation: format!(
                "It could {}{maybe}.",
                phrases::truncate(path.description.trim_end_matches('.'), MAX_PATH_CHARS)
            ),
            count: 1,
            resources: path.resources.iter().take(super::MAX_RESOURCES).cloned().collect(),
            ..RuleMatch::default()
        }
    };
    matches_by_policies(assessment, |_, could| Some(could.escalation_paths.iter().map(instance).collect()))
}
