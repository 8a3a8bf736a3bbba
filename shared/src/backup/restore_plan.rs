//! What a restore would change.
//!
//! Enters: how each entry of a backup compares with what is there. Leaves: a [`RestorePlan`]. Law: what the restore would
//! replace is named; only what is new or equal is merely counted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BackupKind, BackupManifest, BackupName, EntryName};
use crate::time::Time;

/// How an entry of a backup compares with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntryComparison {
    /// It is not there.
    New,
    /// The same is there.
    Equal,
    /// What is there is older: the backup has all of it.
    OlderHere,
    /// What is there is newer: it has something that the backup does not have.
    NewerHere,
    /// What is written once is there with another content. Only a repair replaces it, if the backup has the true content.
    DamagedHere,
    /// What is written once is there with another content, and it stays.
    ConflictsHere,
}

impl EntryComparison {
    /// The words for the comparison.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Equal => "equal",
            Self::OlderHere => "older here",
            Self::NewerHere => "newer here",
            Self::DamagedHere => "damaged here",
            Self::ConflictsHere => "conflicts here",
        }
    }
}

/// How many entries of a kind compare in each way.
pub type ComparisonCounts = BTreeMap<EntryComparison, u64>;

/// An entry that would replace something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedChange {
    /// What it belongs to.
    pub kind: BackupKind,
    /// Name of the entry.
    pub name: String,
    /// How it compares.
    pub comparison: EntryComparison,
    /// What differs, as the rest of a sentence, with hidden characters escaped.
    pub detail: String,
}

/// A restore that began: what is stored before the first change and removed after the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRecord {
    /// Name of the backup.
    pub name: BackupName,
    /// Where the backup is, as the caller named it.
    pub destination: String,
    /// When the restore began.
    pub began_at: Time,
}

/// What a restore would change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RestoreChanges {
    /// How the entries compare, by kind.
    pub comparisons: BTreeMap<BackupKind, ComparisonCounts>,
    /// The entries that are neither new nor equal, up to a thousand of them.
    pub changes: Vec<PlannedChange>,
}

/// How many changes are named.
const MAX_NAMED_CHANGES: usize = 1_000;

impl RestoreChanges {
    /// Adds an entry.
    pub fn add(&mut self, kind: BackupKind, name: &EntryName, comparison: EntryComparison, detail: &str) {
        *self.comparisons.entry(kind).or_default().entry(comparison).or_default() += 1;
        let is_change = !matches!(comparison, EntryComparison::New | EntryComparison::Equal);
        if is_change && self.changes.len() < MAX_NAMED_CHANGES {
            let detail = crate::escape::escape_hidden(detail).into_owned();
            self.changes.push(PlannedChange { kind, name: name.to_string(), comparison, detail });
        }
    }

    /// How many entries of a kind compare in this way.
    pub fn number(&self, kind: BackupKind, comparison: EntryComparison) -> u64 {
        self.comparisons.get(&kind).and_then(|counts| counts.get(&comparison)).copied().unwrap_or_default()
    }
}

/// Version of the shape of what `onlooker backup restore --json` prints; the first number changes if a field loses its meaning.
pub const RESTORE_PLAN_SCHEMA_VERSION: &str = "1.0";

/// What a restore would do.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RestorePlan {
    /// The manifest of the backup, which was verified completely.
    pub manifest: BackupManifest,
    /// What would change.
    #[serde(flatten)]
    pub found: RestoreChanges,
    /// An earlier restore that did not end.
    pub unfinished: Option<RestoreRecord>,
}

impl RestorePlan {
    /// Whether everything is there already, and no restore is to be finished.
    pub fn is_done(&self) -> bool {
        let mut compared = self.found.comparisons.values().flat_map(BTreeMap::keys);
        self.unfinished.is_none() && compared.all(|found| *found == EntryComparison::Equal)
    }
}
