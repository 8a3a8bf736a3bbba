//! Counts that merge.
//!
//! Enters: the distinct rows of a segment. Leaves: a [`Tally`]: per actor and act how often, when, and three
//! sample events, in canonical order. Laws: [`Tally::merge`] is associative and commutative and the empty tally
//! is its identity; over segments that share no event, merging tallies equals tallying the merged segment.

mod form;
mod merge;

use std::cmp::Reverse;

pub(crate) use merge::Merging;
use serde::{Deserialize, Serialize};

use crate::{
    event::{Act, Actor, EventId},
    segment::{Row, Segment},
    time::{HOUR, Hour, Time},
};

/// A quarter of an hour in UTC: `Time / 900`. Four make an [`Hour`]; every time zone in use is a whole number of
/// them away from UTC, so working hours can be judged exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub u32);

/// Seconds in a slot.
pub const SLOT: u32 = 900;

/// Counted rows whose memory is kept until there are so many.
const SPARE_ROWS: usize = 1 << 18;

/// Samples kept for each line.
pub const SAMPLES: usize = 3;

impl Slot {
    /// The slot a time falls in.
    pub const fn of(time: Time) -> Self {
        Self(time.0 / SLOT)
    }

    /// Its first second.
    pub const fn start(self) -> Time {
        Time(self.0.saturating_mul(SLOT))
    }

    /// Its last second.
    pub const fn end(self) -> Time {
        Time(self.0.saturating_mul(SLOT).saturating_add(SLOT - 1))
    }

    /// The hour it belongs to.
    pub const fn hour(self) -> Hour {
        Hour(self.0 / (HOUR / SLOT))
    }
}

/// An event named as evidence. Its id is kept as bytes, since a tally holds as many samples as half its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sample {
    /// `eventTime`.
    pub time: Time,
    id: [u8; 16],
}

impl Sample {
    /// The event of that id at that time.
    pub const fn new(time: Time, id: EventId) -> Self {
        Self { time, id: id.0.to_be_bytes() }
    }

    /// `eventID`.
    pub const fn id(&self) -> EventId {
        EventId(u128::from_be_bytes(self.id))
    }
}

/// All calls of one actor that are equal in everything but identity and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where and by whom.
    pub actor: &'a Actor,
    /// What.
    pub act: &'a Act,
    /// Distinct events; at least one.
    pub count: u64,
    /// Earliest `eventTime`.
    pub first: Time,
    /// Latest `eventTime`.
    pub last: Time,
    /// The earliest events, at most [`SAMPLES`], in order.
    pub samples: &'a [Sample],
    /// Events per quarter hour, in order.
    pub slots: &'a [(Slot, u32)],
}

/// Counts per account, region, principal, operation, outcome and quarter hour. What lines refer to lies in tables beside
/// them, since a large trail has as many lines as a tenth of its events.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    actors: Vec<Actor>,
    acts: Vec<Act>,
    /// In ascending order of actor and act, each pair once.
    lines: Vec<Entry>,
    samples: Vec<Sample>,
    slots: Vec<(Slot, u32)>,
}

/// A line, by positions. Its samples and slots begin where those of the line before end.
#[derive(Clone, Copy, Debug)]
struct Entry {
    actor: u32,
    act: u32,
    count: u64,
    first: Time,
    last: Time,
    samples_end: usize,
    slots_end: usize,
}

/// A line with what lies beside it, still by positions.
#[derive(Clone, Copy, Debug)]
struct Part<'a> {
    entry: Entry,
    samples: &'a [Sample],
    slots: &'a [(Slot, u32)],
}

impl Tally {
    /// Counts the distinct events of a segment, using up its rows.
    pub fn of(segment: Segment) -> Self {
        let (actors, acts, mut rows) = segment.into_parts();
        // Actors and acts of a segment are sorted, so their positions order the lines. The last come first, so that rows
        // can be let go of from the end while what is counted grows.
        rows.sort_unstable_by_key(|row| Reverse((row.actor, row.act, row.time, row.id)));
        let mut tally = Self { actors, acts, ..Self::default() };
        while let Some(one) = rows.last().copied() {
            let differs = |row: &Row| (row.actor, row.act) != (one.actor, one.act);
            let begin = rows.iter().rposition(differs).map_or(0, |position| position + 1);
            let group = rows.get(begin..).unwrap_or_default();
            let earliest = group.iter().rev().take(SAMPLES);
            tally.samples.extend(earliest.map(|row| Sample::new(row.time, row.id)));
            let first_slot = tally.slots.len();
            for row in group.iter().rev() {
                tally.count(first_slot, Slot::of(row.time), 1);
            }
            let latest = group.first().map_or(one.time, |row| row.time);
            tally.end(one.actor, one.act, group.len() as u64, (one.time, latest));
            rows.truncate(begin);
            if rows.capacity() - rows.len() > SPARE_ROWS {
                rows.shrink_to_fit();
            }
        }
        tally
    }

    /// Adds to a slot of the line that began at `begin`; slots come in order.
    fn count(&mut self, begin: usize, slot: Slot, count: u32) {
        let own = self.slots.get_mut(begin..).and_then(|own| own.last_mut());
        match own {
            Some((last, sum)) if *last == slot => *sum = sum.saturating_add(count),
            _ => self.slots.push((slot, count)),
        }
    }

    /// Ends the line whose samples and slots were added last.
    fn end(&mut self, actor: u32, act: u32, count: u64, (first, last): (Time, Time)) {
        let (samples_end, slots_end) = (self.samples.len(), self.slots.len());
        self.lines.push(Entry { actor, act, count, first, last, samples_end, slots_end });
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut begin = (0, 0);
        self.lines.iter().filter_map(move |entry| {
            let (samples, slots) = (begin.0..entry.samples_end, begin.1..entry.slots_end);
            begin = (entry.samples_end, entry.slots_end);
            Some(Part { entry: *entry, samples: self.samples.get(samples)?, slots: self.slots.get(slots)? })
        })
    }

    /// The lines in canonical order.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.parts().filter_map(|Part { entry, samples, slots }| {
            Some(Line {
                actor: self.actors.get(entry.actor as usize)?,
                act: self.acts.get(entry.act as usize)?,
                count: entry.count,
                first: entry.first,
                last: entry.last,
                samples,
                slots,
            })
        })
    }

    /// How many lines there are.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing was counted.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Distinct events.
    pub fn events(&self) -> u64 {
        self.lines.iter().map(|line| line.count).sum()
    }
}

/// Tallies are equal when their lines are; tables may hold more.
impl PartialEq for Tally {
    fn eq(&self, other: &Self) -> bool {
        self.lines().eq(other.lines())
    }
}

impl Eq for Tally {}
