//! The policies of a principal, as they were at one time.
//!
//! Enters: nothing. Leaves: [`PolicySnapshot`] and, over time, [`PolicyHistory`]. Laws: equal policies have equal
//! hashes in any order; the text of a document is kept as it was read.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{hex::hex, period::Period, time::Time};

/// How a policy applies to a principal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyOrigin {
    /// An inline policy of the principal.
    Inline,
    /// A managed policy that is attached to the principal.
    Attached,
    /// An inline or attached policy of this group.
    Group(String),
    /// Any other: given on the command line, or a policy of the organization.
    Given,
}

/// One policy document and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// ARN of a managed policy, otherwise the name.
    pub name: Arc<str>,
    /// How the policy applies to the principal.
    pub origin: PolicyOrigin,
    /// The document, as JSON text.
    pub text: Arc<str>,
}

/// A resource-based policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ResourceBasedPolicy {
    /// ARN of the resource.
    pub resource: Arc<str>,
    /// The policy of the resource.
    pub policy: Policy,
}

impl ResourceBasedPolicy {
    /// The trust policy of a role.
    pub fn trust_policy(role: &str, text: &Arc<str>) -> Self {
        Self {
            resource: role.into(),
            policy: Policy {
                name: format!("trust policy of {role}").into(),
                origin: PolicyOrigin::Given,
                text: Arc::clone(text),
            },
        }
    }

    /// Whether it is the trust policy of a role.
    pub fn is_trust_policy(&self) -> bool {
        Self::names_role(&self.resource)
    }

    /// Whether an ARN is that of a role.
    pub(super) fn names_role(arn: &str) -> bool {
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        matches!(*fields.as_slice(), ["arn", _, "iam", _, _, name] if name.starts_with("role/"))
    }
}

/// All policies that decide what a principal may do, as far as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicySnapshot {
    /// ARN of the user or role; for policies without a principal, a name the user chose.
    pub principal: Arc<str>,
    /// Twelve-digit account id; empty when not known.
    pub account: Arc<str>,
    /// Tags of the principal.
    pub tags: BTreeMap<String, String>,
    /// Inline, attached and group policies.
    pub identity_policies: Vec<Policy>,
    /// Permissions boundary, if it has one.
    pub permissions_boundary: Option<Policy>,
    /// Whether it is known if the principal has a permissions boundary.
    pub is_boundary_known: bool,
    /// Service control policies, one list for each level from the root of the organization to the account. Every
    /// level has to allow. Absent if they were not read.
    pub service_control_policies: Option<Vec<Vec<Policy>>>,
    /// Resource control policies, in the same form.
    pub resource_control_policies: Option<Vec<Vec<Policy>>>,
    /// Resource-based policies, as far as they were read, also the trust policies of roles that name the principal.
    pub resource_based_policies: Vec<ResourceBasedPolicy>,
    /// Trust policy of a role.
    pub trust_policy: Option<Policy>,
}

impl PolicySnapshot {
    /// Sorts its lists, so that equal policies compare as equal.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.identity_policies.sort_unstable();
        self.identity_policies.dedup();
        self.resource_based_policies.sort_unstable();
        self.resource_based_policies.dedup();
        let levels =
            self.service_control_policies.iter_mut().chain(&mut self.resource_control_policies).flatten();
        for level in levels {
            level.sort_unstable();
            level.dedup();
        }
        self
    }

    /// SHA-256 of its canonical form as JSON, in hex.
    pub fn sha256(&self) -> String {
        // It holds strings, lists and maps only, so serialization cannot fail.
        hex(&Sha256::digest(serde_json::to_vec(&self.clone().canonical()).unwrap_or_default()))
    }
}

/// A snapshot and when it was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatedSnapshot {
    /// When the policies were first read; absent if they were in force from the beginning.
    pub since: Option<Time>,
    /// When another snapshot was first read in its place; absent if it is still in force.
    pub until: Option<Time>,
    /// Policies of the principal at that time.
    pub snapshot: PolicySnapshot,
}

impl DatedSnapshot {
    /// A snapshot that is in force at any time.
    pub const fn always_in_force(snapshot: PolicySnapshot) -> Self {
        Self { since: None, until: None, snapshot }
    }

    /// Whether the snapshot was in force at any time of a period.
    pub fn overlaps(&self, period: Period) -> bool {
        self.since.is_none_or(|since| since < period.until.start())
            && self.until.is_none_or(|until| until > period.from.start())
    }
}

/// Policies by which a principal was evaluated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PolicySnapshotRef {
    /// SHA-256 of the snapshot's canonical form, in hex.
    pub sha256: String,
    /// When the snapshot was first read; absent if it was given as in force from the beginning.
    pub since: Option<Time>,
    /// When the next snapshot was first read; absent while this one is in force.
    pub until: Option<Time>,
}

impl From<&DatedSnapshot> for PolicySnapshotRef {
    fn from(held: &DatedSnapshot) -> Self {
        Self { sha256: held.snapshot.sha256(), since: held.since, until: held.until }
    }
}

/// The policies of principals over time, by ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyHistory(BTreeMap<Arc<str>, Vec<DatedSnapshot>>);

impl PolicyHistory {
    /// An empty history: no policies are known.
    pub fn empty() -> &'static Self {
        static NONE: PolicyHistory = PolicyHistory(BTreeMap::new());
        &NONE
    }

    /// Adds a snapshot of policies.
    pub fn add(&mut self, held: DatedSnapshot) {
        let all = self.0.entry(Arc::clone(&held.snapshot.principal)).or_default();
        all.push(held);
        all.sort_by_key(|held| held.since);
    }

    /// The snapshots of a principal that were in force at any time of a period, in order.
    pub fn of(&self, principal: &str, period: Period) -> Vec<&DatedSnapshot> {
        self.0.get(principal).into_iter().flatten().filter(|held| held.overlaps(period)).collect()
    }

    /// ARNs of all principals, sorted.
    pub fn principals(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// Whether the history is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<DatedSnapshot> for PolicyHistory {
    fn from_iter<I: IntoIterator<Item = DatedSnapshot>>(all: I) -> Self {
        let mut policies = Self::default();
        all.into_iter().for_each(|held| policies.add(held));
        policies
    }
}
