//! Segments: the evidence of a set of log files, each event once.
//!
//! Enters: events, unreadable pieces, digest windows and delivery facts, in any order. Leaves: a [`Segment`], which merges. Laws:
//! merging is associative, commutative and idempotent, and the empty segment is its identity; an event is identified
//! by its id, recipient account, region and hour; of two contents under one identity the more severe one is kept and
//! the conflict is recorded; everything has an identity, so a second delivery changes nothing; equal evidence gives
//! equal values and equal bytes; the parts into which a segment is split merge to that segment. The reader of the records chooses
//! of which calls the origin is kept, so the hash leaves origins out.
//!
//! More severe is `readOnly=false` than no flag and no flag than `readOnly=true`; then succeeded than failed and
//! failed than denied; then the greater content.

mod builder;
mod codec;
mod digest_hours;
mod hash;
mod shard;
mod shard_rows;
mod split;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use builder::SegmentBuilder;
pub use codec::SegmentError;
pub(crate) use hash::EvidenceHasher;
pub use shard::Shard;
pub(crate) use shard_rows::ShardEvidence;
pub use shard_rows::{ShardGrouping, ShardTables};

use crate::{
    event::{Actor, CallKey, Event, EventId},
    origin::CallOrigins,
    record::{DeliveryFact, DeliveryForm, DigestWindow, Fingerprint, UnreadableReason},
    time::Time,
};

/// One event of a segment. `actor` and `call_key` are positions in [`Segment::actors`] and [`Segment::call_keys`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// `eventID`; identifies the event together with account, region and hour.
    pub id: EventId,
    /// `eventTime` of the CloudTrail record.
    pub time: Time,
    /// Index of the actor in the segment's table of actors.
    pub actor: u32,
    /// Index of the call key in the segment's table of call keys.
    pub call_key: u32,
}

/// Identity of an event: its id, account, region and hour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventIdentity {
    /// `eventID` of the CloudTrail record.
    pub id: EventId,
    /// Account that received the event, region and hour.
    pub shard: Shard,
}

/// A log file that a digest file lists and of which the evidence shows no event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MissingLogFile {
    /// Account of the missing log file.
    pub account: Arc<str>,
    /// Region of the missing log file.
    pub region: Arc<str>,
    /// Time of the oldest event of the log file.
    pub oldest: Time,
    /// Time of the newest event of the log file.
    pub newest: Time,
}

/// Distinct events, with the values they share stored once; unreadable pieces; digest windows; delivery facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Sorted; each is used by a row.
    actors: Vec<Actor>,
    /// Sorted; each is used by a row.
    call_keys: Vec<CallKey>,
    /// Events of the segment, sorted by identity.
    rows: Vec<EventRow>,
    conflicts: BTreeSet<EventIdentity>,
    /// Where calls of each shard came from, as far as the reader of the records kept it.
    origins: BTreeMap<Shard, CallOrigins>,
    unreadable: BTreeMap<Fingerprint, UnreadableReason>,
    insight_events: BTreeSet<Fingerprint>,
    digest_windows: BTreeSet<DigestWindow>,
    delivery_facts: BTreeSet<DeliveryFact>,
    /// The hours that `digest_windows` cover, derived from them.
    digest_hours: BTreeSet<Shard>,
}

impl Segment {
    /// The segment of these events.
    pub fn from_events(events: impl IntoIterator<Item = Event>) -> Self {
        let mut builder = SegmentBuilder::default();
        for event in events {
            builder.push(event);
        }
        builder.finish()
    }

    /// Everything in both segments, each once.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let mut builder = SegmentBuilder::from(self);
        builder.absorb(&mut SegmentBuilder::from(other));
        builder.finish()
    }

    /// Everything in all segments, each once.
    pub fn merge_all(segments: impl IntoIterator<Item = Self>) -> Self {
        let mut builder = SegmentBuilder::default();
        for segment in segments {
            builder.absorb(&mut SegmentBuilder::from(segment));
        }
        builder.finish()
    }

    /// Whether the segment is empty.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The distinct actors of the segment, sorted.
    pub fn actors(&self) -> &[Actor] {
        &self.actors
    }

    /// Distinct call keys, sorted.
    pub fn call_keys(&self) -> &[CallKey] {
        &self.call_keys
    }

    /// Distinct events, sorted by identity.
    pub fn rows(&self) -> &[EventRow] {
        &self.rows
    }

    /// Distinct events with their actors and call keys, sorted by identity.
    pub fn events(&self) -> impl Iterator<Item = (EventId, Time, &Actor, &CallKey)> {
        self.rows.iter().filter_map(|row| {
            let actor = self.actors.get(row.actor as usize)?;
            Some((row.id, row.time, actor, self.call_keys.get(row.call_key as usize)?))
        })
    }

    /// Identities that occurred with more than one content.
    pub fn conflicts(&self) -> &BTreeSet<EventIdentity> {
        &self.conflicts
    }

    /// Where calls of each shard came from, as far as the reader of the records kept it.
    pub fn origins(&self) -> &BTreeMap<Shard, CallOrigins> {
        &self.origins
    }

    /// Pieces that could not be read, each once.
    pub fn unreadable(&self) -> &BTreeMap<Fingerprint, UnreadableReason> {
        &self.unreadable
    }

    /// Insights events and aggregated events. They are counted and not classified.
    pub fn insight_events(&self) -> &BTreeSet<Fingerprint> {
        &self.insight_events
    }

    /// Windows of digest files, unverified.
    pub fn digest_windows(&self) -> &BTreeSet<DigestWindow> {
        &self.digest_windows
    }

    /// What the forms of the evidence say about its delivery.
    pub fn delivery_facts(&self) -> &BTreeSet<DeliveryFact> {
        &self.delivery_facts
    }

    /// The forms in which services other than CloudTrail delivered events.
    pub fn delivery_forms(&self) -> BTreeSet<DeliveryForm> {
        let form = |fact: &DeliveryFact| match fact {
            DeliveryFact::Form(form) => Some(form.clone()),
            DeliveryFact::ListingPage(_) => None,
        };
        self.delivery_facts.iter().filter_map(form).collect()
    }

    /// The whole hours of accounts and regions that the digest files together cover.
    pub fn digest_hours(&self) -> impl Iterator<Item = &Shard> {
        self.digest_hours.iter()
    }

    /// Takes the segment apart: its distinct actors, its distinct calls (as [`CallKey`]s) and its event rows.
    pub fn into_parts(self) -> (Vec<Actor>, Vec<CallKey>, Vec<EventRow>) {
        (self.actors, self.call_keys, self.rows)
    }
}
