//! `escalation-path`: a way from what a watched principal may do to more.

use super::{Instance, Rule, Severity, policies, words};
use crate::{assessment::Assessment, permissions::EscalationPath};

/// Characters of a way that the sentence repeats.
const WAY: usize = 500;

/// The rule.
pub const RULE: Rule = Rule {
    id: "escalation-path",
    severity: Severity::Critical,
    title: "A watched principal could give itself more permissions",
    meaning: "Whatever else its policies keep from it is one call, or a few, away.",
    action: "Take one of the actions the way needs out of its policies, or narrow it to what leads nowhere.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let instance = |path: &EscalationPath| {
        let maybe = if path.is_sure { "" } else { ", if conditions hold that policies alone do not tell" };
        Instance {
            severity: (!path.is_sure).then_some(Severity::High),
            subject: path.id.clone(),
            seen: format!("It could {}{maybe}.", words::cut(path.path.trim_end_matches('.'), WAY)),
            count: 1,
            resources: path.resources.iter().take(super::RESOURCES).cloned().collect(),
            ..Instance::default()
        }
    };
    policies(assessment, |_, could| Some(could.escalation_paths.iter().map(instance).collect()))
}
