//! `root-use`: any event of a root user.

use super::{Instance, Rule, Severity, counted, gather};
use std::collections::BTreeSet;

use crate::{
    assessment::{Assessment, Judged},
    principal::PrincipalKind,
};

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
    let root = || assessment.judged.iter().filter(|judged| judged.principal().kind == PrincipalKind::Root);
    let mut instances = gather(root(), |_| "root user".to_owned(), |_| String::new());
    for instance in &mut instances {
        let of_it = |judged: &&Judged<'_>| Some(&judged.principal().arn) == instance.principal.as_ref();
        let names: BTreeSet<&str> = root().filter(of_it).map(|judged| &*judged.line.act.name).collect();
        let some: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = if names.len() > NAMED { ", ..." } else { "" };
        instance.seen = format!("{}: {}{more}.", counted(instance.count, "event"), some.join(", "));
    }
    instances
}

/// Events a finding names.
const NAMED: usize = 5;
