//! The policies of a principal, as they were at one time.
//!
//! Enters: nothing. Leaves: [`PolicySnapshot`] and, over time, [`PolicyHistory`]. Laws: equal policies have equal hashes, whatever the
//! order they were read in; the text of a document is kept as it was read.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{coverage::Period, report::hex, time::Time};

/// How a policy came to a principal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyOrigin {
    /// Embedded in it.
    Inline,
    /// A managed policy attached to it.
    Attached,
    /// Embedded in, or attached to, this group.
    Group(String),
    /// Anything else: given on a command line, of an organization.
    Given,
}

/// One policy document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// ARN of a managed policy, name of any other.
    pub name: Arc<str>,
    /// How it came here.
    pub origin: PolicyOrigin,
    /// The document, as JSON text.
    pub text: Arc<str>,
}

/// The policy of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ResourceBasedPolicy {
    /// ARN of the resource.
    pub resource: Arc<str>,
    /// Its policy.
    pub policy: Policy,
}

/// Everything that decides on what a principal may do, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicySnapshot {
    /// ARN of the user or role; a name of the user's choice for policies without one.
    pub principal: Arc<str>,
    /// Twelve-digit account id; empty when not known.
    pub account: Arc<str>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Inline, attached and group policies.
    pub identity_policies: Vec<Policy>,
    /// Permissions boundary, when it has one.
    pub permissions_boundary: Option<Policy>,
    /// Whether it is known if there is a boundary.
    pub is_boundary_known: bool,
    /// Service control policies, a list for each level from the root of the organization to the account; absent: not
    /// read. Every level has to allow.
    pub service_control_policies: Option<Vec<Vec<Policy>>>,
    /// Resource control policies, in the same way.
    pub resource_control_policies: Option<Vec<Vec<Policy>>>,
    /// Policies of resources, as far as they were read.
    pub resource_based_policies: Vec<ResourceBasedPolicy>,
    /// Trust policy of a role.
    pub trust_policy: Option<Policy>,
}

impl PolicySnapshot {
    /// Puts its lists in order, so that equal policies are equal.
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
        // Strings, lists and maps only: nothing in it can fail to be written.
        hex(&Sha256::digest(serde_json::to_vec(&self.clone().canonical()).unwrap_or_default()))
    }
}

/// A snapshot and when it was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DatedSnapshot {
    /// When it was first read; absent: in force from the beginning.
    pub since: Option<Time>,
    /// When another one was first read in its place; absent: in force still.
    pub until: Option<Time>,
    /// The policies.
    pub snapshot: PolicySnapshot,
}

impl DatedSnapshot {
    /// In force for as long as anybody asks about.
    pub const fn always_in_force(snapshot: PolicySnapshot) -> Self {
        Self { since: None, until: None, snapshot }
    }

    /// Whether it was in force at any time of a period.
    pub fn overlaps(&self, period: Period) -> bool {
        self.since.is_none_or(|since| since < period.until.start())
            && self.until.is_none_or(|until| until > period.from.start())
    }
}

/// The policies of principals over time, by ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyHistory(BTreeMap<Arc<str>, Vec<DatedSnapshot>>);

impl PolicyHistory {
    /// None: what anybody could do is not known.
    pub fn empty() -> &'static Self {
        static NONE: PolicyHistory = PolicyHistory(BTreeMap::new());
        &NONE
    }

    /// Adds one.
    pub fn add(&mut self, held: DatedSnapshot) {
        let all = self.0.entry(Arc::clone(&held.snapshot.principal)).or_default();
        all.push(held);
        all.sort_by_key(|held| held.since);
    }

    /// Those of a principal that were in force at any time of a period, in order.
    pub fn of(&self, principal: &str, period: Period) -> Vec<&DatedSnapshot> {
        self.0.get(principal).into_iter().flatten().filter(|held| held.overlaps(period)).collect()
    }

    /// All principals, in order.
    pub fn principals(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// Whether there are none.
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
