//! Evidence as a value: what a set of log objects says, each event once.
//!
//! Enters: events, unreadable pieces and observed windows, in any order. Leaves: a [`Segment`] that merges.
//! Laws: merging is associative, commutative, idempotent and has the empty segment as identity, exactly, on
//! event id, recipient account, region and hour; of two contents under one identity the greater one stays and the
//! conflict is remembered; everything has an identity, so delivering it again changes nothing; equal evidence is an
//! equal value and has equal bytes; the parts a segment is cut into merge to that segment.
//!
//! Of two contents the greater one is the one that accuses more: `readOnly=false` before none before `true`, then
//! succeeded before failed before denied, then by content.

mod builder;
mod codec;
mod digest_hours;
mod hash;
mod shard;
mod split;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use builder::SegmentBuilder;
pub use codec::SegmentError;
pub(crate) use hash::EvidenceHasher;
pub use shard::Shard;

use crate::{
    event::{Actor, CallKey, Event, EventId},
    record::{DigestWindow, Fingerprint, UnreadableReason},
    time::Time,
};

/// One event of a segment. `actor` and `act` are positions in [`Segment::actors`] and [`Segment::acts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Identity, together with account and region of the actor and the hour of the time.
    pub id: EventId,
    /// `eventTime`.
    pub time: Time,
    /// Where and by whom.
    pub actor: u32,
    /// What.
    pub call_key: u32,
}

/// What makes an event one event: its id, and the account, region and hour it is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventIdentity {
    /// `eventID`.
    pub id: EventId,
    /// Account that received it, region and hour.
    pub shard: Shard,
}

/// A log file a digest lists, of which the evidence shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MissingLogFile {
    /// Account.
    pub account: Arc<str>,
    /// Region.
    pub region: Arc<str>,
    /// Time of its oldest event.
    pub oldest: Time,
    /// Time of its newest event.
    pub newest: Time,
}

/// Events, each once, with what they share kept once; what could not be read; which windows were observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Sorted; each is of some row.
    actors: Vec<Actor>,
    /// Sorted; each is of some row.
    call_keys: Vec<CallKey>,
    /// Sorted by identity.
    rows: Vec<EventRow>,
    conflicts: BTreeSet<EventIdentity>,
    unreadable: BTreeMap<Fingerprint, UnreadableReason>,
    insight_events: BTreeSet<Fingerprint>,
    digest_windows: BTreeSet<DigestWindow>,
    /// Follows from `observed`.
    digest_hours: BTreeSet<Shard>,
}

impl Segment {
    /// The segment that holds these events.
    pub fn from_events(events: impl IntoIterator<Item = Event>) -> Self {
        let mut draft = SegmentBuilder::default();
        for event in events {
            draft.push(event);
        }
        draft.finish()
    }

    /// Everything both hold, each once.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let mut draft = SegmentBuilder::from(self);
        draft.absorb(&mut SegmentBuilder::from(other));
        draft.finish()
    }

    /// Everything all of them hold, each once.
    pub fn merge_all(segments: impl IntoIterator<Item = Self>) -> Self {
        let mut draft = SegmentBuilder::default();
        for segment in segments {
            draft.absorb(&mut SegmentBuilder::from(segment));
        }
        draft.finish()
    }

    /// Whether it holds nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Distinct actors, sorted.
    pub fn actors(&self) -> &[Actor] {
        &self.actors
    }

    /// Distinct acts, sorted.
    pub fn call_keys(&self) -> &[CallKey] {
        &self.call_keys
    }

    /// Distinct events, sorted by identity.
    pub fn rows(&self) -> &[EventRow] {
        &self.rows
    }

    /// Distinct events with what they refer to, sorted by identity.
    pub fn events(&self) -> impl Iterator<Item = (EventId, Time, &Actor, &CallKey)> {
        self.rows.iter().filter_map(|row| {
            let actor = self.actors.get(row.actor as usize)?;
            Some((row.id, row.time, actor, self.call_keys.get(row.call_key as usize)?))
        })
    }

    /// Identities that were met with more than one content.
    pub fn conflicts(&self) -> &BTreeSet<EventIdentity> {
        &self.conflicts
    }

    /// Pieces that could not be read, each once.
    pub fn unreadable(&self) -> &BTreeMap<Fingerprint, UnreadableReason> {
        &self.unreadable
    }

    /// Insight events, which are counted and not judged.
    pub fn insight_events(&self) -> &BTreeSet<Fingerprint> {
        &self.insight_events
    }

    /// Windows of digest files, unverified, as the files give them.
    pub fn digest_windows(&self) -> &BTreeSet<DigestWindow> {
        &self.digest_windows
    }

    /// Every account, region and whole hour that digest files, taken together, say was observed.
    pub fn digest_hours(&self) -> impl Iterator<Item = &Shard> {
        self.digest_hours.iter()
    }

    /// Takes the segment apart: actors, acts and rows.
    pub fn into_parts(self) -> (Vec<Actor>, Vec<CallKey>, Vec<EventRow>) {
        (self.actors, self.call_keys, self.rows)
    }
}
