//! Words about what policies grant.
//!
//! Enters: grants, statements, names. Leaves: parts of sentences. Law: names out of policies are cut, so no policy can
//! write a report.

use std::{collections::BTreeSet, sync::Arc};

use super::counted;
use crate::{
    assessment::Assessment,
    grants::{Grant, StatementId},
    operation::Capabilities,
    report::matrix::actors,
};

/// Characters of a name that a sentence repeats.
const NAME: usize = 100;

/// What actions that carry a capability do, in the order a reader is told of it.
const DOES: [(Capabilities, &str); 8] = [
    (Capabilities::ESCALATE, "escalate"),
    (Capabilities::MINT_CREDENTIALS, "mint credentials"),
    (Capabilities::SHARE_OUTWARD, "share outward"),
    (Capabilities::RUN_CODE, "run code"),
    (Capabilities::MUTATE, "change state"),
    (Capabilities::READ_SECRETS, "read secrets"),
    (Capabilities::READ_DATA, "read content"),
    (Capabilities::SPEND_MONEY, "spend money"),
];

/// A name in back quotes, cut where it is long.
pub fn quoted(name: &str) -> String {
    format!("`{}`", cut(&name.replace('`', "'"), NAME))
}

/// A text, cut where it is longer than so many characters.
pub fn cut(text: &str, most: usize) -> String {
    let cut: String = text.chars().take(most).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    cut + more
}

/// The first names, and how many more there are.
pub fn some<'n>(names: impl Iterator<Item = &'n str>, most: usize) -> String {
    let names: Vec<&str> = names.collect();
    let shown: Vec<String> = names.iter().take(most).map(|name| quoted(name)).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `40 change state, 3 mint credentials`: how many of the actions do what.
pub fn does(grants: &[&Grant]) -> String {
    let of = |(capability, does): &(Capabilities, &str)| {
        let n = grants.iter().filter(|grant| grant.action.capabilities.contains(*capability)).count();
        (n > 0).then(|| format!("{n} {does}"))
    };
    DOES.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// By which statements, the first three.
pub fn by(grants: &[&Grant]) -> String {
    let mut seen: BTreeSet<&StatementId> = BTreeSet::new();
    let statements = grants.iter().flat_map(|grant| &grant.reach.statements);
    let distinct: Vec<&StatementId> = statements.filter(|one| seen.insert(one)).collect();
    let shown = distinct.iter().take(3).map(|one| {
        let policy = one.policy.rsplit_once(":policy/").map_or(&*one.policy, |(_, name)| name);
        format!("{} of {}", quoted(&one.statement), quoted(policy))
    });
    let shown: Vec<String> = shown.collect();
    match distinct.len().saturating_sub(3) {
        0 => shown.join(", "),
        more => format!("{} and {}", shown.join(", "), counted(more as u64, "more statement")),
    }
}

/// What conditions grants depend on, the first two.
pub fn conditions(grants: &[&Grant]) -> String {
    let all: BTreeSet<&Arc<str>> = grants.iter().flat_map(|grant| &grant.reach.conditions).collect();
    some(all.into_iter().map(|one| &**one), 2)
}

/// How long was looked, in days where it is as long.
pub fn observed(hours: u64) -> String {
    match hours {
        0..48 => counted(hours, "hour"),
        _ => counted(hours / 24, "day"),
    }
}

/// `: by its policies X could have used Y there`, of those who could have acted in a class of events; empty when nobody
/// could, as far as is known.
pub fn could_act_in(assessment: &Assessment<'_>, class: &str) -> String {
    let actors = actors(assessment, class);
    let shown: Vec<String> = actors
        .iter()
        .take(3)
        .map(|(arn, grants)| {
            format!("{} by {}", quoted(arn), some(grants.iter().map(|grant| &*grant.action.key), 3))
        })
        .collect();
    match actors.len() {
        0 => String::new(),
        n if n > 3 => format!("; there could have acted {}, and {} more", shown.join("; "), n - 3),
        _ => format!("; there could have acted {}", shown.join("; ")),
    }
}
