//! The policies of a principal, as they were at one time.
//!
//! Enters: nothing. Leaves: [`Snapshot`] and, over time, [`Policies`]. Laws: equal policies have equal hashes, whatever the
//! order they were read in; the text of a document is kept as it was read.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{coverage::Period, report::hex, time::Time};

/// How a policy came to a principal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
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
    pub origin: Origin,
    /// The document, as JSON text.
    pub text: Arc<str>,
}

/// The policy of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ResourcePolicy {
    /// ARN of the resource.
    pub resource: Arc<str>,
    /// Its policy.
    pub policy: Policy,
}

/// Everything that decides on what a principal may do, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// ARN of the user or role; a name of the user's choice for policies without one.
    pub principal: Arc<str>,
    /// Twelve-digit account id; empty when not known.
    pub account: Arc<str>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Inline, attached and group policies.
    pub identity: Vec<Policy>,
    /// Permissions boundary, when it has one.
    pub boundary: Option<Policy>,
    /// Whether it is known if there is a boundary.
    pub boundary_read: bool,
    /// Service control policies, a list for each level from the root of the organization to the account; absent: not
    /// read. Every level has to allow.
    pub service_control: Option<Vec<Vec<Policy>>>,
    /// Resource control policies, in the same way.
    pub resource_control: Option<Vec<Vec<Policy>>>,
    /// Policies of resources, as far as they were read.
    pub resources: Vec<ResourcePolicy>,
    /// Trust policy of a role.
    pub trust: Option<Policy>,
}

impl Snapshot {
    /// Puts its lists in order, so that equal policies are equal.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.identity.sort_unstable();
        self.identity.dedup();
        self.resources.sort_unstable();
        self.resources.dedup();
        let levels = self.service_control.iter_mut().chain(&mut self.resource_control).flatten();
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
pub struct Held {
    /// When it was first read; absent: in force from the beginning.
    pub since: Option<Time>,
    /// When another one was first read in its place; absent: in force still.
    pub until: Option<Time>,
    /// The policies.
    pub snapshot: Snapshot,
}

impl Held {
    /// In force for as long as anybody asks about.
    pub const fn always(snapshot: Snapshot) -> Self {
        Self { since: None, until: None, snapshot }
    }

    /// Whether it was in force at any time of a period.
    pub fn touches(&self, period: Period) -> bool {
        self.since.is_none_or(|since| since < period.until.start())
            && self.until.is_none_or(|until| until > period.from.start())
    }
}

/// The policies of principals over time, by ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies(BTreeMap<Arc<str>, Vec<Held>>);

impl Policies {
    /// None: what anybody could do is not known.
    pub fn none() -> &'static Self {
        static NONE: Policies = Policies(BTreeMap::new());
        &NONE
    }

    /// Adds one.
    pub fn add(&mut self, held: Held) {
        let all = self.0.entry(Arc::clone(&held.snapshot.principal)).or_default();
        all.push(held);
        all.sort_by_key(|held| held.since);
    }

    /// Those of a principal that were in force at any time of a period, in order.
    pub fn of(&self, principal: &str, period: Period) -> Vec<&Held> {
        self.0.get(principal).into_iter().flatten().filter(|held| held.touches(period)).collect()
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

impl FromIterator<Held> for Policies {
    fn from_iter<I: IntoIterator<Item = Held>>(all: I) -> Self {
        let mut policies = Self::default();
        all.into_iter().for_each(|held| policies.add(held));
        policies
    }
}
