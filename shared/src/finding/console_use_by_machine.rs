//! `console-use-by-machine`: console activity of a watched principal that is marked as a machine.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{assessment::Assessment, event::EventKind};

/// The rule.
pub const RULE: Rule = Rule {
    id: "console-use-by-machine",
    severity: Severity::Medium,
    title: "A machine principal was used in the console",
    meaning: "The principal is configured as one that no person uses, and the calls came from a session of the AWS console.",
    action: "Find out who assumed it; restrict its trust policy to the machine it is for.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let console = assessment.judged.iter().filter(|judged| {
        judged.watch.is_some_and(|watch| watch.machine)
            && (judged.line.act.console || judged.line.act.kind == EventKind::SignIn)
    });
    gather(console, |_| "console".to_owned(), |i| format!("{} from the console.", counted(i.count, "event")))
}
