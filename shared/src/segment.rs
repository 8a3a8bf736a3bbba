//! Evidence as a value: what a set of log objects says, each event once.
//!
//! Enters: events, unreadable pieces and observed windows, in any order. Leaves: a [`Segment`] that merges.
//! Laws: merging is associative, commutative, idempotent and has the empty segment as identity, exactly, on
//! event id and recipient account; of two contents under one identity the greater one stays and the conflict
//! is remembered; everything has an identity, so delivering it again changes nothing; equal evidence is an
//! equal value and has equal bytes.
//!
//! Of two contents the greater one is the one that accuses more: `readOnly=false` before none before `true`, then
//! succeeded before failed before denied, then by content.

mod codec;
mod draft;
mod hours;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

pub use codec::SegmentError;
pub use draft::Draft;

use crate::{
    event::{Act, Actor, Event, EventId},
    record::{Fingerprint, Observed, Reason},
    time::{Hour, Time},
};

/// One event of a segment. `actor` and `act` are positions in [`Segment::actors`] and [`Segment::acts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Identity, together with the account of the actor.
    pub id: EventId,
    /// `eventTime`.
    pub time: Time,
    /// Where and by whom.
    pub actor: u32,
    /// What.
    pub act: u32,
}

/// What makes an event one event: its id, and the account that received it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// `eventID`.
    pub id: EventId,
    /// `recipientAccountId`.
    pub account: Arc<str>,
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
    hours: BTreeSet<(Arc<str>, Arc<str>, Hour)>,
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

    /// Account, region and hour of every whole hour that digest files, taken together, say was observed.
    pub fn windows(&self) -> impl Iterator<Item = &(Arc<str>, Arc<str>, Hour)> {
        self.hours.iter()
    }

    /// Log files that digests list and that are not here: no event of their account and region has the time of their
    /// oldest, or of their newest. A file whose times other events share is not missed.
    pub fn missing_logs(&self) -> Vec<MissingLog> {
        let listed =
            || self.observed.iter().flat_map(|window| window.logs.iter().map(move |log| (window, *log)));
        let mut times: HashMap<(&str, &str), HashMap<Time, bool>> = HashMap::new();
        for (window, (oldest, newest)) in listed() {
            let place = times.entry((&window.account, &window.region)).or_default();
            place.extend([(oldest, false), (newest, false)]);
        }
        if times.is_empty() {
            return Vec::new();
        }
        let places: Vec<(&str, &str)> =
            self.actors.iter().map(|actor| (&*actor.account, &*actor.region)).collect();
        for row in &self.rows {
            let place = places.get(row.actor as usize).and_then(|place| times.get_mut(place));
            if let Some(seen) = place.and_then(|place| place.get_mut(&row.time)) {
                *seen = true;
            }
        }
        let seen = |window: &Observed, time: Time| {
            times.get(&(&*window.account, &*window.region)).and_then(|place| place.get(&time)) == Some(&true)
        };
        let missing =
            listed().filter(|(window, (oldest, newest))| !seen(window, *oldest) || !seen(window, *newest));
        let mut logs: Vec<MissingLog> = missing
            .map(|(window, (oldest, newest))| MissingLog {
                account: Arc::clone(&window.account),
                region: Arc::clone(&window.region),
                oldest,
                newest,
            })
            .collect();
        logs.sort_unstable();
        logs.dedup();
        logs
    }

    /// Takes the segment apart: actors, acts and rows.
    pub fn into_parts(self) -> (Vec<Actor>, Vec<Act>, Vec<Row>) {
        (self.actors, self.acts, self.rows)
    }
}
