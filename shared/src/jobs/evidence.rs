//! The evidence store of the functions: segments in an object store, and an index of them in a table.
//!
//! Enters: an [`EvidenceBatch`]: evidence read together from one evidence source. Leaves: [`CollectedEvidence`]: the
//! stored evidence of a window. Laws: the result is the same however often, in which batches and in which order the
//! evidence was stored, also after a kill and a retry; for each account, region and hour exactly one evidence source
//! counts; a part that is damaged or deleted is an error that names it, and is never left out silently; compaction
//! does not change the result.
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
mod restored;
mod retention;
mod unsharded;

use std::{collections::BTreeSet, fmt, sync::Mutex};

pub use self::{
    batch::{EvidenceBatch, source_hash},
    batch_writer::{StoredBatch, store_batch},
    collect::{CollectedEvidence, EvidenceInputs, collect},
    compact::{CompactionOutcome, compact},
    missing_objects::{missing_since, record_missing, record_read},
    restored::record_identity,
    retention::record_removal,
};
pub(super) use self::{
    collect::account_regions as indexed_account_regions, keys::integrity as integrity_keys,
};
use crate::{
    config::Config,
    evidence_summary::EvidenceSummaryError,
    ports::{ObjectStore, PortError, Table},
    segment::Shard,
    time::{Hour, Time},
};

/// The table and the store of evidence. A process uses one instance for its whole lifetime.
pub struct EvidenceStore<'a> {
    /// The table with the index of the evidence.
    pub table: &'a dyn Table,
    /// The object store with the segments.
    pub store: &'a dyn ObjectStore,
    /// Accounts and regions that are known to be in the index.
    known_account_regions: Mutex<BTreeSet<String>>,
    /// Days for which evidence is kept; `None` if it is not removed.
    evidence_days: Option<u32>,
}

impl<'a> EvidenceStore<'a> {
    /// The evidence in this table and store.
    pub const fn new(table: &'a dyn Table, store: &'a dyn ObjectStore) -> Self {
        Self { table, store, known_account_regions: Mutex::new(BTreeSet::new()), evidence_days: None }
    }

    /// The same, where the index expires this number of days after each hour, as the packs do.
    #[must_use]
    pub fn expiring_after(self, days: Option<u32>) -> Self {
        Self { evidence_days: days, ..self }
    }

    /// When what is stored about this hour expires.
    pub(super) fn expires_at(&self, hour: Hour) -> Option<Time> {
        self.evidence_days.map(|days| retention::expires_at(hour, days))
    }
}

impl fmt::Debug for EvidenceStore<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvidenceStore")
            .field("known_account_regions", &self.known_account_regions)
            .field("evidence_days", &self.evidence_days)
            .finish_non_exhaustive()
    }
}

/// Where evidence comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceSource {
    /// Pulled from the event history of CloudTrail.
    Lookup,
    /// Delivered to S3 by a trail.
    S3,
}

impl EvidenceSource {
    /// The evidence source that counts for an hour.
    pub fn for_hour(hour: Hour, config: &Config) -> Self {
        match config.delivery.authoritative_from {
            Some(from) if from.hour() <= hour => Self::S3,
            _ => Self::Lookup,
        }
    }

    /// Name of the evidence source in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::S3 => "s3",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Lookup, Self::S3].into_iter().find(|source| source.as_str() == word)
    }
}

/// Why evidence cannot be stored or collected.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Table or store failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The stored bytes are not those that the index describes.
    #[error("the evidence in `{key}`, bytes {from} to {until}, is damaged: {cause}")]
    Damaged {
        /// Key of the damaged object.
        key: String,
        /// First byte of the damaged part.
        from: u64,
        /// First byte after the damaged part.
        until: u64,
        /// What is wrong with the part.
        cause: String,
    },
    /// An item of the index cannot be decoded.
    #[error("the index item `{partition}` `{sort}` is damaged: {cause}")]
    DamagedItem {
        /// Partition key of the damaged item.
        partition: String,
        /// Sort key of the damaged item.
        sort: String,
        /// What is wrong with the item.
        cause: String,
    },
    /// The parts of a shard contain events of another shard.
    #[error("the evidence of `{shard}` is damaged: {cause}")]
    DamagedShard {
        /// Account, region and hour of the damaged evidence.
        shard: Shard,
        /// What is wrong with the evidence.
        cause: String,
    },
    /// The parts cannot be combined into an evidence summary.
    #[error(transparent)]
    Assembly(#[from] EvidenceSummaryError),
}
