//! Shards: the evidence of one account, region and hour.
//!
//! Enters: rows in order of identity. Leaves: their positions, shard by shard. Laws: every row is in exactly one
//! shard; within a shard rows keep their order, which is that of their ids.

use std::{cmp::Ordering, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{EventRow, Segment};
use crate::{
    event::Actor,
    time::{Hour, Time},
};

/// One account, region and hour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shard {
    /// Account that received the events.
    pub account: Arc<str>,
    /// Region of the events.
    pub region: Arc<str>,
    /// Hour of their `eventTime`.
    pub hour: Hour,
}

impl Shard {
    /// The shard of a call of `actor` at `time`.
    pub fn of(actor: &Actor, time: Time) -> Self {
        let Actor { account, region, .. } = actor;
        Self { account: Arc::clone(account), region: Arc::clone(region), hour: time.hour() }
    }

    /// Whether the shard is that of a call of `actor` at `time`.
    pub fn contains(&self, actor: &Actor, time: Time) -> bool {
        self.hour == time.hour() && self.account == actor.account && self.region == actor.region
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.account, self.region, self.hour)
    }
}

/// The rank of the account and region of each of the sorted actors.
pub(super) fn account_region_ranks(actors: &[Actor]) -> Vec<u32> {
    let mut rank = 0;
    let mut last: Option<&Actor> = None;
    let rank_of = |actor| {
        rank +=
            u32::from(last.replace(actor).is_some_and(|last| account_region(last) != account_region(actor)));
        rank
    };
    actors.iter().map(rank_of).collect()
}

fn account_region(actor: &Actor) -> (&str, &str) {
    (&actor.account, &actor.region)
}

/// Compares rows by id, account, region and hour. Ids are rarely equal, so they come first.
pub(super) fn compare_identity(a: &EventRow, b: &EventRow, ranks: &[u32]) -> Ordering {
    let rank = |row: &EventRow| ranks.get(row.actor as usize);
    a.id.cmp(&b.id).then_with(|| (rank(a), a.time.hour()).cmp(&(rank(b), b.time.hour())))
}

/// Positions of the rows of a segment, shard by shard.
pub(super) struct ShardPositions {
    positions: Vec<u32>,
    /// Each shard with the end of its positions in `positions`.
    shards: Vec<(Shard, usize)>,
}

/// With more counters than this for each row, sorting is cheaper than counting.
const MAX_COUNTERS_PER_ROW: usize = 4;

impl ShardPositions {
    pub(super) fn of(segment: &Segment) -> Self {
        let Segment { actors, rows, .. } = segment;
        let ranks = account_region_ranks(actors);
        let hours = rows.iter().map(|row| row.time.hour().0);
        let (first, last) =
            hours.fold((u32::MAX, 0), |(first, last), hour| (first.min(hour), last.max(hour)));
        let span = u64::from(last.saturating_sub(first)) + 1;
        let key = |row: &EventRow| {
            let rank = ranks.get(row.actor as usize).copied().unwrap_or_default();
            u64::from(rank) * span + u64::from(row.time.hour().0 - first)
        };
        let keys = ranks.last().map_or(0, |last| (u64::from(*last) + 1).saturating_mul(span));
        let room = MAX_COUNTERS_PER_ROW * (rows.len() + 1_024);
        let (positions, ends) = match usize::try_from(keys) {
            Ok(keys) if keys <= room => group_by_counting(rows, keys, key),
            _ => group_by_sorting(rows, key),
        };
        let shard = |(position, end): (u32, usize)| {
            let row = rows.get(position as usize)?;
            Some((Shard::of(actors.get(row.actor as usize)?, row.time), end))
        };
        Self { shards: ends.into_iter().filter_map(shard).collect(), positions }
    }

    /// Every shard with rows, in order, with the positions of its rows.
    pub(super) fn shards(&self) -> impl Iterator<Item = (&Shard, &[u32])> {
        let mut begin = 0;
        self.shards.iter().filter_map(move |(shard, end)| {
            Some((shard, self.positions.get(std::mem::replace(&mut begin, *end)..*end)?))
        })
    }
}

/// Positions of all rows, grouped by key; and for each used key one of its rows and the end of its positions.
type GroupedPositions = (Vec<u32>, Vec<(u32, usize)>);

/// Groups by counting, for dense keys.
fn group_by_counting(rows: &[EventRow], keys: usize, key: impl Fn(&EventRow) -> u64) -> GroupedPositions {
    let at = |row: &EventRow| usize::try_from(key(row)).unwrap_or(usize::MAX);
    let mut ends = vec![0_u32; keys];
    for row in rows {
        if let Some(count) = ends.get_mut(at(row)) {
            *count += 1;
        }
    }
    let mut begin = 0;
    for next in &mut ends {
        begin += std::mem::replace(next, begin);
    }
    let mut positions = vec![0; rows.len()];
    for (position, row) in (0..).zip(rows) {
        if let Some(next) = ends.get_mut(at(row)) {
            if let Some(target) = positions.get_mut(*next as usize) {
                *target = position;
            }
            *next += 1;
        }
    }
    ends.dedup();
    let used = ends.into_iter().filter_map(|end| {
        let end = end as usize;
        Some((*positions.get(end.checked_sub(1)?)?, end))
    });
    let used = used.collect();
    (positions, used)
}

/// Groups by sorting, for sparse keys.
fn group_by_sorting(rows: &[EventRow], key: impl Fn(&EventRow) -> u64) -> GroupedPositions {
    let mut keys: Vec<(u64, u32)> = rows.iter().map(key).zip(0..).collect();
    keys.sort_unstable();
    let mut end = 0;
    let groups = keys.chunk_by(|a, b| a.0 == b.0);
    let used = groups.filter_map(|group| {
        end += group.len();
        Some((group.first()?.1, end))
    });
    (keys.iter().map(|(_, position)| *position).collect(), used.collect())
}
