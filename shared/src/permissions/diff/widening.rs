//! Whether a grant allows more than another of the same action.
//!
//! Enters: the old and the new grant, and the statements that decide about the action on both sides. Leaves:
//! [`Widening`]. Laws: `No` only if every request that the new policies allow, the old ones allowed; a variable is
//! compared only with itself.
//!
//! Two ways lead to `No`. Either every new allow is within an old one, every old deny is within a new one, and the same
//! holds of the permissions boundary. Or no statement has a condition, and the resources that remain are within the old
//! ones. With conditions, the resources that remain do not say on which condition each is granted.

use std::{collections::BTreeSet, sync::Arc};

use super::{super::granted_action::only_narrows, DiffSide};
use crate::{
    grants::{Certainty, DecidingStatement, Grant, Policy, StatementEffect, json::Json},
    pattern::{CompiledPattern, covers, has_wildcard},
};

/// Whether the new grant allows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Widening {
    /// It allows no more.
    No,
    /// That cannot be decided.
    Undecided,
    /// It allows more.
    Yes,
}

/// Compares two grants of one action.
pub(super) fn of(old: &Grant, new: &Grant, before: &DiffSide<'_>, after: &DiffSide<'_>) -> Widening {
    if new.certainty > old.certainty {
        return Widening::Yes;
    }
    // A pattern that matches no known action stands for actions that statements may cover one by one.
    if has_wildcard(&new.action.key) {
        return Widening::Undecided;
    }
    let statements = |side: &DiffSide<'_>| side.statements.of_action(&new.action.key);
    let (held, given) = (statements(before), statements(after));
    let has_boundary = (before.statements.has_boundary(), after.statements.has_boundary());
    // The same condition may hold for another principal or with other tags.
    let is_same_caller = before.snapshot.tags == after.snapshot.tags
        && is_same_trust(before.snapshot.trust_policy.as_ref(), after.snapshot.trust_policy.as_ref())
        && before.snapshot.account == after.snapshot.account;
    if has_boundary != (true, false) && are_within(&held, &given, is_same_caller) {
        return Widening::No;
    }
    let widening = resources(old, new).max(denied(old, new)).max(conditions(old, new));
    let is_free = held.iter().chain(&given).all(|statement| statement.conditions.is_empty());
    match (widening, new.certainty) {
        // Of a conditional grant it is not known whether it allows anything.
        (Widening::Yes, Certainty::Conditional) => Widening::Undecided,
        (Widening::No, _) if !is_free => Widening::Undecided,
        (widening, _) => widening,
    }
}

/// Whether two trust policies say the same, whatever white space their documents have.
fn is_same_trust(old: Option<&Policy>, new: Option<&Policy>) -> bool {
    let document = |policy: &Policy| serde_json::from_str::<Json>(&policy.text).ok();
    match (old, new) {
        (Some(old), Some(new)) => {
            old.text == new.text || document(old).is_some_and(|old| document(new) == Some(old))
        }
        (None, None) => true,
        _ => false,
    }
}

/// Whether the new statements allow no request that the old ones did not allow, statement by statement.
fn are_within(old: &[DecidingStatement], new: &[DecidingStatement], is_same_caller: bool) -> bool {
    let of = |all: &'_ [DecidingStatement], effect| -> Vec<DecidingStatement> {
        all.iter().filter(|statement| statement.effect == effect).cloned().collect()
    };
    // A statement is within another if it has all of its conditions, and no other resources.
    let is_within = |narrow: &DecidingStatement, wide: &DecidingStatement| {
        (wide.conditions.is_empty() || is_same_caller && wide.conditions.is_subset(&narrow.conditions))
            && (wide.resources == narrow.resources
                || narrow.resources.iter().all(|one| wide.resources.iter().any(|own| contains(own, one))))
    };
    let allows = of(new, StatementEffect::Allow);
    let is_met = |deny: &DecidingStatement| {
        let pairs = deny
            .resources
            .iter()
            .flat_map(|one| allows.iter().flat_map(|allow| &allow.resources).map(move |other| (one, other)));
        pairs.into_iter().any(|(one, other)| {
            !is_plain(one)
                || !is_plain(other)
                || CompiledPattern::of(one).overlaps(&CompiledPattern::of(other))
        })
    };
    let each_within = |effect| {
        let wide = of(old, effect);
        of(new, effect).iter().all(|narrow| wide.iter().any(|wide| is_within(narrow, wide)))
    };
    let denies = of(new, StatementEffect::Deny);
    let still_denied =
        |deny: &DecidingStatement| !is_met(deny) || denies.iter().any(|wide| is_within(deny, wide));
    // Without an old boundary, a new one only narrows.
    let has_old_limit = old.iter().any(|statement| statement.effect == StatementEffect::Limit);
    each_within(StatementEffect::Allow)
        && (!has_old_limit || each_within(StatementEffect::Limit))
        && of(old, StatementEffect::Deny).iter().all(still_denied)
}

/// Whether every resource of one pattern is a resource of another, as far as their texts are known.
fn contains(wide: &str, narrow: &str) -> bool {
    let is_covered = || {
        let (wide, narrow) = (comparable(wide)?, comparable(narrow)?);
        // One `?` is one character, and the value of a variable may be longer.
        Some(!(wide.contains('?') && narrow.contains(is_variable_char)) && covers(&wide, &narrow))
    };
    wide == "*" || !wide.starts_with("not:") && wide == narrow || is_covered() == Some(true)
}

/// First of the private characters that stand for those of a variable.
const VARIABLE_BASE: u32 = 0xf_0000;

fn is_variable_char(c: char) -> bool {
    u32::from(c) >= VARIABLE_BASE
}

/// A pattern with private characters for its policy variables, so that only `*` and the same variable match them; none
/// if its meaning is not known for another reason.
fn comparable(resource: &str) -> Option<String> {
    let (mut text, mut is_inside, mut rest) = (String::with_capacity(resource.len()), false, resource);
    while let Some(c) = rest.chars().next() {
        // A dollar sign.
        if let Some(after) = rest.strip_prefix("${$}").filter(|_| !is_inside) {
            text.push('$');
            rest = after;
            continue;
        }
        is_inside |= rest.starts_with("${");
        match (is_inside, is_variable_char(c)) {
            (_, true) => return None,
            (true, false) => text.push(char::from_u32(VARIABLE_BASE.checked_add(u32::from(c))?)?),
            (false, false) => text.push(c),
        }
        is_inside &= c != '}';
        rest = rest.get(c.len_utf8()..)?;
    }
    let is_incomplete = text.starts_with("arn:") && text.split(':').count() < 6 && !text.ends_with('*');
    (!text.starts_with("not:") && !is_incomplete).then_some(text)
}

/// The variables of a pattern, as [`comparable`] writes them.
fn variables(text: &str) -> BTreeSet<&str> {
    text.split(|c| !is_variable_char(c)).filter(|part| !part.is_empty()).collect()
}

/// Whether a pattern is wider than one of others, whatever the values of the variables.
fn is_wider_than_one(resource: &str, others: &[Arc<str>]) -> bool {
    let Some(text) = comparable(resource) else { return false };
    let own = variables(&text);
    let others: Option<Vec<String>> = others.iter().map(|other| comparable(other)).collect();
    others.is_some_and(|others| {
        others.iter().all(|other| variables(other).is_subset(&own))
            && others.iter().any(|other| !text.contains('?') && covers(&text, other))
    })
}

/// Whether the meaning of a pattern is known in full.
fn is_plain(resource: &str) -> bool {
    comparable(resource).is_some_and(|text| !text.contains(is_variable_char))
}

fn resources(old: &Grant, new: &Grant) -> Widening {
    let held = &old.scope.resources;
    let compare = |resource: &Arc<str>| match held.iter().any(|own| contains(own, resource)) {
        true => Widening::No,
        false if is_plain(resource) && held.iter().all(|own| is_plain(own)) => Widening::Yes,
        false if is_wider_than_one(resource, held) => Widening::Yes,
        false => Widening::Undecided,
    };
    new.scope.resources.iter().map(compare).max().unwrap_or(Widening::No)
}

/// Whether a resource was denied that is denied no more.
fn denied(old: &Grant, new: &Grant) -> Widening {
    let still = &new.scope.denied_resources;
    let compare = |resource: &Arc<str>| {
        let shape = CompiledPattern::of(resource);
        let meets = |granted: &Arc<str>| CompiledPattern::of(granted).overlaps(&shape);
        let granted = &new.scope.resources;
        match still.iter().any(|own| contains(own, resource)) {
            true => Widening::No,
            false if !(is_plain(resource) && granted.iter().chain(still).all(|one| is_plain(one))) => {
                Widening::Undecided
            }
            false if granted.iter().any(meets) => Widening::Yes,
            false => Widening::No,
        }
    };
    old.scope.denied_resources.iter().map(compare).max().unwrap_or(Widening::No)
}

/// Further denies and limits narrow. Other conditions may be alternatives, so they are not compared.
fn conditions(old: &Grant, new: &Grant) -> Widening {
    let (before, after) = (&old.scope.conditions, &new.scope.conditions);
    let gone = before.iter().any(|condition| !after.contains(condition));
    let mut more = after.iter().filter(|condition| !before.contains(condition));
    match (gone, after.is_empty()) {
        (true, true) => Widening::Yes,
        (true, false) => Widening::Undecided,
        (false, _) if more.all(|condition| only_narrows(condition)) => Widening::No,
        (false, _) => Widening::Undecided,
    }
}
