//! `root-use`: any event of a root user, unless an AWS service made it.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use std::collections::BTreeSet;

use crate::assessment::{Assessment, ClassifiedCall};

/// The rule `root-use`.
pub const RULE: FindingRule = FindingRule {
    id: "root-use",
    severity: Severity::High,
    title: "The root user was used",
    meaning: "The root user can do everything and no policy of its own account restricts it, so it can bypass every read-only promise.",
    action: "Find out who used the root user and why; secure the root user's credentials with MFA, and use roles.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let root = || assessment.classified.iter().filter(|call| call.is_root_use());
    let mut instances = group_calls(root(), |_| "root user".to_owned(), |_| String::new());
    for instance in &mut instances {
        let of_principal =
            |call: &&ClassifiedCall<'_>| Some(&call.principal().arn) == instance.principal.as_ref();
        let names: BTreeSet<&str> =
            root().filter(of_principal).map(|call| &*call.line.call_key.name).collect();
        let some: Vec<String> = names.iter().take(MAX_NAMED_EVENTS).map(|name| format!("`{name}`")).collect();
        let more = if names.len() > MAX_NAMED_EVENTS { ", ..." } else { "" };
        instance.observation = format!("{}: {}{more}.", count_noun(instance.count, "event"), some.join(", "));
    }
    instances
}

/// Event names that a finding lists.
const MAX_NAMED_EVENTS: usize = 5;
