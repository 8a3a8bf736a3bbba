//! `root-use`: any event of a root user.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use std::collections::BTreeSet;

use crate::{
    assessment::{Assessment, ClassifiedCall},
    principal::PrincipalKind,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "root-use",
    severity: Severity::High,
    title: "The root user was used",
    meaning: "The root user can do everything and is bound by no policy of its own account: no promise of being read-only holds beside it.",
    action: "Find out who used it and why; lock its credentials away, with MFA, and use roles.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let root =
        || assessment.classified.iter().filter(|judged| judged.principal().kind == PrincipalKind::Root);
    let mut instances = group_calls(root(), |_| "root user".to_owned(), |_| String::new());
    for instance in &mut instances {
        let of_it =
            |judged: &&ClassifiedCall<'_>| Some(&judged.principal().arn) == instance.principal.as_ref();
        let names: BTreeSet<&str> = root().filter(of_it).map(|judged| &*judged.line.call_key.name).collect();
        let some: Vec<String> = names.iter().take(MAX_NAMED_EVENTS).map(|name| format!("`{name}`")).collect();
        let more = if names.len() > MAX_NAMED_EVENTS { ", ..." } else { "" };
        instance.observation = format!("{}: {}{more}.", count_noun(instance.count, "event"), some.join(", "));
    }
    instances
}

/// Events a finding names.
const MAX_NAMED_EVENTS: usize = 5;
