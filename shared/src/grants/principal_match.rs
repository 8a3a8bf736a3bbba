//! Whom the policy of a resource is about.
//!
//! Enters: the principals of a statement, and the caller. Leaves: whether and how he is meant. Laws: an account that is
//! named lends its own policies the right to allow, and allows nothing itself; what may be somebody else is open.
//!
//! Source: IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal", and "Policy evaluation for requests
//! within a single account" (roles and sessions against boundaries), read 2026-11.

use super::{
    condition::Applicability,
    context::CallerContext,
    statement::{Effect, PrincipalElement},
};

/// How a caller is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PrincipalMatch {
    /// Through his account, whose own policies have to allow as well.
    ViaAccount,
    /// As a role: its boundary has to allow as well.
    AsRole,
    /// As a user, a session, or anybody: no boundary has a say.
    Direct,
}

/// Whether and how the caller is meant; none when he is not.
pub(super) fn match_element(
    principals: &PrincipalElement,
    caller: &CallerContext,
    effect: Effect,
) -> Option<(PrincipalMatch, Applicability)> {
    let found: Vec<(PrincipalMatch, Applicability)> = principals
        .aws
        .iter()
        .filter_map(|text| match_name(text, caller, effect))
        .chain(principals.has_canonical_user.then_some((PrincipalMatch::ViaAccount, Applicability::Unknown)))
        .collect();
    if principals.is_negated {
        // Whoever is named himself is left out; whoever may be named, perhaps.
        return match found.iter().map(|(how, outcome)| (*outcome == Applicability::Always, *how)).max() {
            None => Some((PrincipalMatch::Direct, Applicability::Always)),
            Some((true, PrincipalMatch::AsRole | PrincipalMatch::Direct)) => None,
            Some(_) => Some((PrincipalMatch::Direct, Applicability::Unknown)),
        };
    }
    found.into_iter().max_by_key(|(how, outcome)| match effect {
        Effect::Allow => (*outcome >= Applicability::CallerControlled, *how, *outcome),
        Effect::Deny => (*outcome == Applicability::Always, *how, *outcome),
    })
}

fn match_name(text: &str, caller: &CallerContext, effect: Effect) -> Option<(PrincipalMatch, Applicability)> {
    if text == "*" {
        return Some((PrincipalMatch::Direct, Applicability::Always));
    }
    if caller.arn.is_empty() {
        return Some((PrincipalMatch::ViaAccount, Applicability::Unknown));
    }
    if text == caller.arn {
        return Some((
            if caller.is_role { PrincipalMatch::AsRole } else { PrincipalMatch::Direct },
            Applicability::Always,
        ));
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match *parts.as_slice() {
        [account] if account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit()) => {
            (account == caller.account).then_some(match_account(effect))
        }
        // A unique id: the caller's, or that of somebody who is gone.
        [id] if id.starts_with('A') => Some((PrincipalMatch::Direct, Applicability::Unknown)),
        ["arn", _, "iam", _, account, "root"] => (account == caller.account).then_some(match_account(effect)),
        // A session of the role, of a name that whoever begins it chooses.
        ["arn", _, "sts", _, account, session] if caller.is_role && account == caller.account => {
            let role = session.strip_prefix("assumed-role/")?.split('/').next()?;
            (caller.arn.rsplit('/').next() == Some(role))
                .then_some((PrincipalMatch::Direct, Applicability::CallerControlled))
        }
        _ => None,
    }
}

// Whether naming an account in a deny denies all its principals is not said anywhere in so many words.
const fn match_account(effect: Effect) -> (PrincipalMatch, Applicability) {
    match effect {
        Effect::Allow => (PrincipalMatch::ViaAccount, Applicability::Always),
        Effect::Deny => (PrincipalMatch::ViaAccount, Applicability::Unknown),
    }
}
