//! A segment in parts.
//!
//! Enters: [`Segment`]. Leaves: one segment for each of its shards, and one of what belongs to none. Law: the parts merge
//! to the segment they were cut from.

use std::collections::{BTreeMap, BTreeSet};

use super::{Row, Segment, Shard, draft::keep_used, hours, shard::Division};
use crate::{record::Observed, time::Hour};

impl Segment {
    /// The events of each shard with their conflicts; and the rest: what could not be read, Insight events, windows.
    pub fn cut(mut self) -> (BTreeMap<Shard, Self>, Self) {
        let rest = self.take_rest();
        let division = Division::of(&self);
        let part = |(shard, positions): (&Shard, _)| (shard.clone(), self.part(positions));
        let mut shards: BTreeMap<Shard, Self> = division.shards().map(part).collect();
        for conflict in self.conflicts {
            shards.entry(conflict.shard.clone()).or_default().conflicts.insert(conflict);
        }
        (shards, rest)
    }

    /// The rows at these positions, which are in order.
    fn part(&self, positions: &[u32]) -> Self {
        let rows = positions.iter().filter_map(|position| self.rows.get(*position as usize));
        let mut rows: Vec<Row> = rows.copied().collect();
        let actors = named(&self.actors, &mut rows, |row| &mut row.actor);
        let acts = named(&self.acts, &mut rows, |row| &mut row.act);
        Self { actors, acts, rows, ..Self::default() }
    }

    /// Leaves events and conflicts, and gives everything else.
    pub(crate) fn take_rest(&mut self) -> Self {
        Self {
            unreadable: std::mem::take(&mut self.unreadable),
            aside: std::mem::take(&mut self.aside),
            observed: std::mem::take(&mut self.observed),
            hours: std::mem::take(&mut self.hours),
            ..Self::default()
        }
    }

    /// Leaves only events and conflicts of these hours, and says how many events are gone.
    pub(crate) fn keep_hours(&mut self, keep: impl Fn(Hour) -> bool) -> u64 {
        let before = self.rows.len();
        self.rows.retain(|row| keep(row.time.hour()));
        self.conflicts.retain(|conflict| keep(conflict.shard.hour));
        let gone = before - self.rows.len();
        if gone > 0 {
            keep_used(&mut self.actors, &mut self.rows, |row| &mut row.actor);
            keep_used(&mut self.acts, &mut self.rows, |row| &mut row.act);
        }
        gone as u64
    }

    /// Leaves only these windows.
    pub(crate) fn keep_observed(&mut self, keep: impl Fn(&Observed) -> bool) {
        let before = self.observed.len();
        self.observed.retain(keep);
        if self.observed.len() < before {
            self.hours = hours::covered(&self.observed);
        }
    }
}

/// The values the rows refer to, which from then on is to their positions among these alone.
#[expect(clippy::cast_possible_truncation, reason = "there are no more of them than positions")]
fn named<T: Clone>(values: &[T], rows: &mut [Row], name: impl Fn(&mut Row) -> &mut u32) -> Vec<T> {
    let names: BTreeSet<u32> = rows.iter_mut().map(|row| *name(row)).collect();
    let names: Vec<u32> = names.into_iter().collect();
    for row in rows {
        let name = name(row);
        let (Ok(position) | Err(position)) = names.binary_search(name);
        *name = position as u32;
    }
    names.iter().filter_map(|name| values.get(*name as usize)).cloned().collect()
}
