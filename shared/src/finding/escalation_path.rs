//! `escalation-path`: a privilege escalation path in the policies of a watched principal.

use super::{FindingRule, RuleMatch, Severity, matches_by_policies, phrases};
use crate::{assessment::Assessment, permissions::EscalationPath};

/// Maximum number of characters of a path's description that the observation repeats.
const MAX_PATH_CHARS: usize = 500;

/// The rule `escalation-path`.
pub const RULE: FindingRule = FindingRule {
    id: "escalation-path",
    severity: Severity::Critical,
    title: "A watched principal could escalate its privileges",
    meaning: "With one call, or a few, the principal can obtain permissions that the principal's own policies do not grant directly.",
    action: "Remove one of the actions this path needs, or limit that action to resources that grant nothing more.",
    alerts: None,
    needs_policies: true,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let instance = |path: &EscalationPath| {
        let maybe = if path.is_unconditional {
            ""
        } else {
            ", if conditions are met that cannot be determined from the policies"
        };
        RuleMatch {
            severity: (!path.is_unconditional).then_some(Severity::High),
            subject: path.id.clone(),
            observation: format!(
                "The principal could {}{maybe}.",
                phrases::truncate(path.description.trim_end_matches('.'), MAX_PATH_CHARS)
            ),
            count: 1,
            resources: path.resources.iter().take(super::MAX_RESOURCES).cloned().collect(),
            ..RuleMatch::default()
        }
    };
    matches_by_policies(assessment, |_, granted| {
        Some(granted.escalation_paths.iter().map(instance).collect())
    })
}
