//! The hash of evidence, computed one shard at a time.
//!
//! Enters: [`Segment`], or the hashes of its shards and the evidence outside shards. Leaves: SHA-256. Laws: equal
//! evidence has equal hashes; the hash of all evidence follows from the hashes of its shards and from the evidence
//! outside shards.
//!
//! The hash of a shard is over the number of its rows; each row in order as id, time, number of the actor and number
//! of the call key; then the number of its conflicts and their ids. Actors and call keys are numbered as they first
//! occur in the shard. Their digest, the SHA-256 of their JSON, follows the row of the first occurrence. The hash of
//! all evidence is over each shard in order as a one, account, region, hour and hash; then a zero and the evidence
//! outside shards as JSON, without the forms of delivery. Numbers are little-endian, and each text follows its length.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{EventIdentity, EventRow, Segment, Shard, shard::ShardPositions};
use crate::event::{Actor, CallKey};

/// Rows hashed at a time.
const HASHED_ROWS: usize = 1_024;

/// The hash of evidence, to which shards are added in order.
#[derive(Default)]
pub(crate) struct EvidenceHasher(Sha256);

impl EvidenceHasher {
    /// Adds a shard. Shards must come in order.
    pub(crate) fn add(&mut self, shard: &Shard, hash: &[u8; 32]) {
        self.0.update([1]);
        self.update_text(shard.account.as_bytes());
        self.update_text(shard.region.as_bytes());
        self.0.update(shard.hour.0.to_le_bytes());
        self.0.update(hash);
    }

    /// The hash of these shards and of the evidence outside shards.
    pub(crate) fn finish(mut self, rest: &Segment) -> [u8; 32] {
        self.0.update([0]);
        self.update_text(&canonical_json(&rest.unsharded_tables().without_forms()));
        self.0.finalize().0
    }

    fn update_text(&mut self, text: &[u8]) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }
}

impl Segment {
    /// SHA-256 over everything in the segment except the forms of delivery and the origins, in canonical order.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = EvidenceHasher::default();
        for (shard, of_shard) in self.shard_hashes() {
            hash.add(&shard, &of_shard);
        }
        hash.finish(self)
    }

    /// The hash of the events and conflicts of each shard, in order.
    pub(crate) fn shard_hashes(&self) -> Vec<(Shard, [u8; 32])> {
        let mut hasher = ShardHasher::of(&self.actors, &self.call_keys);
        let mut conflicts: Vec<&EventIdentity> = self.conflicts.iter().collect();
        conflicts.sort_unstable_by(|a, b| (&a.shard, a.id).cmp(&(&b.shard, b.id)));
        let mut hash = |(shard, positions): (&Shard, &[u32])| {
            let begin = conflicts.partition_point(|conflict| conflict.shard < *shard);
            let of_shard = conflicts.get(begin..).unwrap_or_default();
            let count = of_shard.partition_point(|conflict| conflict.shard == *shard);
            let of_shard = of_shard.get(..count).unwrap_or_default();
            let rows = positions.iter().filter_map(|at| self.rows.get(*at as usize)).copied();
            (shard.clone(), hasher.hash(positions.len(), rows, of_shard))
        };
        ShardPositions::of(self).shards().map(&mut hash).collect()
    }
}

/// Hashes shards whose rows refer to the same tables.
pub(super) struct ShardHasher {
    actors: ShardNumbering,
    call_keys: ShardNumbering,
    rows: Vec<EventRow>,
    block: Vec<u8>,
}

impl ShardHasher {
    pub(super) fn of(actors: &[Actor], call_keys: &[CallKey]) -> Self {
        Self {
            actors: ShardNumbering::of(actors),
            call_keys: ShardNumbering::of(call_keys),
            rows: Vec::with_capacity(HASHED_ROWS),
            block: Vec::new(),
        }
    }

    /// The hash of this number of rows and of the conflicts of a shard, both in order of their ids.
    pub(super) fn hash(
        &mut self,
        count: usize,
        rows: impl Iterator<Item = EventRow>,
        conflicts: &[&EventIdentity],
    ) -> [u8; 32] {
        let Self { actors, call_keys, rows: copied, block } = self;
        let mut hash = Sha256::new();
        hash.update((count as u64).to_le_bytes());
        actors.begin_shard();
        call_keys.begin_shard();
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            // The rows of a shard may be far apart in memory. Copying them first lets the processor load many at once.
            copied.clear();
            copied.extend(rows.by_ref().take(HASHED_ROWS));
            block.clear();
            for row in &*copied {
                let ((actor, new_actor), (call_key, new_call_key)) =
                    (actors.number(row.actor), call_keys.number(row.call_key));
                block.extend(row.id.0.to_le_bytes());
                block.extend(row.time.0.to_le_bytes());
                block.extend(actor.to_le_bytes());
                block.extend(call_key.to_le_bytes());
                for digest in [new_actor, new_call_key].into_iter().flatten() {
                    block.extend(digest);
                }
            }
            hash.update(&*block);
        }
        hash.update((conflicts.len() as u64).to_le_bytes());
        for conflict in conflicts {
            hash.update(conflict.id.0.to_le_bytes());
        }
        hash.finalize().0
    }
}

/// Numbers values in order of their first occurrence in a shard.
struct ShardNumbering {
    digests: Vec<[u8; 32]>,
    /// For each value the last shard in which it occurred, counted from one, and its number there.
    last_seen: Vec<(u32, u32)>,
    shard: u32,
    next_number: u32,
}

impl ShardNumbering {
    fn of<T: Serialize>(values: &[T]) -> Self {
        let digests: Vec<[u8; 32]> =
            values.iter().map(|value| Sha256::digest(canonical_json(value)).0).collect();
        Self { last_seen: vec![(0, 0); digests.len()], digests, shard: 0, next_number: 0 }
    }

    fn begin_shard(&mut self) {
        self.shard += 1;
        self.next_number = 0;
    }

    /// The number of a value, and its digest when the number is new.
    fn number(&mut self, value: u32) -> (u32, Option<&[u8; 32]>) {
        match self.last_seen.get_mut(value as usize) {
            Some((shard, number)) if *shard == self.shard => (*number, None),
            Some(last) => {
                *last = (self.shard, self.next_number);
                self.next_number += 1;
                (last.1, self.digests.get(value as usize))
            }
            None => (u32::MAX, None),
        }
    }
}

/// Canonical JSON. The values hold only strings, numbers and lists, so writing them cannot fail.
pub(super) fn canonical_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
