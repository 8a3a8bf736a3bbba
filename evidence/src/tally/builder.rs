//! Counts rows shard by shard.
//!
//! Enters: the distinct rows of each shard, in order of the shards, with positions in tables of all actors and call keys. Leaves:
//! [`Tally`]. Laws: it is the tally of all rows at once; besides the tally, memory holds the lines of one account and region.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{MAX_SAMPLES, SampleEvent, Tally, TimeBucket};
use crate::{
    event::{Actor, CallKey},
    segment::{EventRow, Shard},
    time::Time,
};

/// The lines of the shards so far. An actor is of one account and region, and sorted actors begin with both, so the lines of an account
/// and region follow those of the one before.
#[derive(Default)]
pub(crate) struct TallyBuilder {
    /// The lines before the open ones, with positions in the tables.
    closed: Tally,
    place: Option<(Arc<str>, Arc<str>)>,
    open: HashMap<(u32, u32), OpenLine>,
}

/// A line to which later hours of its account and region add.
struct OpenLine {
    count: u64,
    span: (Time, Time),
    samples: Vec<SampleEvent>,
    buckets: Vec<(TimeBucket, u32)>,
}

impl TallyBuilder {
    /// Adds the rows of a shard. Shards must come in order, each once.
    pub(crate) fn add(&mut self, shard: &Shard, rows: &mut [EventRow]) {
        if self
            .place
            .as_ref()
            .is_none_or(|(account, region)| (account, region) != (&shard.account, &shard.region))
        {
            self.close();
            self.place = Some((Arc::clone(&shard.account), Arc::clone(&shard.region)));
        }
        rows.sort_unstable_by_key(|row| (row.actor, row.call_key, row.time, row.id));
        for rows in rows.chunk_by(|a, b| (a.actor, a.call_key) == (b.actor, b.call_key)) {
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
            let line = self.open.entry((first.actor, first.call_key)).or_insert_with(|| OpenLine {
                count: 0,
                span: (first.time, last.time),
                samples: Vec::new(),
                buckets: Vec::new(),
            });
            line.count += rows.len() as u64;
            line.span.1 = last.time;
            let room = MAX_SAMPLES - line.samples.len();
            line.samples.extend(rows.iter().take(room).map(|row| SampleEvent::new(row.time, row.id)));
            for row in rows {
                let bucket = TimeBucket::of(row.time);
                match line.buckets.last_mut() {
                    Some((last, sum)) if *last == bucket => *sum = sum.saturating_add(1),
                    _ => line.buckets.push((bucket, 1)),
                }
            }
        }
    }

    /// Adds the open lines, in order, to those before.
    fn close(&mut self) {
        let mut lines: Vec<((u32, u32), OpenLine)> = std::mem::take(&mut self.open).into_iter().collect();
        lines.sort_unstable_by_key(|(key, _)| *key);
        for ((actor, call_key), line) in lines {
            self.closed.samples.extend(line.samples);
            self.closed.buckets.extend(line.buckets);
            self.closed.finish_line(actor, call_key, line.count, line.span);
        }
    }

    /// The tally of all rows, of which the positions were in these sorted tables.
    pub(crate) fn finish(mut self, actors: &[Actor], call_keys: &[CallKey]) -> Tally {
        self.close();
        let mut tally = self.closed;
        tally.actors = used_values(actors, tally.lines.iter_mut().map(|line| &mut line.actor));
        tally.call_keys = used_values(call_keys, tally.lines.iter_mut().map(|line| &mut line.call_key));
        tally
    }
}

/// The values that are referred to, in order. Changes the positions to those among these values.
#[expect(clippy::cast_possible_truncation, reason = "there are no more of them than positions")]
fn used_values<'p, T: Clone>(values: &[T], positions: impl Iterator<Item = &'p mut u32>) -> Vec<T> {
    let positions: Vec<&mut u32> = positions.collect();
    let mut new = vec![None; values.len()];
    for position in &positions {
        if let Some(found) = new.get_mut(**position as usize) {
            *found = Some(0);
        }
    }
    let mut used = Vec::new();
    for (found, value) in new.iter_mut().zip(values) {
        if let Some(found) = found {
            *found = used.len() as u32;
            used.push(value.clone());
        }
    }
    for position in positions {
        *position = new.get(*position as usize).copied().flatten().unwrap_or(u32::MAX);
    }
    used
}
