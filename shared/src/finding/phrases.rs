//! Words about what policies grant.
//!
//! Enters: grants, statements, names. Leaves: parts of sentences. Law: names out of policies are cut, so no policy can
//! write a report.

use std::{collections::BTreeSet, sync::Arc};

use super::count_noun;
use crate::{
    assessment::Assessment,
    grants::{Grant, StatementId},
    operation::Capabilities,
    report::matrix::principals_granted_in_class,
};

/// Characters of a name that a sentence repeats.
const MAX_NAME_CHARS: usize = 100;

/// What actions that carry a capability do, in the order a reader is told of it.
const CAPABILITY_PHRASES: [(Capabilities, &str); 8] = [
    (Capabilities::PRIVILEGE_ESCALATION, "privilege_escalation"),
    (Capabilities::ISSUE_CREDENTIALS, "mint credentials"),
    (Capabilities::EXPOSE_RESOURCE, "share outward"),
    (Capabilities::RUN_CODE, "run code"),
    (Capabilities::MUTATE, "change state"),
    (Capabilities::READ_SECRETS, "read secrets"),
    (Capabilities::READ_DATA, "read content"),
    (Capabilities::INCUR_COST, "spend money"),
];

/// A name in back quotes, cut where it is long.
pub fn quote(name: &str) -> String {
    format!("`{}`", truncate(&name.replace('`', "'"), MAX_NAME_CHARS))
}

/// A text, cut where it is longer than so many characters.
pub fn truncate(text: &str, most: usize) -> String {
    let cut: String = text.chars().take(most).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    cut + more
}

/// The first names, and how many more there are.
pub fn quote_some<'n>(names: impl Iterator<Item = &'n str>, most: usize) -> String {
    let names: Vec<&str> = names.collect();
    let shown: Vec<String> = names.iter().take(most).map(|name| quote(name)).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `40 change state, 3 mint credentials`: how many of the actions do what.
pub fn capability_counts(grants: &[&Grant]) -> String {
    let of = |(capability, does): &(Capabilities, &str)| {
        let n = grants.iter().filter(|grant| grant.action.capabilities.contains(*capability)).count();
        (n > 0).then(|| format!("{n} {does}"))
    };
    CAPABILITY_PHRASES.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// By which statements, the first three.
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

/// What conditions grants depend on, the first two.
pub fn condition_list(grants: &[&Grant]) -> String {
    let all: BTreeSet<&Arc<str>> = grants.iter().flat_map(|grant| &grant.scope.conditions).collect();
    quote_some(all.into_iter().map(|one| &**one), 2)
}

/// How long was looked, in days where it is as long.
pub fn duration(hours: u64) -> String {
    match hours {
        0..48 => count_noun(hours, "hour"),
        _ => count_noun(hours / 24, "day"),
    }
}

/// `: by its policies X could have used Y there`, of those who could have acted in a class of events; empty when nobody
/// could, as far as is known.
pub fn granted_in_class(assessment: &Assessment<'_>, class: &str) -> String {
    let actors = principals_granted_in_class(assessment, class);
    let shown: Vec<String> = actors
        .iter()
        .take(3)
        .map(|(arn, grants)| {
            format!("{} by {}", quote(arn), quote_some(grants.iter().map(|grant| &*grant.action.key), 3))
        })
        .collect();
    match actors.len() {
        0 => String::new(),
        n if n > 3 => format!("; there could have acted {}, and {} more", shown.join("; "), n - 3),
        _ => format!("; there could have acted {}", shown.join("; ")),
    }
}
