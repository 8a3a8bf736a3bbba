//! Whom the policy of a resource is about.
//!
//! Enters: the principals of a statement, and the caller. Leaves: whether and how he is meant. Laws: an account that is
//! named lends its own policies the right to allow, and allows nothing itself; what may be somebody else is open.
//!
//! Source: IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal", and "Policy evaluation for requests
//! within a single account" (roles and sessions against boundaries), read 2026-11.

use super::{
    condition::Outcome,
    context::Caller,
    statement::{Effect, Principals},
};

/// How a caller is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum How {
    /// Through his account, whose own policies have to allow as well.
    Delegated,
    /// As a role: its boundary has to allow as well.
    Bounded,
    /// As a user, a session, or anybody: no boundary has a say.
    Direct,
}

/// Whether and how the caller is meant; none when he is not.
pub(super) fn meant(principals: &Principals, caller: &Caller, effect: Effect) -> Option<(How, Outcome)> {
    let found: Vec<(How, Outcome)> = principals
        .aws
        .iter()
        .filter_map(|text| named(text, caller, effect))
        .chain(principals.has_canonical.then_some((How::Delegated, Outcome::Open)))
        .collect();
    if principals.is_not {
        // Whoever is named himself is left out; whoever may be named, perhaps.
        return match found.iter().map(|(how, outcome)| (*outcome == Outcome::Always, *how)).max() {
            None => Some((How::Direct, Outcome::Always)),
            Some((true, How::Bounded | How::Direct)) => None,
            Some(_) => Some((How::Direct, Outcome::Open)),
        };
    }
    found.into_iter().max_by_key(|(how, outcome)| match effect {
        Effect::Allow => (*outcome >= Outcome::Chosen, *how, *outcome),
        Effect::Deny => (*outcome == Outcome::Always, *how, *outcome),
    })
}

fn named(text: &str, caller: &Caller, effect: Effect) -> Option<(How, Outcome)> {
    if text == "*" {
        return Some((How::Direct, Outcome::Always));
    }
    if caller.arn.is_empty() {
        return Some((How::Delegated, Outcome::Open));
    }
    if text == caller.arn {
        return Some((if caller.is_role { How::Bounded } else { How::Direct }, Outcome::Always));
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match *parts.as_slice() {
        [account] if account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit()) => {
            (account == caller.account).then_some(account_of(effect))
        }
        // A unique id: the caller's, or that of somebody who is gone.
        [id] if id.starts_with('A') => Some((How::Direct, Outcome::Open)),
        ["arn", _, "iam", _, account, "root"] => (account == caller.account).then_some(account_of(effect)),
        // A session of the role, of a name that whoever begins it chooses.
        ["arn", _, "sts", _, account, session] if caller.is_role && account == caller.account => {
            let role = session.strip_prefix("assumed-role/")?.split('/').next()?;
            (caller.arn.rsplit('/').next() == Some(role)).then_some((How::Direct, Outcome::Chosen))
        }
        _ => None,
    }
}

// Whether naming an account in a deny denies all its principals is not said anywhere in so many words.
const fn account_of(effect: Effect) -> (How, Outcome) {
    match effect {
        Effect::Allow => (How::Delegated, Outcome::Always),
        Effect::Deny => (How::Delegated, Outcome::Open),
    }
}
