//! Which principal after a change is which before it.
//!
//! Enters: the principals of both sides. Leaves: pairs. Laws: every principal is in exactly one pair; principals are
//! paired by their ARN, and by kind, path and name if one side does not say the account; principals of one ARN are never
//! joined; a single policy without a
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
    let old_policies: Vec<Policy> = old.iter().flat_map(|one| one.identity_policies.clone()).collect();
    let (mut before, mut pairs) = (by_principal(old), Vec::new());
    let mut left = Vec::new();
    for (principal, snapshots) in by_principal(new) {
        match before.remove(&principal) {
            Some(old) => pairs.append(&mut same_principal(old, snapshots)),
            None => left.extend(snapshots),
        }
    }
    for snapshot in left {
        let alike: Vec<Arc<str>> =
            before.keys().filter(|old| is_alike(old, &snapshot.principal)).cloned().collect();
        let detached = || detached(&snapshot, &old_policies);
        let is_single = |principal: &Arc<str>| before.get(principal).is_some_and(|held| held.len() == 1);
        let old = match alike.as_slice() {
            [only] if is_single(only) => before.remove(only).and_then(|held| held.into_iter().next()),
            _ => detached(),
        };
        pairs.push(PrincipalPair { old, new: Some(snapshot) });
    }
    let gone = before.into_values().flatten();
    pairs.extend(gone.map(|old| PrincipalPair { old: Some(old), new: None }));
    pairs
}

/// The principals of one side. Several resources of a file may have one ARN.
fn by_principal(all: Vec<PolicySnapshot>) -> BTreeMap<Arc<str>, Vec<PolicySnapshot>> {
    let mut held: BTreeMap<Arc<str>, Vec<PolicySnapshot>> = BTreeMap::new();
    for snapshot in all {
        let own = held.entry(Arc::clone(&snapshot.principal)).or_default();
        if !own.contains(&snapshot) {
            own.push(snapshot);
        }
    }
    held
}

/// A managed policy that is attached to no principal any more, as it was attached before.
fn detached(policy: &PolicySnapshot, old: &[Policy]) -> Option<PolicySnapshot> {
    let name = &policy.principal;
    let held: Vec<Policy> = old.iter().filter(|one| one.name == *name).cloned().collect();
    (name.contains(":policy/") && !held.is_empty())
        .then(|| PolicySnapshot { identity_policies: held, ..policy.clone() }.canonical())
}

/// Pairs the principals of one ARN: equal ones, then the others in their order if there are as many of them. Otherwise
/// which is which is not known, and each of them is new.
fn same_principal(mut old: Vec<PolicySnapshot>, new: Vec<PolicySnapshot>) -> Vec<PrincipalPair> {
    let (mut pairs, mut left) = (Vec::new(), Vec::new());
    for snapshot in new {
        match old.iter().position(|own| *own == snapshot) {
            Some(at) => pairs.push(PrincipalPair { old: Some(old.remove(at)), new: Some(snapshot) }),
            None => left.push(snapshot),
        }
    }
    match old.len() == left.len() {
        true => {
            let both = old.into_iter().zip(left);
            pairs.extend(both.map(|(old, new)| PrincipalPair { old: Some(old), new: Some(new) }));
        }
        false => {
            pairs.extend(left.into_iter().map(|new| PrincipalPair { old: None, new: Some(new) }));
            pairs.extend(old.into_iter().map(|old| PrincipalPair { old: Some(old), new: None }));
        }
    }
    pairs
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
