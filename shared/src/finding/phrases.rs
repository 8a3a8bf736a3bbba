//! Phrases about what policies grant.
//!
//! Enters: grants, statements, names. Leaves: parts of sentences. Law: names from policies are truncated, so that no
//! policy can write the text of a report.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{RuleMatch, count_noun};
use crate::{
    access_matrix::principals_granted_in_class,
    assessment::Assessment,
    event::DenyingPolicy,
    grants::{Grant, StatementId},
    operation::Capabilities,
    origin::CallOrigin,
};

/// Number of characters of a name that a sentence repeats.
pub(super) const MAX_NAME_CHARS: usize = 100;

/// What actions with a capability do, in the order of the text.
const CAPABILITY_PHRASES: [(Capabilities, &str); 8] = [
    (Capabilities::PRIVILEGE_ESCALATION, "escalate privileges"),
    (Capabilities::ISSUE_CREDENTIALS, "issue credentials"),
    (Capabilities::EXPOSE_RESOURCE, "expose resources"),
    (Capabilities::RUN_CODE, "run code"),
    (Capabilities::MUTATE, "change state"),
    (Capabilities::READ_SECRETS, "read secrets"),
    (Capabilities::READ_DATA, "read customer data"),
    (Capabilities::INCUR_COST, "incur cost"),
];

/// The last part of an ARN, truncated; of another text the text itself.
pub fn name_of(arn: &str) -> String {
    let name = if arn.starts_with("arn:") { arn.rsplit(['/', ':']).next() } else { None };
    truncate(name.filter(|name| !name.trim().is_empty()).unwrap_or(arn), MAX_NAME_CHARS)
}

/// A name in backticks, truncated.
pub fn quote(name: &str) -> String {
    format!("`{}`", truncate(&name.replace('`', "'"), MAX_NAME_CHARS))
}

/// A text, truncated to `most` characters.
pub fn truncate(text: &str, most: usize) -> String {
    let cut: String = text.chars().take(most).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    cut + more
}

/// Where a call came from: ``198.51.100.7, without MFA, user agent `aws-cli/2.31` ``. The caller chooses the user agent, so it is last
/// and quoted.
pub fn origin(origin: &CallOrigin) -> String {
    let mut text = origin.source_ip.as_deref().unwrap_or("an address that is not recorded").to_owned();
    match origin.mfa_authenticated {
        Some(true) => text.push_str(", with MFA"),
        Some(false) => text.push_str(", without MFA"),
        None => {}
    }
    if let Some(agent) = &origin.user_agent {
        text.push_str(&format!(", user agent {}", quote(agent)));
    }
    text
}

/// The first names, and the count of the others.
pub fn quote_some<'n>(names: impl Iterator<Item = &'n str>, most: usize) -> String {
    let names: Vec<&str> = names.collect();
    let shown: Vec<String> = names.iter().take(most).map(|name| quote(name)).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The sentence about denied calls to one operation, with the type of policy that denied them and the denied action, as
/// far as they are known.
pub fn denied_calls(denied: &RuleMatch) -> String {
    let by = denying_policy(denied);
    let mut counts: BTreeMap<DenyingPolicy, u64> = BTreeMap::new();
    for ((policy, _), count) in &denied.denials {
        if let Some(policy) = policy.filter(|_| by.is_empty()) {
            *counts.entry(policy).or_default() += count;
        }
    }
    let counts = counts.iter().map(|(policy, count)| format!(", {count} by {}", policy.with_article()));
    let actions: BTreeSet<&str> = denied.denials.keys().filter_map(|(_, action)| action.as_deref()).collect();
    let noun = if actions.len() == 1 { "action" } else { "actions" };
    let actions = match actions.is_empty() {
        true => String::new(),
        false => format!("; AWS denied the {noun} {}", quote_some(actions.into_iter(), 3)),
    };
    let (calls, counts) = (count_noun(denied.count, "call"), counts.collect::<String>());
    format!("`{}` was denied{by}: {calls}{counts}{actions}.", denied.subject)
}

/// ` by a service control policy`, if policies of one type denied all calls; else nothing.
pub fn denying_policy(denied: &RuleMatch) -> String {
    let policies: BTreeSet<Option<DenyingPolicy>> =
        denied.denials.keys().map(|(policy, _)| *policy).collect();
    let only = policies.first().copied().flatten().filter(|_| policies.len() == 1);
    only.map(|policy| format!(" by {}", policy.with_article())).unwrap_or_default()
}

/// `40 change state, 3 issue credentials`: how many of the actions have each capability.
pub fn capability_counts(grants: &[&Grant]) -> String {
    let of = |(capability, does): &(Capabilities, &str)| {
        let n = grants.iter().filter(|grant| grant.action.capabilities.contains(*capability)).count();
        (n > 0).then(|| format!("{n} {does}"))
    };
    CAPABILITY_PHRASES.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// The statements that grant them, the first three.
pub fn granting_statements(grants: &[&Grant]) -> String {
    let mut seen: BTreeSet<&StatementId> = BTreeSet::new();
    let statements = grants.iter().flat_map(|grant| &grant.scope.statements);
    let distinct: Vec<&StatementId> = statements.filter(|one| seen.insert(one)).collect();
    let shown = distinct.iter().take(3).map(|one| {
        let policy = one.policy.rsplit_once(":policy/").map_or(&*one.policy, |(_, name)| name);
        format!("{} of {}", quote(&one.statement), quote(policy))
    });
    let shown: Vec<String> = shown.collect();
    match distinct.len().saturating_sub(3) {
        0 => shown.join(", "),
        more => format!("{} and {}", shown.join(", "), count_noun(more as u64, "more statement")),
    }
}

/// The conditions that grants depend on, the first two.
pub fn condition_list(grants: &[&Grant]) -> String {
    let all: BTreeSet<&Arc<str>> = grants.iter().flat_map(|grant| &grant.scope.conditions).collect();
    quote_some(all.into_iter().map(|one| &**one), 2)
}

/// A number of hours, in days from 48 hours on.
pub fn duration(hours: u64) -> String {
    match hours {
        0..48 => count_noun(hours, "hour"),
        _ => count_noun(hours / 24, "day"),
    }
}

/// The principals with policies that grant more than reads in an event class, as a part of a sentence; empty when
/// there are none.
pub fn granted_in_class(assessment: &Assessment<'_>, class: &str) -> String {
    let actors = principals_granted_in_class(assessment, class);
    let shown: Vec<String> = actors
        .iter()
        .take(3)
        .map(|(arn, grants)| {
            format!("{} ({})", quote(arn), quote_some(grants.iter().map(|grant| &*grant.action.key), 3))
        })
        .collect();
    match actors.len() {
        0 => String::new(),
        n if n > 3 => {
            format!(
                "; more than reads in this event class is granted to {} and {} more",
                shown.join(", "),
                n - 3
            )
        }
        _ => format!("; more than reads in this event class is granted to {}", shown.join(", ")),
    }
}
