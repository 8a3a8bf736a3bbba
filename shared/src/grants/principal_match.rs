//! The principals a resource-based policy names.
//!
//! Enters: the principals of a statement, and the caller. Leaves: whether and how they match the caller. Laws: a
//! named account delegates to its own policies and allows nothing by itself; a name that may be another principal is
//! undecided.
//!
//! Source: IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal", and "Policy evaluation for
//! requests within a single account" (roles and sessions against boundaries), read 2026-11.

use super::{
    condition::Applicability,
    context::CallerContext,
    statement::{Effect, PrincipalElement},
};

/// How a statement names the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PrincipalMatch {
    /// By its account: policies of the account have to allow as well.
    ViaAccount,
    /// As a role: its permissions boundary has to allow as well.
    AsRole,
    /// As a user, a session or `*`: the permissions boundary does not apply.
    Direct,
}

/// Whether and how the statement names the caller; none if it does not.
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
        // A caller that is named is excluded; a caller that may be named is undecided.
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
        // A unique id: the caller's, or that of a deleted principal.
        [id] if id.starts_with('A') => Some((PrincipalMatch::Direct, Applicability::Unknown)),
        ["arn", _, "iam", _, account, "root"] => (account == caller.account).then_some(match_account(effect)),
        // A session of the role; the caller of AssumeRole chooses its name.
        ["arn", _, "sts", _, account, session] if caller.is_role && account == caller.account => {
            let role = session.strip_prefix("assumed-role/")?.split('/').next()?;
            (caller.arn.rsplit('/').next() == Some(role))
                .then_some((PrincipalMatch::Direct, Applicability::CallerControlled))
        }
        _ => None,
    }
}

// AWS does not document whether a deny that names an account denies all its principals.
const fn match_account(effect: Effect) -> (PrincipalMatch, Applicability) {
    match effect {
        Effect::Allow => (PrincipalMatch::ViaAccount, Applicability::Always),
        Effect::Deny => (PrincipalMatch::ViaAccount, Applicability::Unknown),
    }
}
