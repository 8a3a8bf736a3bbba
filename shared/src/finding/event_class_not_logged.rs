//! `event-class-not-logged`: an event class that is part of the promise and not known to be logged.

use super::{Instance, Rule, Severity, counted, words};
use crate::{
    assessment::Assessment,
    coverage::Class,
    report::{
        Mode,
        matrix::{cases, unread},
    },
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "event-class-not-logged",
    severity: Severity::High,
    title: "A class of events that nobody is known to log",
    meaning: "What a principal does in this class leaves no trace in the evidence, so its silence proves nothing.",
    action: "Log the class in the trail and name it in `coverage.logged`, or narrow the promise with `coverage.event_classes`.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    if assessment.mode == Mode::Discovery {
        return Vec::new();
    }
    let gap = |class: &Class| {
        let seen = match class.accounts.len() as u64 {
            0 => "no account".to_owned(),
            n => counted(n, "account"),
        };
        Instance {
            subject: class.class.clone(),
            seen: format!(
                "Events of the class `{}` are seen in {seen} and not known to be logged in all{}.",
                class.class,
                policies_on(assessment, &class.class)
            ),
            count: 1,
            ..Instance::default()
        }
    };
    assessment.coverage.class_gaps().map(gap).collect()
}

/// What policies that were read say of a class nobody logs. That nobody could have acted there does not close the gap:
/// policies of resources were not read, and those can let somebody in.
fn policies_on(assessment: &Assessment<'_>, class: &str) -> String {
    let could = words::could_act_in(assessment, class);
    let cases = cases(assessment);
    if could.is_empty() && !cases.is_empty() && unread(assessment, &cases).is_empty() {
        return "; by its policies no watched principal could have done more than read there".to_owned();
    }
    could
}
