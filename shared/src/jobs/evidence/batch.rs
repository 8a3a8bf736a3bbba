//! What was read at once.
//!
//! Enters: segments of log objects or of a slice of the event history. Leaves: a [`EvidenceBatch`] to keep. Law: it is a
//! function of what was read, whatever the order.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::EvidenceSource;
use crate::{
    ports::{ProcessedObject, StoredObject},
    record::Fingerprint,
    report::{UnreadablePosition, hex},
    segment::Segment,
    time::Hour,
};

/// The hash of what a batch was read from, in hex: the objects with their versions, in order of their names.
pub fn source_hash<'o>(lane: EvidenceSource, objects: impl IntoIterator<Item = &'o StoredObject>) -> String {
    let mut names: Vec<_> = objects.into_iter().map(|object| [&*object.name, &*object.version]).collect();
    names.sort_unstable();
    names.dedup();
    let mut hash = Sha256::new();
    for text in std::iter::once(lane.as_str()).chain(names.into_iter().flatten()) {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hex(&hash.finalize())
}

/// What was read at once, of one lane.
#[derive(Clone, Debug)]
pub struct EvidenceBatch {
    pub(super) evidence_source: EvidenceSource,
    pub(super) source_hash: String,
    pub(super) events: Vec<Segment>,
    /// What belongs to no shard, by the hour it is filed under.
    pub(super) unsharded: BTreeMap<Hour, Unsharded>,
    pub(super) objects: Vec<ProcessedObject>,
    /// Whose events alone are in it, where others were left out.
    pub(super) watch_fingerprint: Option<Fingerprint>,
}

/// What belongs to no shard, and where the unreadable of it lies.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsharded {
    pub(super) segment: Segment,
    pub(super) positions: Vec<UnreadablePosition>,
}

impl EvidenceBatch {
    /// A batch of what has this hash. For log objects that is [`source_hash`]; for a slice it must change with
    /// place and times, and may be the same when the slice is read again.
    pub const fn new(lane: EvidenceSource, source: String) -> Self {
        let rests = BTreeMap::new();
        Self {
            evidence_source: lane,
            source_hash: source,
            events: Vec::new(),
            unsharded: rests,
            objects: Vec::new(),
            watch_fingerprint: None,
        }
    }

    /// Says that events of those were left out whom a configuration of these [`Config::watches`] does not watch: its
    /// windows vouch for nothing where others are watched.
    ///
    /// [`Config::watches`]: crate::config::Config::watches
    pub const fn set_watch_fingerprint(&mut self, watches: Option<Fingerprint>) {
        self.watch_fingerprint = watches;
    }

    /// Adds what an object or a slice says. What belongs to no shard is filed under `hour`: when the object was
    /// delivered, or when the slice begins.
    pub fn add(&mut self, mut segment: Segment, hour: Hour, mut read: ProcessedObject) {
        let rest = segment.take_unsharded();
        if !rest.is_empty() {
            let filed = self.unsharded.entry(hour).or_default();
            filed.segment = std::mem::take(&mut filed.segment).merge(rest);
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
