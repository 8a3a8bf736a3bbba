//! The rows of a builder, shard by shard, for evidence that does not fit in memory.
//!
//! Enters: rows, which leave the builder in groups of one shard, and come back in the order of the shards. Leaves: the evidence of each
//! shard. Laws: it is that of the segment that the builder would have finished; the tables of actors and call keys stay in
//! memory, the rows do not.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::Hash,
    sync::Arc,
};

use super::{
    EventIdentity, EventRow, Segment, Shard,
    builder::{SegmentBuilder, deduplicate, interner::Interner},
    hash::ShardHasher,
};
use crate::{
    event::{Actor, CallKey, EventId},
    origin::CallOrigins,
    time::Time,
};

impl EventRow {
    /// Bytes of a row.
    pub const BYTES: usize = 28;

    /// The bytes of the row, for the program that wrote it.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (id, rest) = bytes.split_at_mut(16);
        id.copy_from_slice(&self.id.0.to_le_bytes());
        for (target, number) in rest.chunks_exact_mut(4).zip([self.time.0, self.actor, self.call_key]) {
            target.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// The row of these bytes.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let (id, rest) = bytes.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        let mut numbers = rest.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
        let mut number = || numbers.next().unwrap_or_default();
        Self {
            id: EventId(u128::from_le_bytes(*id)),
            time: Time(number()),
            actor: number(),
            call_key: number(),
        }
    }
}

/// Groups the rows of one builder by shard.
#[derive(Default)]
pub struct ShardGrouping {
    places: Interner<(Arc<str>, Arc<str>)>,
    /// For each actor of the builder the position of its account and region.
    place_of_actor: Vec<u32>,
}

impl ShardGrouping {
    /// Takes all rows from the builder, which must always be the same one, and passes on those of each shard.
    ///
    /// # Errors
    /// The first error of `each`; the rows are gone then.
    pub fn take_rows<E>(
        &mut self,
        builder: &mut SegmentBuilder,
        mut each: impl FnMut(Shard, &[EventRow]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { places, place_of_actor } = self;
        let new = builder.actors.values().iter().skip(place_of_actor.len());
        place_of_actor
            .extend(new.map(|actor| places.insert((Arc::clone(&actor.account), Arc::clone(&actor.region)))));
        let key = |row: &EventRow| {
            let place = place_of_actor.get(row.actor as usize).copied().unwrap_or(u32::MAX);
            (place, row.time.hour())
        };
        builder.rows.sort_unstable_by_key(key);
        for rows in builder.rows.chunk_by(|a, b| key(a) == key(b)) {
            let of_shard = rows.first().map(key).and_then(|(place, hour)| Some((places.get(place)?, hour)));
            if let Some(((account, region), hour)) = of_shard {
                let (account, region) = (Arc::clone(account), Arc::clone(region));
                each(Shard { account, region, hour }, rows)?;
            }
        }
        builder.rows.clear();
        Ok(())
    }
}

/// What the rows of a builder refer to, and what else it has of each shard.
pub struct ShardTables {
    actors: ShardTable<Actor>,
    call_keys: ShardTable<CallKey>,
    hasher: ShardHasher,
    conflicts: BTreeMap<Shard, BTreeSet<EventIdentity>>,
    origins: BTreeMap<Shard, CallOrigins>,
}

impl SegmentBuilder {
    /// The tables for rows that were taken, and the evidence outside shards.
    pub fn into_shard_tables(mut self) -> (ShardTables, Segment) {
        self.rows = Vec::new();
        let actors = ShardTable::of(std::mem::take(&mut self.actors));
        let call_keys = ShardTable::of(std::mem::take(&mut self.call_keys));
        let mut conflicts: BTreeMap<Shard, BTreeSet<EventIdentity>> = BTreeMap::new();
        for conflict in std::mem::take(&mut self.conflicts) {
            conflicts.entry(conflict.shard.clone()).or_default().insert(conflict);
        }
        let origins = std::mem::take(&mut self.origins).finish();
        let hasher = ShardHasher::of(&actors.values, &call_keys.values);
        (ShardTables { actors, call_keys, hasher, conflicts, origins }, self.finish())
    }
}

/// What a report needs of a shard, besides the tables of all shards.
pub(crate) struct ShardEvidence {
    /// SHA-256 of its events and conflicts.
    pub(crate) sha256: [u8; 32],
    /// Events that were delivered with two contents.
    pub(crate) conflicts: u64,
    /// Where calls came from.
    pub(crate) origins: CallOrigins,
    /// The distinct rows, with positions in the sorted tables.
    pub(crate) rows: Vec<EventRow>,
}

impl ShardTables {
    /// The evidence of the shard that has these rows, which may be there more than once. Each shard is asked for once.
    pub(crate) fn evidence(&mut self, shard: &Shard, mut rows: Vec<EventRow>) -> ShardEvidence {
        let Self { actors, call_keys, hasher, conflicts, origins } = self;
        for row in &mut rows {
            row.actor = actors.sorted_position(row.actor);
            row.call_key = call_keys.sorted_position(row.call_key);
        }
        rows.sort_unstable_by_key(|row| row.id);
        let mut conflicts = conflicts.remove(shard).unwrap_or_default();
        // All rows are of one account and region, so none needs a rank.
        deduplicate(&mut rows, &actors.values, &[], &call_keys.values, &mut conflicts);
        let in_order: Vec<&EventIdentity> = conflicts.iter().collect();
        let sha256 = hasher.hash(rows.len(), rows.iter().copied(), &in_order);
        let origins = origins.remove(shard).unwrap_or_default();
        ShardEvidence { sha256, conflicts: conflicts.len() as u64, origins, rows }
    }

    /// All actors, in order.
    pub(crate) fn actors(&self) -> &[Actor] {
        &self.actors.values
    }

    /// All call keys, in order.
    pub(crate) fn call_keys(&self) -> &[CallKey] {
        &self.call_keys.values
    }
}

/// The sorted values of one of the tables, and where the values of one shard are found.
struct ShardTable<T> {
    values: Vec<T>,
    /// The position in `values` of each position in the builder.
    sorted_positions: Vec<u32>,
}

impl<T: Clone + Eq + Hash + Ord> ShardTable<T> {
    fn of(table: Interner<T>) -> Self {
        let (values, sorted_positions) = table.into_sorted();
        Self { values, sorted_positions }
    }

    fn sorted_position(&self, position: u32) -> u32 {
        self.sorted_positions.get(position as usize).copied().unwrap_or(u32::MAX)
    }
}
