//! The principals of one set of files, by ARN and by account.
//!
//! Enters: [`PolicySnapshot`]s. Leaves: [`KnownPrincipals`]. Laws: each principal is there once, with the policies of all files;
//! a trust policy or boundary in which two files differ is not known.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::{Arc, OnceLock},
};

use super::pattern_matches;
use crate::grants::{Evaluator, PolicySnapshot, TrustPolicies, TrustedService, UNKNOWN_TRUST};

/// Users and roles, and policies without a principal.
#[derive(Debug)]
pub(super) struct KnownPrincipals {
    principals: BTreeMap<Arc<str>, PolicySnapshot>,
    /// The trust policies of the roles.
    pub trust: TrustPolicies,
    /// Roles without a trust policy that is known.
    pub untold_trust: BTreeSet<Arc<str>>,
    /// By role, the services that it trusts.
    trusted_services: OnceLock<BTreeMap<Arc<str>, Vec<TrustedService>>>,
    /// Number of users and roles by account.
    per_account: BTreeMap<Arc<str>, u64>,
}

impl KnownPrincipals {
    /// Users and roles, each once. Groups cannot act, and policies that are attached to no principal neither.
    pub fn of(snapshots: Vec<PolicySnapshot>) -> Self {
        let mut principals: BTreeMap<Arc<str>, PolicySnapshot> = BTreeMap::new();
        for snapshot in snapshots.into_iter().filter(can_act) {
            match principals.entry(Arc::clone(&snapshot.principal)) {
                Entry::Vacant(place) => drop(place.insert(snapshot)),
                Entry::Occupied(mut place) => merge(place.get_mut(), snapshot),
            }
        }
        let principals: BTreeMap<_, _> =
            principals.into_iter().map(|(id, snapshot)| (id, snapshot.canonical())).collect();
        let mut per_account: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for snapshot in principals.values().filter(|one| one.principal.starts_with("arn:")) {
            *per_account.entry(Arc::clone(&snapshot.account)).or_default() += 1;
        }
        let untold =
            principals.values().filter(|one| is_assumable(&one.principal) && one.trust_policy.is_none());
        Self {
            trust: TrustPolicies::of(principals.values()),
            untold_trust: untold.map(|one| Arc::clone(&one.principal)).collect(),
            trusted_services: OnceLock::new(),
            per_account,
            principals,
        }
    }

    /// ARNs and names, in order.
    pub fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.principals.keys()
    }

    /// The policies of a principal.
    pub fn get(&self, id: &str) -> Option<&PolicySnapshot> {
        self.principals.get(id)
    }

    /// Account of a principal; empty when not known.
    pub fn account(&self, id: &str) -> &str {
        self.get(id).map_or("", |snapshot| &snapshot.account)
    }

    /// Number of users and roles of an account.
    pub fn count_in(&self, account: &str) -> u64 {
        self.per_account.get(account).copied().unwrap_or_default()
    }

    /// A principal of an account, with the policies of the organization for that account.
    pub fn organization_policies_in(&self, account: &str) -> Option<&PolicySnapshot> {
        self.principals.values().find(|one| &*one.account == account && one.principal.starts_with("arn:"))
    }

    /// The services that a role trusts; of a role without a trust policy that is known, perhaps every service.
    pub fn services_of(&self, role: &PolicySnapshot, evaluator: &Evaluator<'_>) -> &[TrustedService] {
        let services = |role: &PolicySnapshot| match &role.trust_policy {
            Some(trust) => evaluator.trusted_services(&role.principal, trust),
            None => vec![TrustedService { name: "*".into(), conditions: vec![UNKNOWN_TRUST.into()] }],
        };
        let all = self.trusted_services.get_or_init(|| {
            let roles = self.principals.iter().filter(|(id, _)| is_assumable(id));
            roles.map(|(id, role)| (Arc::clone(id), services(role))).collect()
        });
        all.get(&role.principal).map(Vec::as_slice).unwrap_or_default()
    }

    /// Other users and roles of the account of a principal, or of an account that is not known.
    pub fn neighbors<'k>(&'k self, of: &'k PolicySnapshot) -> impl Iterator<Item = &'k PolicySnapshot> {
        let is_neighbor = |one: &&PolicySnapshot| {
            one.principal != of.principal
                && one.principal.starts_with("arn:")
                && may_be_one_account(&one.account, &of.account)
        };
        self.principals.values().filter(is_neighbor)
    }

    /// Whether a pattern matches a principal.
    pub fn any_matches(&self, pattern: &str) -> bool {
        self.ids().any(|id| pattern_matches(pattern, id))
    }

    /// The principals that one of the patterns matches.
    pub fn matching(&self, patterns: &[String]) -> BTreeSet<Arc<str>> {
        let is_meant = |id: &&Arc<str>| patterns.iter().any(|pattern| pattern_matches(pattern, id));
        self.ids().filter(is_meant).cloned().collect()
    }
}

/// Whether two accounts are one, or may be one because a file does not say one of them.
pub(super) fn may_be_one_account(a: &str, b: &str) -> bool {
    a == b || a.is_empty() || b.is_empty()
}

/// Whether a principal can be taken over or assumed: a role that AWS protects from changes is none of the graph's targets.
pub(super) fn is_assumable(arn: &str) -> bool {
    arn.contains(":role/") && !arn.contains(":role/aws-service-role/")
}

/// Whether IAM accepts changes of a role by principals of its account. It refuses changes of the roles of IAM Identity Center.
/// Source: IAM Identity Center User Guide, "Referencing permission sets in resource policies", read 2026-11.
pub(super) fn is_changeable(arn: &str) -> bool {
    is_assumable(arn) && !arn.contains(":role/aws-reserved/")
}

fn can_act(snapshot: &PolicySnapshot) -> bool {
    let arn = &snapshot.principal;
    !arn.starts_with("arn:") || arn.contains(":user/") || arn.contains(":role/") || arn.ends_with(":root")
}

fn merge(held: &mut PolicySnapshot, other: PolicySnapshot) {
    held.identity_policies.extend(other.identity_policies);
    held.resource_based_policies.extend(other.resource_based_policies);
    if held.permissions_boundary != other.permissions_boundary {
        (held.permissions_boundary, held.is_boundary_known) = (None, false);
    }
    held.tags.retain(|key, value| other.tags.get(key) == Some(value));
    if held.trust_policy != other.trust_policy {
        held.trust_policy = None;
    }
}
