//! `console-use-by-machine`: console activity of a watched principal that is marked as a machine.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{assessment::Assessment, event::EventKind};

/// The rule `console-use-by-machine`.
pub const RULE: FindingRule = FindingRule {
    id: "console-use-by-machine",
    severity: Severity::Medium,
    title: "A watched principal was used in the console, although it is for machines",
    meaning: "The configuration marks the principal with `machine = true`, and the calls came from a session of the AWS console.",
    action: "Find out who signed in as the principal; if the principal is a role, restrict the role's trust policy to the workload that is meant to use the role.",
    alerts: None,
    needs_policies: false,
    inactive: Some(no_machine_is_watched),
    find,
};

fn no_machine_is_watched(assessment: &Assessment<'_>) -> Option<&'static str> {
    let is_any = assessment.config.watch.iter().any(|watch| watch.machine);
    (!is_any).then_some("no watch entry sets `machine = true`")
}

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let console = assessment.classified.iter().filter(|call| {
        call.watch.is_some_and(|watch| watch.machine)
            && (call.line.call_key.is_console_session || call.line.call_key.kind == EventKind::SignIn)
    });
    group_calls(
        console,
        |_| "console".to_owned(),
        |i| format!("{} from the console.", count_noun(i.count, "event")),
    )
}
