//! What was read at once.
//!
//! Enters: segments of log objects or of a slice of the event history. Leaves: a [`Batch`] to keep. Law: it is a
//! function of what was read, whatever the order.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::Lane;
use crate::{
    ports::{Object, ReadObject},
    record::Fingerprint,
    report::{UnreadablePosition, hex},
    segment::Segment,
    time::Hour,
};

/// The hash of what a batch was read from, in hex: the objects with their versions, in order of their names.
pub fn source_hash<'o>(lane: Lane, objects: impl IntoIterator<Item = &'o Object>) -> String {
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
pub struct Batch {
    pub(super) lane: Lane,
    pub(super) source: String,
    pub(super) events: Vec<Segment>,
    /// What belongs to no shard, by the hour it is filed under.
    pub(super) rests: BTreeMap<Hour, Rest>,
    pub(super) objects: Vec<ReadObject>,
    /// Whose events alone are in it, where others were left out.
    pub(super) watches: Option<Fingerprint>,
}

/// What belongs to no shard, and where the unreadable of it lies.
#[derive(Clone, Debug, Default)]
pub(super) struct Rest {
    pub(super) segment: Segment,
    pub(super) positions: Vec<UnreadablePosition>,
}

impl Batch {
    /// A batch of what has this hash. For log objects that is [`source_hash`]; for a slice it must change with
    /// place and times, and may be the same when the slice is read again.
    pub const fn new(lane: Lane, source: String) -> Self {
        let rests = BTreeMap::new();
        Self { lane, source, events: Vec::new(), rests, objects: Vec::new(), watches: None }
    }

    /// Says that events of those were left out whom a configuration of these [`Config::watches`] does not watch: its
    /// windows vouch for nothing where others are watched.
    ///
    /// [`Config::watches`]: crate::config::Config::watches
    pub const fn only_what(&mut self, watches: Option<Fingerprint>) {
        self.watches = watches;
    }

    /// Adds what an object or a slice says. What belongs to no shard is filed under `hour`: when the object was
    /// delivered, or when the slice begins.
    pub fn add(&mut self, mut segment: Segment, hour: Hour, mut read: ReadObject) {
        let rest = segment.take_rest();
        if !rest.is_empty() {
            let filed = self.rests.entry(hour).or_default();
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
