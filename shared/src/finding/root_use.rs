//! `root-use`: any event of a root user.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{assessment::Assessment, principal::PrincipalKind};

/// The rule.
pub const RULE: Rule = Rule {
    id: "root-use",
    severity: Severity::High,
    title: "The root user was used",
    meaning: "The root user can do everything and is bound by no policy of its own account: no promise of being read-only holds beside it.",
    action: "Find out who used it and why; lock its credentials away, with MFA, and use roles.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let root = assessment.judged.iter().filter(|judged| judged.principal().kind == PrincipalKind::Root);
    gather(
        root,
        |judged| judged.line.act.name.to_string(),
        |i| format!("`{}` by the root user: {}.", i.subject, counted(i.count, "event")),
    )
}
