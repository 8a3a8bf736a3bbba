//! The origins of calls while a segment is built.
//!
//! Enters: rows and where they came from. Leaves: [`CallOrigins`] of each shard. Laws: the same as those of [`CallOrigins`]; an origin that
//! was seen later than all that are kept of its group is dropped before anything is stored of it.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;

use super::interner::Interner;
use crate::{
    event::{Actor, CallKey},
    origin::{CallOrigin, CallOrigins, MAX_ORIGINS, OriginGroup},
    segment::{EventRow, Shard},
    time::{Hour, Time},
};

/// The origins that are kept of a group in an hour, the first first.
type HourOrigins = Vec<(Time, CallOrigin)>;

#[derive(Default)]
pub(super) struct FirstOrigins {
    groups: Interner<OriginGroup>,
    /// Positions in `groups` by the positions of actor and call key.
    positions: HashMap<(u32, u32), u32>,
    kept: HashMap<(u32, Hour), HourOrigins>,
}

impl FirstOrigins {
    /// Adds the origin of a row, which is only made if it may be kept.
    pub(super) fn insert(
        &mut self,
        row: &EventRow,
        actors: &Interner<Actor>,
        call_keys: &Interner<CallKey>,
        origin: impl FnOnce() -> Option<CallOrigin>,
    ) {
        let groups = &mut self.groups;
        let group = *self.positions.entry((row.actor, row.call_key)).or_insert_with(|| {
            let (Some(actor), Some(call_key)) = (actors.get(row.actor), call_keys.get(row.call_key)) else {
                return u32::MAX;
            };
            groups.insert(OriginGroup::of(actor, call_key))
        });
        let known = self.kept.get(&(group, row.time.hour()));
        let is_late = |known: &HourOrigins| {
            known.len() == MAX_ORIGINS && known.last().is_some_and(|(last, _)| *last < row.time)
        };
        if known.is_some_and(is_late) {
            return;
        }
        if let Some(origin) = origin() {
            insert_first(self.kept.entry((group, row.time.hour())).or_default(), row.time, origin);
        }
    }

    /// Moves everything from `other`, which must always be absorbed by the same value.
    pub(super) fn absorb(&mut self, other: &mut Self) {
        let groups = other.groups.copy_into(&mut self.groups);
        for ((group, hour), origins) in other.kept.drain() {
            let Some(group) = groups.get(group as usize) else { continue };
            let known = self.kept.entry((*group, hour)).or_default();
            for (time, origin) in origins {
                insert_first(known, time, origin);
            }
        }
    }

    /// The origins of each shard.
    pub(super) fn finish(self) -> BTreeMap<Shard, CallOrigins> {
        let mut shards: BTreeMap<Shard, CallOrigins> = BTreeMap::new();
        for ((group, hour), origins) in self.kept {
            let Some(group) = self.groups.get(group) else { continue };
            let shard =
                Shard { account: Arc::clone(&group.account), region: Arc::clone(&group.region), hour };
            let of_shard = shards.entry(shard).or_default();
            for (time, origin) in origins {
                of_shard.insert(group.clone(), origin, time);
            }
        }
        shards
    }
}

impl From<BTreeMap<Shard, CallOrigins>> for FirstOrigins {
    fn from(shards: BTreeMap<Shard, CallOrigins>) -> Self {
        let mut all = Self::default();
        for (Shard { hour, .. }, origins) in shards {
            for (group, origins) in origins.into_groups() {
                let group = all.groups.insert(group);
                let mut origins: HourOrigins =
                    origins.into_iter().map(|(origin, time)| (time, origin)).collect();
                origins.sort_unstable();
                all.kept.insert((group, hour), origins);
            }
        }
        all
    }
}

/// Adds an origin, or sets the time at which it was seen first, and keeps those that were seen first.
fn insert_first(known: &mut HourOrigins, time: Time, origin: CallOrigin) {
    match known.iter_mut().find(|(_, other)| *other == origin) {
        Some((first, _)) => *first = time.min(*first),
        None => known.push((time, origin)),
    }
    known.sort_unstable();
    known.truncate(MAX_ORIGINS);
}
