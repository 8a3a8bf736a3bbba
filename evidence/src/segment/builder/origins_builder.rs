//! The origins of calls while a segment is built.
//!
//! Enters: rows and where they came from. Leaves: [`CallOrigins`] of each shard. Laws: those of [`CallOrigins`]; an origin that
//! was seen later than all that are kept of its group is dropped before anything is stored of it.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;

use super::interner::Interner;
use crate::{
    event::{Actor, CallKey},
    origin::{CallOrigin, CallOrigins, FirstOrigins, OriginGroup},
    segment::{EventRow, Shard},
    time::Hour,
};

/// Groups, and the origins of each in an hour.
#[derive(Default)]
pub(in crate::segment) struct OriginsBuilder {
    groups: Interner<OriginGroup>,
    /// Positions in `groups` by the positions of actor and call key.
    positions: HashMap<(u32, u32), u32>,
    kept: HashMap<(u32, Hour), FirstOrigins>,
}

impl OriginsBuilder {
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
        let key = (group, row.time.hour());
        if self.kept.get(&key).is_some_and(|known| known.drops(row.time)) {
            return;
        }
        if let Some(origin) = origin() {
            self.kept.entry(key).or_default().insert(row.time, origin);
        }
    }

    /// Moves everything from `other`, which must always be absorbed by the same value.
    pub(super) fn absorb(&mut self, other: &mut Self) {
        let groups = other.groups.copy_into(&mut self.groups);
        for ((group, hour), origins) in other.kept.drain() {
            let Some(group) = groups.get(group as usize) else { continue };
            self.kept.entry((*group, hour)).or_default().merge(origins);
        }
    }

    /// The origins of each shard.
    pub(in crate::segment) fn finish(self) -> BTreeMap<Shard, CallOrigins> {
        let mut shards: BTreeMap<Shard, CallOrigins> = BTreeMap::new();
        for ((group, hour), origins) in self.kept {
            let Some(group) = self.groups.get(group) else { continue };
            let shard =
                Shard { account: Arc::clone(&group.account), region: Arc::clone(&group.region), hour };
            shards.entry(shard).or_default().add(group.clone(), origins);
        }
        shards
    }
}

impl From<BTreeMap<Shard, CallOrigins>> for OriginsBuilder {
    fn from(shards: BTreeMap<Shard, CallOrigins>) -> Self {
        let mut all = Self::default();
        for (Shard { hour, .. }, origins) in shards {
            for (group, origins) in origins.into_groups() {
                let group = all.groups.insert(group);
                all.kept.insert((group, hour), origins);
            }
        }
        all
    }
}
