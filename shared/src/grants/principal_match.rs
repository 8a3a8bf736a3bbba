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
    operator::OptionalTruth,
    statement::{Effect, PrincipalElement},
};
use crate::pattern::{CompiledPattern, PatternPart};

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
    if let Some(account) = named_account(text)
        && !caller.account.is_empty()
    {
        return (account == caller.account).then_some(match_account(effect));
    }
    let itself = if caller.is_role { PrincipalMatch::AsRole } else { PrincipalMatch::Direct };
    if caller.arn.is_empty() || text.contains("${") {
        return match is_declared_name(text, caller) {
            Some(true) => Some((itself, Applicability::Always)),
            None => Some((itself, Applicability::Unknown)),
            // Which principal the caller is, is not known in full.
            Some(false) if caller.arn.is_empty() => {
                Some((PrincipalMatch::ViaAccount, Applicability::Unknown))
            }
            Some(false) => None,
        };
    }
    if text == caller.arn {
        return Some((itself, Applicability::Always));
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match *parts.as_slice() {
        // A unique id: the caller's, or that of a deleted principal.
        [id] if id.starts_with('A') => Some((PrincipalMatch::Direct, Applicability::Unknown)),
        // A session of the role; the caller of AssumeRole chooses its name.
        ["arn", _, "sts", _, account, session] if caller.is_role && account == caller.account => {
            let role = session.strip_prefix("assumed-role/")?.split('/').next()?;
            (caller.arn.rsplit('/').next() == Some(role))
                .then_some((PrincipalMatch::Direct, Applicability::CallerControlled))
        }
        _ => None,
    }
}

/// The account that a name stands for, as its id or as the ARN of its root user.
pub(super) fn named_account(text: &str) -> Option<&str> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match *parts.as_slice() {
        [account] if account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit()) => {
            Some(account)
        }
        ["arn", _, "iam", _, account, "root"] => Some(account),
        _ => None,
    }
}

/// Whether a name is that of the caller, if the file of one of them does not say all of it; none if that cannot be
/// determined.
fn is_declared_name(text: &str, caller: &CallerContext) -> OptionalTruth {
    let own = caller.declared_arn.as_str();
    let mut fields = own.split(':');
    let (Some(partition), Some(account)) = (fields.nth(1), fields.nth(2)) else { return Some(false) };
    // The template and its principals are of one partition and, unless it names another, of one account.
    let text = text.replace("${AWS::Partition}", partition).replace("${AWS::AccountId}", account);
    if text == own {
        return Some(true);
    }
    // Two names that only a deployment generates are different.
    if let (Some(named), Some(own)) = (generated_name(&text), generated_name(own))
        && named != own
    {
        return Some(false);
    }
    let may_be = with_unknown_values(&text, false).overlaps(&with_unknown_values(own, true));
    if may_be { None } else { Some(false) }
}

/// The name of a user or role that is one value that the file does not say.
fn generated_name(arn: &str) -> Option<&str> {
    let name = arn.rsplit('/').next()?;
    let is_one = name.starts_with("${") && name.find('}') == name.len().checked_sub(1);
    (is_one && arn.starts_with("arn:")).then_some(name)
}

/// The pattern of a name, with any text for each value that the file does not say. Of a declared principal, the account
/// `*` stands for any account.
pub(super) fn with_unknown_values(text: &str, is_declared: bool) -> CompiledPattern {
    let mut pattern = CompiledPattern::default();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((_, after)) = after.split_once('}') else { break };
        push_declared(&mut pattern, before, is_declared);
        pattern.push(PatternPart::AnyRun);
        rest = after;
    }
    push_declared(&mut pattern, rest, is_declared);
    pattern
}

fn push_declared(pattern: &mut CompiledPattern, text: &str, is_declared: bool) {
    match text.split_once("::*:").filter(|_| is_declared) {
        Some((before, after)) => {
            pattern.push_text(before);
            pattern.push_text("::");
            pattern.push(PatternPart::AnyField);
            pattern.push_text(":");
            pattern.push_text(after);
        }
        None => pattern.push_text(text),
    }
}

// AWS does not document whether a deny that names an account denies all its principals.
const fn match_account(effect: Effect) -> (PrincipalMatch, Applicability) {
    match effect {
        Effect::Allow => (PrincipalMatch::ViaAccount, Applicability::Always),
        Effect::Deny => (PrincipalMatch::ViaAccount, Applicability::Unknown),
    }
}
