//! Counts that merge.
//!
//! Enters: the distinct rows of a segment. Leaves: a [`Tally`]: per actor and act how often, when, and three
//! sample events, in canonical order. Laws: [`Tally::merge`] is associative and commutative and the empty tally
//! is its identity; over segments that share no event, merging tallies equals tallying the merged segment.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    coverage::Period,
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

    /// The hour it belongs to.
    pub const fn hour(self) -> Hour {
        Hour(self.0 / (HOUR / SLOT))
    }
}

/// An event named as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sample {
    /// `eventTime`.
    pub time: Time,
    /// `eventID`.
    pub id: EventId,
}

/// All calls of one actor that are equal in everything but identity and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where and by whom.
    pub actor: Arc<Actor>,
    /// What.
    pub act: Arc<Act>,
    /// Distinct events; at least one.
    pub count: u64,
    /// Earliest `eventTime`.
    pub first: Time,
    /// Latest `eventTime`.
    pub last: Time,
    /// The earliest events, at most [`SAMPLES`], in order.
    pub samples: Vec<Sample>,
    /// Events per quarter hour, in order.
    pub slots: Vec<(Slot, u32)>,
}

impl Line {
    fn key(&self) -> (&Actor, &Act) {
        (&self.actor, &self.act)
    }

    /// Adds the counts of a line with the same key.
    fn absorb(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.samples.extend(other.samples);
        self.samples.sort_unstable();
        self.samples.truncate(SAMPLES);
        self.slots.extend(other.slots);
        self.slots.sort_unstable();
        self.slots.dedup_by(|(slot, n), (kept, sum)| {
            slot == kept && {
                *sum += *n;
                true
            }
        });
    }
}

/// Counts per account, region, principal, operation, outcome and quarter hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// In ascending order of actor and act, each pair once.
    lines: Vec<Line>,
}

impl Tally {
    /// Counts the distinct events of a segment that lie in the period, using up its rows.
    pub fn of(segment: Segment, period: Option<Period>) -> Self {
        let (actors, acts, mut rows) = segment.into_parts();
        if let Some(period) = period {
            rows.retain(|row| period.contains(row.time));
        }
        let actors: Vec<Arc<Actor>> = actors.into_iter().map(Arc::new).collect();
        let acts: Vec<Arc<Act>> = acts.into_iter().map(Arc::new).collect();
        rows.sort_unstable_by_key(|row| (row.actor, row.act, row.time, row.id));
        let mut lines: Vec<Line> = rows
            .chunk_by(|a, b| (a.actor, a.act) == (b.actor, b.act))
            .filter_map(|group| {
                let (first, last) = (group.first()?, group.last()?);
                Some(Line {
                    actor: Arc::clone(actors.get(first.actor as usize)?),
                    act: Arc::clone(acts.get(first.act as usize)?),
                    count: group.len() as u64,
                    first: first.time,
                    last: last.time,
                    samples: group
                        .iter()
                        .take(SAMPLES)
                        .map(|row| Sample { time: row.time, id: row.id })
                        .collect(),
                    slots: slots(group),
                })
            })
            .collect();
        lines.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        Self { lines }
    }

    /// The lines in canonical order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Distinct events.
    pub fn events(&self) -> u64 {
        self.lines.iter().map(|line| line.count).sum()
    }

    /// Adds the counts of another tally that shares no event with this one.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let mut lines = Vec::with_capacity(self.lines.len().max(other.lines.len()));
        let (mut left, mut right) = (self.lines.into_iter().peekable(), other.lines.into_iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => match a.key().cmp(&b.key()) {
                    Ordering::Less => left.next(),
                    Ordering::Greater => right.next(),
                    Ordering::Equal => left.next().zip(right.next()).map(|(mut a, b)| {
                        a.absorb(b);
                        a
                    }),
                },
                (Some(_), None) => left.next(),
                (None, _) => right.next(),
            };
            match next {
                Some(line) => lines.push(line),
                None => return Self { lines },
            }
        }
    }

    /// Events per hour for which `wanted` holds, in order.
    pub fn hours(&self, wanted: impl Fn(&Line) -> bool) -> BTreeMap<Hour, u64> {
        let mut hours = BTreeMap::new();
        for line in self.lines.iter().filter(|line| wanted(line)) {
            for (slot, count) in &line.slots {
                *hours.entry(slot.hour()).or_default() += u64::from(*count);
            }
        }
        hours
    }
}

fn slots(group: &[Row]) -> Vec<(Slot, u32)> {
    let mut slots: Vec<(Slot, u32)> = Vec::new();
    for row in group {
        let slot = Slot::of(row.time);
        match slots.last_mut() {
            Some((last, count)) if *last == slot => *count += 1,
            _ => slots.push((slot, 1)),
        }
    }
    slots.shrink_to_fit();
    slots
}
