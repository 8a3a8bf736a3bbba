//! Splits a segment by shard.
//!
//! Enters: [`Segment`]. Leaves: one segment for each of its shards, and one for the evidence outside shards. Law: the
//! parts merge to the segment that was split.

use std::collections::{BTreeMap, BTreeSet};

use super::{EventRow, Segment, Shard, builder::retain_used, digest_hours, shard::ShardPositions};
use crate::{record::DigestWindow, time::Hour};

impl Segment {
    /// The events, conflicts and origins of each shard; and the rest: unreadable pieces, Insights events, digest windows
    /// and delivery facts.
    pub fn split_by_shard(mut self) -> (BTreeMap<Shard, Self>, Self) {
        let rest = self.take_unsharded();
        let division = ShardPositions::of(&self);
        let part = |(shard, positions): (&Shard, _)| (shard.clone(), self.subset(positions));
        let mut shards: BTreeMap<Shard, Self> = division.shards().map(part).collect();
        for conflict in self.conflicts {
            shards.entry(conflict.shard.clone()).or_default().conflicts.insert(conflict);
        }
        for (shard, origins) in self.origins {
            shards.entry(shard.clone()).or_default().origins.insert(shard, origins);
        }
        (shards, rest)
    }

    /// The segment of the rows at these positions, which must be in order.
    fn subset(&self, positions: &[u32]) -> Self {
        let rows = positions.iter().filter_map(|position| self.rows.get(*position as usize));
        self.of_rows(rows.copied().collect())
    }

    /// The segment of these rows, which must be in order.
    fn of_rows(&self, mut rows: Vec<EventRow>) -> Self {
        let actors = compact_values(&self.actors, &mut rows, |row| &mut row.actor);
        let call_keys = compact_values(&self.call_keys, &mut rows, |row| &mut row.call_key);
        Self { actors, call_keys, rows, ..Self::default() }
    }

    /// Removes and returns everything except events, conflicts and origins.
    pub fn take_unsharded(&mut self) -> Self {
        Self {
            unreadable: std::mem::take(&mut self.unreadable),
            insight_events: std::mem::take(&mut self.insight_events),
            digest_windows: std::mem::take(&mut self.digest_windows),
            delivery_facts: std::mem::take(&mut self.delivery_facts),
            digest_hours: std::mem::take(&mut self.digest_hours),
            ..Self::default()
        }
    }

    /// The events of the hours for which `wanted` holds, without conflicts and origins.
    pub(crate) fn events_of_hours(&self, wanted: impl Fn(Hour) -> bool) -> Self {
        self.of_rows(self.rows.iter().filter(|row| wanted(row.time.hour())).copied().collect())
    }

    /// The shards with events.
    pub(crate) fn shards(&self) -> BTreeSet<Shard> {
        ShardPositions::of(self).shards().map(|(shard, _)| shard.clone()).collect()
    }

    /// Keeps only events, conflicts and origins of the hours for which `keep` holds. Returns the number of removed events.
    pub(crate) fn retain_hours(&mut self, keep: impl Fn(Hour) -> bool) -> u64 {
        let before = self.rows.len();
        self.rows.retain(|row| keep(row.time.hour()));
        self.conflicts.retain(|conflict| keep(conflict.shard.hour));
        self.origins.retain(|shard, _| keep(shard.hour));
        let gone = before - self.rows.len();
        if gone > 0 {
            retain_used(&mut self.actors, &mut self.rows, |row| &mut row.actor);
            retain_used(&mut self.call_keys, &mut self.rows, |row| &mut row.call_key);
        }
        gone as u64
    }

    /// Keeps only the digest windows for which `keep` holds.
    pub(crate) fn retain_digest_windows(&mut self, keep: impl Fn(&DigestWindow) -> bool) {
        let before = self.digest_windows.len();
        self.digest_windows.retain(keep);
        if self.digest_windows.len() < before {
            self.digest_hours = digest_hours::covered_hours(&self.digest_windows);
        }
    }
}

/// The values that the rows refer to. Changes the rows to the positions among these values.
#[expect(clippy::cast_possible_truncation, reason = "there are no more of them than positions")]
fn compact_values<T: Clone>(
    values: &[T],
    rows: &mut [EventRow],
    name: impl Fn(&mut EventRow) -> &mut u32,
) -> Vec<T> {
    let names: BTreeSet<u32> = rows.iter_mut().map(|row| *name(row)).collect();
    let names: Vec<u32> = names.into_iter().collect();
    for row in rows {
        let name = name(row);
        let (Ok(position) | Err(position)) = names.binary_search(name);
        *name = position as u32;
    }
    names.iter().filter_map(|name| values.get(*name as usize)).cloned().collect()
}
