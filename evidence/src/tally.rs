//! Counts of equal calls, which merge.
//!
//! Enters: the distinct rows of a segment. Leaves: a [`Tally`] in canonical order: for each actor and call key the
//! count, the times and at most three sample events. Laws: [`Tally::merge`] is associative and commutative, and the
//! empty tally is its identity; for segments that share no event, merging their tallies gives the tally of the merged
//! segment.

mod builder;
mod codec;
mod merge;
mod unique_ids;

use std::cmp::Reverse;

pub(crate) use builder::TallyBuilder;
pub(crate) use merge::TallyMerge;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
pub(crate) use unique_ids::PrincipalsById;

use crate::{
    event::{Actor, CallKey, EventId},
    segment::{EventRow, Segment},
    time::{HOUR_SECONDS, Hour, Time},
};

/// A quarter of an hour in UTC: `Time / 900`. Four make an [`Hour`]. The offset of every time zone in use is a
/// multiple of it, so business hours can be checked exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimeBucket(pub u32);

/// Number of seconds in a time bucket.
pub const BUCKET_SECONDS: u32 = 900;

/// Memory of counted rows is released when it exceeds this number of rows.
const MAX_SPARE_ROWS: usize = 1 << 18;

/// Maximum number of samples of a line.
pub const MAX_SAMPLES: usize = 3;

impl TimeBucket {
    /// The bucket of a time.
    pub const fn of(time: Time) -> Self {
        Self(time.0 / BUCKET_SECONDS)
    }

    /// The first second of the bucket.
    pub const fn start(self) -> Time {
        Time(self.0.saturating_mul(BUCKET_SECONDS))
    }

    /// The last second of the bucket.
    pub const fn end(self) -> Time {
        Time(self.0.saturating_mul(BUCKET_SECONDS).saturating_add(BUCKET_SECONDS - 1))
    }

    /// The hour to which the time bucket belongs.
    pub const fn hour(self) -> Hour {
        Hour(self.0 / (HOUR_SECONDS / BUCKET_SECONDS))
    }
}

/// An event named as evidence. Its id is kept as bytes to avoid padding: a tally may hold half as many samples as
/// events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleEvent {
    /// `eventTime` of the CloudTrail record.
    pub time: Time,
    id: [u8; 16],
}

impl SampleEvent {
    /// The event with this id and time.
    pub const fn new(time: Time, id: EventId) -> Self {
        Self { time, id: id.0.to_be_bytes() }
    }

    /// `eventID` of the CloudTrail record.
    pub const fn id(&self) -> EventId {
        EventId(u128::from_be_bytes(self.id))
    }
}

/// All calls of one actor that differ only in event id and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TallyLine<'a> {
    /// Account, region, principal and session.
    pub actor: &'a Actor,
    /// What equal calls have in common.
    pub call_key: &'a CallKey,
    /// Distinct events; at least one.
    pub count: u64,
    /// Earliest `eventTime` of the line's events.
    pub first: Time,
    /// Latest `eventTime` of the line's events.
    pub last: Time,
    /// The earliest events of the line, at most [`MAX_SAMPLES`], ordered by time.
    pub samples: &'a [SampleEvent],
    /// Number of events per quarter hour, ordered by time.
    pub buckets: &'a [(TimeBucket, u32)],
}

/// Counts per account, region, principal, operation, outcome and quarter hour. Lines refer to tables of distinct
/// values, because a large trail has a tenth as many lines as events.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    actors: Vec<Actor>,
    call_keys: Vec<CallKey>,
    /// In ascending order of actor and call key, each pair once.
    lines: Vec<TallyEntry>,
    samples: Vec<SampleEvent>,
    buckets: Vec<(TimeBucket, u32)>,
}

/// A line, by positions in the tables. Its samples and buckets begin where those of the line before end.
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

/// A line with its samples and buckets, by positions in the tables.
#[derive(Clone, Copy, Debug)]
struct TallyPart<'a> {
    entry: TallyEntry,
    samples: &'a [SampleEvent],
    buckets: &'a [(TimeBucket, u32)],
}

impl Tally {
    /// Counts the distinct events of a segment. Consumes its rows.
    pub fn of(segment: Segment) -> Self {
        let (actors, call_keys, mut rows) = segment.into_parts();
        // Actors and call keys of a segment are sorted, so their positions order the lines. The order is reversed so
        // that counted rows can be released from the end.
        rows.sort_unstable_by_key(|row| Reverse((row.actor, row.call_key, row.time, row.id)));
        let mut tally = Self { actors, call_keys, ..Self::default() };
        while let Some(one) = rows.last().copied() {
            let differs = |row: &EventRow| (row.actor, row.call_key) != (one.actor, one.call_key);
            let begin = rows.iter().rposition(differs).map_or(0, |position| position + 1);
            let group = rows.get(begin..).unwrap_or_default();
            let earliest = group.iter().rev().take(MAX_SAMPLES);
            tally.samples.extend(earliest.map(|row| SampleEvent::new(row.time, row.id)));
            let first_bucket = tally.buckets.len();
            for row in group.iter().rev() {
                tally.add_to_bucket(first_bucket, TimeBucket::of(row.time), 1);
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

    /// Adds to a bucket of the line with buckets that begin at `begin`. Buckets must come in order.
    fn add_to_bucket(&mut self, begin: usize, bucket: TimeBucket, count: u32) {
        let own = self.buckets.get_mut(begin..).and_then(|own| own.last_mut());
        match own {
            Some((last, sum)) if *last == bucket => *sum = sum.saturating_add(count),
            _ => self.buckets.push((bucket, count)),
        }
    }

    /// Ends the line of the samples and buckets that were added last.
    fn finish_line(&mut self, actor: u32, call_key: u32, count: u64, (first, last): (Time, Time)) {
        let (samples_end, buckets_end) = (self.samples.len(), self.buckets.len());
        self.lines.push(TallyEntry { actor, call_key, count, first, last, samples_end, buckets_end });
    }

    fn parts_in_order(&self) -> impl Iterator<Item = TallyPart<'_>> {
        let mut begin = (0, 0);
        self.lines.iter().filter_map(move |entry| {
            let (samples, buckets) = (begin.0..entry.samples_end, begin.1..entry.buckets_end);
            begin = (entry.samples_end, entry.buckets_end);
            Some(TallyPart {
                entry: *entry,
                samples: self.samples.get(samples)?,
                buckets: self.buckets.get(buckets)?,
            })
        })
    }

    /// The lines in canonical order.
    pub fn lines(&self) -> impl Iterator<Item = TallyLine<'_>> {
        self.parts_in_order().filter_map(|TallyPart { entry, samples, buckets }| {
            Some(TallyLine {
                actor: self.actors.get(entry.actor as usize)?,
                call_key: self.call_keys.get(entry.call_key as usize)?,
                count: entry.count,
                first: entry.first,
                last: entry.last,
                samples,
                buckets,
            })
        })
    }

    /// The lines of the calls for which `keep` holds.
    #[must_use]
    pub fn filter(mut self, keep: impl Fn(&CallKey) -> bool) -> Self {
        let kept: Vec<bool> = self.call_keys.iter().map(keep).collect();
        let mut filtered = Self::default();
        let is_kept = |part: &TallyPart<'_>| kept.get(part.entry.call_key as usize) == Some(&true);
        self.parts_in_order().filter(is_kept).for_each(|part| filtered.push_line(part));
        Self {
            actors: std::mem::take(&mut self.actors),
            call_keys: std::mem::take(&mut self.call_keys),
            ..filtered
        }
    }

    /// SHA-256 over the lines, in order, without the samples.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for line in self.lines() {
            // Both hold only strings, numbers and lists, so writing them cannot fail.
            let keys = serde_json::to_vec(&(line.actor, line.call_key)).unwrap_or_default();
            hash.update((keys.len() as u64).to_le_bytes());
            hash.update(&keys);
            hash.update((line.buckets.len() as u64).to_le_bytes());
            for (bucket, count) in line.buckets {
                hash.update(bucket.0.to_le_bytes());
                hash.update(count.to_le_bytes());
            }
        }
        hash.finalize().0
    }

    /// Number of lines in the tally.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are no lines.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Number of distinct events.
    pub fn events(&self) -> u64 {
        self.lines.iter().map(|line| line.count).sum()
    }
}

/// Tallies are equal when their lines are equal. Their tables may hold unused values.
impl PartialEq for Tally {
    fn eq(&self, other: &Self) -> bool {
        self.lines().eq(other.lines())
    }
}

impl Eq for Tally {}
