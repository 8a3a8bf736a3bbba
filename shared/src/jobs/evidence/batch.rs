//! Evidence that was read together.
//!
//! Enters: segments of log files or of a slice of the event history. Leaves: an [`EvidenceBatch`] to store. Law: the
//! batch depends on what was read and not on the order.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::EvidenceSource;
use crate::{
    hex::hex,
    ports::{ProcessedObject, StoredObject},
    record::{Fingerprint, UnreadablePosition},
    segment::Segment,
    time::Hour,
};

/// The hash of the sources of a batch, in hex: the log files with their versions, sorted by name.
pub fn source_hash<'o>(
    evidence_source: EvidenceSource,
    objects: impl IntoIterator<Item = &'o StoredObject>,
) -> String {
    let mut names: Vec<_> = objects.into_iter().map(|object| [&*object.name, &*object.version]).collect();
    names.sort_unstable();
    names.dedup();
    let mut hash = Sha256::new();
    for text in std::iter::once(evidence_source.as_str()).chain(names.into_iter().flatten()) {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hex(&hash.finalize())
}

/// Evidence that was read together from one evidence source.
#[derive(Clone, Debug)]
pub struct EvidenceBatch {
    pub(super) evidence_source: EvidenceSource,
    pub(super) source_hash: String,
    pub(super) events: Vec<Segment>,
    /// Evidence that belongs to no account, region and hour, by the hour under which the index lists it.
    pub(super) unsharded: BTreeMap<Hour, Unsharded>,
    pub(super) objects: Vec<ProcessedObject>,
    /// Fingerprint of the watches if events of principals that are not watched were dropped.
    pub(super) watch_fingerprint: Option<Fingerprint>,
}

/// Evidence that does not belong to a shard, with the positions of its unreadable pieces.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsharded {
    pub(super) segment: Segment,
    pub(super) positions: Vec<UnreadablePosition>,
}

impl EvidenceBatch {
    /// An empty batch of the sources with this hash. For log files that is [`source_hash`]; for a slice the hash must
    /// depend on account, region and times, and may be the same when the slice is read again.
    pub const fn new(evidence_source: EvidenceSource, source_hash: String) -> Self {
        let unsharded = BTreeMap::new();
        Self {
            evidence_source,
            source_hash,
            events: Vec::new(),
            unsharded,
            objects: Vec::new(),
            watch_fingerprint: None,
        }
    }

    /// Records that events of principals were dropped that a configuration with this [`Config::watch_fingerprint`]
    /// does not watch. Under a configuration with other watches the windows of this batch do not cover any time.
    ///
    /// [`Config::watch_fingerprint`]: crate::config::Config::watch_fingerprint
    pub const fn set_watch_fingerprint(&mut self, watch_fingerprint: Option<Fingerprint>) {
        self.watch_fingerprint = watch_fingerprint;
    }

    /// Adds the evidence of a log file or slice. Unsharded evidence is indexed under `hour`: when the log file was
    /// delivered, or when the slice begins.
    pub fn add(&mut self, mut segment: Segment, hour: Hour, mut read: ProcessedObject) {
        let unsharded = segment.take_unsharded();
        if !unsharded.is_empty() {
            let filed = self.unsharded.entry(hour).or_default();
            filed.segment = std::mem::take(&mut filed.segment).merge(unsharded);
            filed.positions.append(&mut read.unreadable);
        }
        if !segment.is_empty() {
            self.events.push(segment);
        }
        self.objects.push(read);
    }

    /// Whether nothing was read.
    pub const fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}
