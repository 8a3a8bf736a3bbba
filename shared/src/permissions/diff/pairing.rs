//! Which principal after a change is which before it.
//!
//! Enters: the principals of both sides. Leaves: pairs. Laws: every principal is in exactly one pair; principals are
//! paired by their ARN, and by kind, path and name if one side does not say the account; a single policy without a
//! principal is paired with the only principal of the other side.

use std::{collections::BTreeMap, sync::Arc};

use crate::grants::{Policy, PolicySnapshot};

/// A principal before and after a change; at least one is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalPair {
    /// Before the change.
    pub old: Option<PolicySnapshot>,
    /// After the change.
    pub new: Option<PolicySnapshot>,
}

impl PrincipalPair {
    /// The principal, by the side that says its account, else by the new one.
    pub fn principal(&self) -> Arc<str> {
        let sides = [&self.new, &self.old];
        let named = |is_known: bool| {
            sides.iter().find_map(|side| {
                side.as_ref().filter(|one| !is_known || account(&one.principal) != Some("*"))
            })
        };
        named(true).or_else(|| named(false)).map_or_else(|| "".into(), |one| Arc::clone(&one.principal))
    }
}

/// Pairs the principals of two sides.
pub fn pair(old: Vec<PolicySnapshot>, new: Vec<PolicySnapshot>) -> Vec<PrincipalPair> {
    let is_single = |one: &PolicySnapshot| !one.principal.starts_with("arn:");
    if let ([a], [b]) = (old.as_slice(), new.as_slice())
        && (is_single(a) || is_single(b))
    {
        return vec![PrincipalPair { old: old.into_iter().next(), new: new.into_iter().next() }];
    }
    let (mut before, mut pairs) = (by_principal(old), Vec::new());
    let mut left = Vec::new();
    for (principal, snapshot) in by_principal(new) {
        match before.remove(&principal) {
            Some(old) => pairs.push(PrincipalPair { old: Some(old), new: Some(snapshot) }),
            None => left.push(snapshot),
        }
    }
    for snapshot in left {
        let alike: Vec<Arc<str>> =
            before.keys().filter(|old| is_alike(old, &snapshot.principal)).cloned().collect();
        let old = match alike.as_slice() {
            [only] => before.remove(only),
            _ => None,
        };
        pairs.push(PrincipalPair { old, new: Some(snapshot) });
    }
    pairs.extend(before.into_values().map(|old| PrincipalPair { old: Some(old), new: None }));
    pairs
}

/// The principals of one side. Policies of one principal in several files are joined.
fn by_principal(all: Vec<PolicySnapshot>) -> BTreeMap<Arc<str>, PolicySnapshot> {
    let mut held: BTreeMap<Arc<str>, PolicySnapshot> = BTreeMap::new();
    for snapshot in all {
        let principal = Arc::clone(&snapshot.principal);
        match held.remove(&principal) {
            None => drop(held.insert(principal, snapshot)),
            Some(own) => drop(held.insert(principal, joined(own, snapshot))),
        }
    }
    held
}

/// One principal of two files. A permissions boundary in which they differ is not known.
fn joined(mut own: PolicySnapshot, other: PolicySnapshot) -> PolicySnapshot {
    own.identity_policies.extend(other.identity_policies);
    own.permissions_boundary = match (own.permissions_boundary, other.permissions_boundary) {
        (None, None) => None,
        (Some(a), Some(b)) if a == b => Some(a),
        (Some(one), _) | (None, Some(one)) => Some(Policy { text: "".into(), ..one }),
    };
    own.tags.retain(|key, value| other.tags.get(key) == Some(value));
    if own.trust_policy != other.trust_policy {
        own.trust_policy = None;
    }
    own.canonical()
}

fn account(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3)
}

/// Whether two ARNs differ only in the account, and one of them does not say it.
fn is_alike(a: &str, b: &str) -> bool {
    let name = |arn: &str| arn.splitn(6, ':').nth(5).map(str::to_owned);
    let is_open = |arn: &str| account(arn) == Some("*");
    name(a).is_some() && name(a) == name(b) && (is_open(a) || is_open(b))
}
