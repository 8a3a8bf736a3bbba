//! Where the functions keep evidence: segments in a store, and an index of them in a table.
//!
//! Enters: a [`EvidenceBatch`]: what was read at once, of one lane. Leaves: [`CollectedEvidence`]: what all that was kept says of a
//! window. Laws: what is kept once or many times, in whatever batches and order, whole or after a kill and a retry,
//! says the same; for each account, region and hour one lane counts, never both; a part that is damaged or gone is
//! an error that names it, never less evidence; compaction changes nothing that is said.
//!
//! Keys, items and the order in which they are written: `docs/state.md`.

mod batch;
mod batch_writer;
mod collect;
mod compact;
mod keys;
mod missing_objects;
mod pack;
mod part;
mod unsharded;

use std::{collections::BTreeSet, fmt, sync::Mutex};

pub use self::{
    batch::{EvidenceBatch, source_hash},
    batch_writer::{StoredBatch, store_batch},
    collect::{CollectedEvidence, EvidenceInputs, collect},
    compact::{CompactionOutcome, compact},
    missing_objects::{clear_missing, record_missing},
};
use crate::{
    config::Config,
    evidence_summary::EvidenceSummaryError,
    ports::{ObjectStore, PortError, Table},
    segment::Shard,
    time::Hour,
};

/// The table and the store that evidence is kept in. One is used for as long as a process lives.
pub struct EvidenceStore<'a> {
    /// The index.
    pub table: &'a dyn Table,
    /// The segments.
    pub store: &'a dyn ObjectStore,
    /// Places that are known to be in the index.
    known_account_regions: Mutex<BTreeSet<String>>,
}

impl<'a> EvidenceStore<'a> {
    /// Evidence in this table and this store.
    pub const fn new(table: &'a dyn Table, store: &'a dyn ObjectStore) -> Self {
        Self { table, store, known_account_regions: Mutex::new(BTreeSet::new()) }
    }
}

impl fmt::Debug for EvidenceStore<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House").field("places", &self.known_account_regions).finish_non_exhaustive()
    }
}

/// A way evidence comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceSource {
    /// Pulled from the event history of CloudTrail.
    Lookup,
    /// Delivered to S3 by a trail.
    S3,
}

impl EvidenceSource {
    /// The lane that counts for an hour.
    pub fn for_hour(hour: Hour, config: &Config) -> Self {
        match config.delivery.authoritative_from {
            Some(from) if from.hour() <= hour => Self::S3,
            _ => Self::Lookup,
        }
    }

    /// Its word in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::S3 => "s3",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Lookup, Self::S3].into_iter().find(|lane| lane.as_str() == word)
    }
}

/// Why evidence cannot be kept or told.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Table or store failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// What lies in the store is not what the index says.
    #[error("the evidence in `{key}`, bytes {from} to {until}, is damaged: {cause}")]
    Damaged {
        /// Key.
        key: String,
        /// First byte.
        from: u64,
        /// First byte after it.
        until: u64,
        /// What is wrong.
        cause: String,
    },
    /// An item of the index cannot be understood.
    #[error("the index item `{partition}` `{sort}` is damaged: {cause}")]
    DamagedItem {
        /// Partition key.
        partition: String,
        /// Sort key.
        sort: String,
        /// What is wrong.
        cause: String,
    },
    /// The parts of a shard hold events of another one.
    #[error("the evidence of `{shard}` is damaged: {cause}")]
    DamagedShard {
        /// Which one.
        shard: Shard,
        /// What is wrong.
        cause: String,
    },
    /// The parts do not make a whole.
    #[error(transparent)]
    Assembly(#[from] EvidenceSummaryError),
}
