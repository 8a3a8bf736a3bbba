//! Counts that merge.
//!
//! Enters: the distinct rows of a segment. Leaves: a [`Tally`]: per actor and act how often, when, and three
//! sample events, in canonical order. Laws: [`Tally::merge`] is associative and commutative and the empty tally
//! is its identity; over segments that share no event, merging tallies equals tallying the merged segment.

mod codec;
mod merge;

use std::cmp::Reverse;

pub(crate) use merge::TallyMerge;
use serde::{Deserialize, Serialize};

use crate::{
    event::{Actor, CallKey, EventId},
    segment::{EventRow, Segment},
    time::{HOUR_SECONDS, Hour, Time},
};

/// A quarter of an hour in UTC: `Time / 900`. Four make an [`Hour`]; every time zone in use is a whole number of
/// them away from UTC, so working hours can be judged exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimeBucket(pub u32);

/// Seconds in a slot.
pub const BUCKET_SECONDS: u32 = 900;

/// Counted rows whose memory is kept until there are so many.
const MAX_SPARE_ROWS: usize = 1 << 18;

/// Samples kept for each line.
pub const MAX_SAMPLES: usize = 3;

impl TimeBucket {
    /// The slot a time falls in.
    pub const fn of(time: Time) -> Self {
        Self(time.0 / BUCKET_SECONDS)
    }

    /// Its first second.
    pub const fn start(self) -> Time {
        Time(self.0.saturating_mul(BUCKET_SECONDS))
    }

    /// Its last second.
    pub const fn end(self) -> Time {
        Time(self.0.saturating_mul(BUCKET_SECONDS).saturating_add(BUCKET_SECONDS - 1))
    }

    /// The hour it belongs to.
    pub const fn hour(self) -> Hour {
        Hour(self.0 / (HOUR_SECONDS / BUCKET_SECONDS))
    }
}

/// An event named as evidence. Its id is kept as bytes, since a tally holds as many samples as half its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleEvent {
    /// `eventTime`.
    pub time: Time,
    id: [u8; 16],
}

impl SampleEvent {
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
pub struct TallyLine<'a> {
    /// Where and by whom.
    pub actor: &'a Actor,
    /// What.
    pub call_key: &'a CallKey,
    /// Distinct events; at least one.
    pub count: u64,
    /// Earliest `eventTime`.
    pub first: Time,
    /// Latest `eventTime`.
    pub last: Time,
    /// The earliest events, at most [`SAMPLES`], in order.
    pub samples: &'a [SampleEvent],
    /// Events per quarter hour, in order.
    pub buckets: &'a [(TimeBucket, u32)],
}

/// Counts per account, region, principal, operation, outcome and quarter hour. What lines refer to lies in tables beside
/// them, since a large trail has as many lines as a tenth of its events.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    actors: Vec<Actor>,
    call_keys: Vec<CallKey>,
    /// In ascending order of actor and act, each pair once.
    lines: Vec<TallyEntry>,
    samples: Vec<SampleEvent>,
    buckets: Vec<(TimeBucket, u32)>,
}

/// A line, by positions. Its samples and slots begin where those of the line before end.
#[derive(Clone, Copy, Debug)]
struct TallyEntry {
    actor: u32,
    call_key: u32,
    count: u64,
    first: Time,
    last: Time,
    samples_end: usize,
    buckets_end: usize,
}

/// A line with what lies beside it, still by positions.
#[derive(Clone, Copy, Debug)]
struct TallyPart<'a> {
    entry: TallyEntry,
    samples: &'a [SampleEvent],
    buckets: &'a [(TimeBucket, u32)],
}

impl Tally {
    /// Counts the distinct events of a segment, using up its rows.
    pub fn of(segment: Segment) -> Self {
        let (actors, acts, mut rows) = segment.into_parts();
        // Actors and acts of a segment are sorted, so their positions order the lines. The last come first, so that rows
        // can be let go of from the end while what is counted grows.
        rows.sort_unstable_by_key(|row| Reverse((row.actor, row.call_key, row.time, row.id)));
        let mut tally = Self { actors, call_keys: acts, ..Self::default() };
        while let Some(one) = rows.last().copied() {
            let differs = |row: &EventRow| (row.actor, row.call_key) != (one.actor, one.call_key);
            let begin = rows.iter().rposition(differs).map_or(0, |position| position + 1);
            let group = rows.get(begin..).unwrap_or_default();
            let earliest = group.iter().rev().take(MAX_SAMPLES);
            tally.samples.extend(earliest.map(|row| SampleEvent::new(row.time, row.id)));
            let first_slot = tally.buckets.len();
            for row in group.iter().rev() {
                tally.add_to_bucket(first_slot, TimeBucket::of(row.time), 1);
            }
            let latest = group.first().map_or(one.time, |row| row.time);
            tally.finish_line(one.actor, one.call_key, group.len() as u64, (one.time, latest));
            rows.truncate(begin);
            if rows.capacity() - rows.len() > MAX_SPARE_ROWS {
                rows.shrink_to_fit();
            }
        }
        tally
    }

    /// Adds to a slot of the line that began at `begin`; slots come in order.
    fn add_to_bucket(&mut self, begin: usize, slot: TimeBucket, count: u32) {
        let own = self.buckets.get_mut(begin..).and_then(|own| own.last_mut());
        match own {
            Some((last, sum)) if *last == slot => *sum = sum.saturating_add(count),
            _ => self.buckets.push((slot, count)),
        }
    }

    /// Ends the line whose samples and slots were added last.
    fn finish_line(&mut self, actor: u32, act: u32, count: u64, (first, last): (Time, Time)) {
        let (samples_end, slots_end) = (self.samples.len(), self.buckets.len());
        self.lines.push(TallyEntry {
            actor,
            call_key: act,
            count,
            first,
            last,
            samples_end,
            buckets_end: slots_end,
        });
    }

    fn parts_in_order(&self) -> impl Iterator<Item = TallyPart<'_>> {
        let mut begin = (0, 0);
        self.lines.iter().filter_map(move |entry| {
            let (samples, slots) = (begin.0..entry.samples_end, begin.1..entry.buckets_end);
            begin = (entry.samples_end, entry.buckets_end);
            Some(TallyPart {
                entry: *entry,
                samples: self.samples.get(samples)?,
                buckets: self.buckets.get(slots)?,
            })
        })
    }

    /// The lines in canonical order.
    pub fn lines(&self) -> impl Iterator<Item = TallyLine<'_>> {
        self.parts_in_order().filter_map(|TallyPart { entry, samples, buckets: slots }| {
            Some(TallyLine {
                actor: self.actors.get(entry.actor as usize)?,
                call_key: self.call_keys.get(entry.call_key as usize)?,
                count: entry.count,
                first: entry.first,
                last: entry.last,
                samples,
                buckets: slots,
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
