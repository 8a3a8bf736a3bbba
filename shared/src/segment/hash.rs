//! The hash of evidence, which can be computed one shard at a time.
//!
//! Enters: [`Segment`], or the hashes of its shards and the rest of it. Leaves: SHA-256. Laws: equal evidence has equal
//! hashes; the hash of a whole follows from the hashes of its shards and from the rest.
//!
//! A shard's hash is over the number of its rows; each row in order as id, time, number of the actor and number of the
//! act; then the number of its conflicts and their ids. Actors and acts are numbered as they first occur in the shard,
//! and behind the row of that occurrence stands their digest, the SHA-256 of their JSON. The hash of the whole is over each
//! shard in order as a one, account, region, hour and hash; then a zero and the rest as JSON. Numbers are little-endian,
//! and texts follow their length.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{EventIdentity, EventRow, Segment, Shard, shard::ShardPositions};

/// Rows that are hashed at a time.
const HASHED_ROWS: usize = 1_024;

/// The hash of evidence, of which shards are told in order.
#[derive(Default)]
pub(crate) struct EvidenceHasher(Sha256);

impl EvidenceHasher {
    /// Adds a shard; each comes after those before it in order.
    pub(crate) fn add(&mut self, shard: &Shard, hash: &[u8; 32]) {
        self.0.update([1]);
        self.update_text(shard.account.as_bytes());
        self.update_text(shard.region.as_bytes());
        self.0.update(shard.hour.0.to_le_bytes());
        self.0.update(hash);
    }

    /// The hash of these shards and of what belongs to none.
    pub(crate) fn finish(mut self, rest: &Segment) -> [u8; 32] {
        self.0.update([0]);
        self.update_text(&canonical_json(&rest.unsharded_tables()));
        self.0.finalize().0
    }

    fn update_text(&mut self, text: &[u8]) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }
}

impl Segment {
    /// SHA-256 over everything in the segment, in canonical order: equal evidence has equal hashes.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = EvidenceHasher::default();
        for (shard, of_shard) in self.shard_hashes() {
            hash.add(&shard, &of_shard);
        }
        hash.finish(self)
    }

    /// The hash of the events and conflicts of each shard, in order.
    pub(crate) fn shard_hashes(&self) -> Vec<(Shard, [u8; 32])> {
        let (mut actors, mut acts) = (ShardNumbering::of(&self.actors), ShardNumbering::of(&self.call_keys));
        let mut conflicts: Vec<&EventIdentity> = self.conflicts.iter().collect();
        conflicts.sort_unstable_by(|a, b| (&a.shard, a.id).cmp(&(&b.shard, b.id)));
        let (mut rows, mut block) = (Vec::with_capacity(HASHED_ROWS), Vec::new());
        let mut hash = |(shard, positions): (&Shard, &[u32])| {
            let mut hash = Sha256::new();
            hash.update((positions.len() as u64).to_le_bytes());
            actors.begin_shard();
            acts.begin_shard();
            for positions in positions.chunks(HASHED_ROWS) {
                // Rows of a shard lie far apart: to fetch them by themselves lets the processor wait for many at once.
                rows.clear();
                rows.extend(
                    positions.iter().filter_map(|position| self.rows.get(*position as usize)).copied(),
                );
                block.clear();
                for row in &rows {
                    push_row(&mut block, row, &mut actors, &mut acts);
                }
                hash.update(&block);
            }
            let begin = conflicts.partition_point(|conflict| conflict.shard < *shard);
            let of_shard = conflicts.get(begin..).unwrap_or_default();
            let count = of_shard.partition_point(|conflict| conflict.shard == *shard);
            hash.update((count as u64).to_le_bytes());
            for conflict in of_shard.iter().take(count) {
                hash.update(conflict.id.0.to_le_bytes());
            }
            (shard.clone(), hash.finalize().0)
        };
        ShardPositions::of(self).shards().map(&mut hash).collect()
    }
}

fn push_row(block: &mut Vec<u8>, row: &EventRow, actors: &mut ShardNumbering, acts: &mut ShardNumbering) {
    let ((actor, new_actor), (act, new_act)) = (actors.number(row.actor), acts.number(row.call_key));
    block.extend(row.id.0.to_le_bytes());
    block.extend(row.time.0.to_le_bytes());
    block.extend(actor.to_le_bytes());
    block.extend(act.to_le_bytes());
    for digest in [new_actor, new_act].into_iter().flatten() {
        block.extend(digest);
    }
}

/// Values numbered as they occur in a shard.
struct ShardNumbering {
    digests: Vec<[u8; 32]>,
    /// For each value the shard it last occurred in, counted from one, and its number there.
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

    /// The number of a value, and its digest when it had none yet.
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

/// Canonical JSON: strings, numbers and lists only, in which nothing can fail to be written.
pub(super) fn canonical_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
