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

mod codec;
mod cut;
mod draft;
mod hash;
mod hours;
mod shard;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use codec::SegmentError;
pub use draft::Draft;
pub(crate) use hash::EvidenceHash;
pub use shard::Shard;

use crate::{
    event::{Act, Actor, Event, EventId},
    record::{Fingerprint, Observed, Reason},
    time::Time,
};

/// One event of a segment. `actor` and `act` are positions in [`Segment::actors`] and [`Segment::acts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Identity, together with account and region of the actor and the hour of the time.
    pub id: EventId,
    /// `eventTime`.
    pub time: Time,
    /// Where and by whom.
    pub actor: u32,
    /// What.
    pub act: u32,
}

/// What makes an event one event: its id, and the account, region and hour it is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// `eventID`.
    pub id: EventId,
    /// Account that received it, region and hour.
    pub shard: Shard,
}

/// A log file a digest lists, of which the evidence shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MissingLog {
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
    acts: Vec<Act>,
    /// Sorted by identity.
    rows: Vec<Row>,
    conflicts: BTreeSet<Identity>,
    unreadable: BTreeMap<Fingerprint, Reason>,
    aside: BTreeSet<Fingerprint>,
    observed: BTreeSet<Observed>,
    /// Follows from `observed`.
    hours: BTreeSet<Shard>,
}

impl Segment {
    /// The segment that holds these events.
    pub fn from_events(events: impl IntoIterator<Item = Event>) -> Self {
        let mut draft = Draft::default();
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
        let mut draft = Draft::from(self);
        draft.absorb(&mut Draft::from(other));
        draft.finish()
    }

    /// Everything all of them hold, each once.
    pub fn merge_all(segments: impl IntoIterator<Item = Self>) -> Self {
        let mut draft = Draft::default();
        for segment in segments {
            draft.absorb(&mut Draft::from(segment));
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
    pub fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// Distinct events, sorted by identity.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Distinct events with what they refer to, sorted by identity.
    pub fn events(&self) -> impl Iterator<Item = (EventId, Time, &Actor, &Act)> {
        self.rows.iter().filter_map(|row| {
            let actor = self.actors.get(row.actor as usize)?;
            Some((row.id, row.time, actor, self.acts.get(row.act as usize)?))
        })
    }

    /// Identities that were met with more than one content.
    pub fn conflicts(&self) -> &BTreeSet<Identity> {
        &self.conflicts
    }

    /// Pieces that could not be read, each once.
    pub fn unreadable(&self) -> &BTreeMap<Fingerprint, Reason> {
        &self.unreadable
    }

    /// Insight events, which are counted and not judged.
    pub fn aside(&self) -> &BTreeSet<Fingerprint> {
        &self.aside
    }

    /// Windows of digest files, unverified, as the files give them.
    pub fn observed(&self) -> &BTreeSet<Observed> {
        &self.observed
    }

    /// Every account, region and whole hour that digest files, taken together, say was observed.
    pub fn windows(&self) -> impl Iterator<Item = &Shard> {
        self.hours.iter()
    }

    /// Takes the segment apart: actors, acts and rows.
    pub fn into_parts(self) -> (Vec<Actor>, Vec<Act>, Vec<Row>) {
        (self.actors, self.acts, self.rows)
    }
}
