//! `escalation-path`: a way from what a watched principal may do to more.

use super::{Instance, Rule, Severity, policies, words};
use crate::{assessment::Assessment, permissions::EscalationPath};

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
        let end = if path.path.ends_with('.') { "" } else { "." };
        let on = match &*path.resources {
            [] => String::new(),
            resources => format!(" It leads through {}.", words::some(resources.iter().map(|one| &**one), 3)),
        };
        let maybe = if path.is_sure { "" } else { " Some of it depends on conditions." };
        Instance {
            severity: (!path.is_sure).then_some(Severity::High),
            subject: path.id.clone(),
            seen: format!("{}{end}{on}{maybe}", path.path),
            count: 1,
            ..Instance::default()
        }
    };
    policies(assessment, |_, could| Some(could.escalation_paths.iter().map(instance).collect()))
}
