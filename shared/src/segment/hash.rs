//! The hash of evidence, which can be computed one shard at a time.
//!
//! Enters: [`Segment`], or the hashes of its shards and the rest of it. Leaves: SHA-256. Laws: equal evidence has equal
//! hashes; the hash of a whole follows from the hashes of its shards and from the rest.
//!
//! A shard's hash is over the number of its rows; each row in order as id, time, digest of the actor and digest of the
//! act, which are SHA-256 of their JSON; then the number of its conflicts and their ids. The hash of the whole is over
//! each shard in order as a one, account, region, hour and hash; then a zero and the rest as JSON. Numbers are
//! little-endian, and texts follow their length.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Identity, Row, Segment, Shard, shard::Division};

/// Rows that are hashed at a time.
const HASHED_ROWS: usize = 1_024;
/// Bytes of a row.
const ROW: usize = 84;

/// The hash of evidence, of which shards are told in order.
#[derive(Default)]
pub(crate) struct EvidenceHash(Sha256);

impl EvidenceHash {
    /// Adds a shard; each comes after those before it in order.
    pub(crate) fn add(&mut self, shard: &Shard, hash: &[u8; 32]) {
        self.0.update([1]);
        self.text(shard.account.as_bytes());
        self.text(shard.region.as_bytes());
        self.0.update(shard.hour.0.to_le_bytes());
        self.0.update(hash);
    }

    /// The hash of these shards and of what belongs to none.
    pub(crate) fn finish(mut self, rest: &Segment) -> [u8; 32] {
        self.0.update([0]);
        self.text(&json(&rest.rest()));
        self.0.finalize().0
    }

    fn text(&mut self, text: &[u8]) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }
}

impl Segment {
    /// SHA-256 over everything in the segment, in canonical order: equal evidence has equal hashes.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = EvidenceHash::default();
        for (shard, of_shard) in self.shard_hashes() {
            hash.add(&shard, &of_shard);
        }
        hash.finish(self)
    }

    /// The hash of the events and conflicts of each shard, in order.
    pub(crate) fn shard_hashes(&self) -> Vec<(Shard, [u8; 32])> {
        let (actors, acts) = (digests(&self.actors), digests(&self.acts));
        let mut conflicts: Vec<&Identity> = self.conflicts.iter().collect();
        conflicts.sort_unstable_by(|a, b| (&a.shard, a.id).cmp(&(&b.shard, b.id)));
        let mut block = Vec::with_capacity(HASHED_ROWS * ROW);
        let mut hash = |(shard, positions): (&Shard, &[u32])| {
            let mut hash = Sha256::new();
            hash.update((positions.len() as u64).to_le_bytes());
            for positions in positions.chunks(HASHED_ROWS) {
                block.clear();
                for row in positions.iter().filter_map(|position| self.rows.get(*position as usize)) {
                    push(&mut block, row, &actors, &acts);
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
        Division::of(self).shards().map(&mut hash).collect()
    }
}

fn push(block: &mut Vec<u8>, row: &Row, actors: &[[u8; 32]], acts: &[[u8; 32]]) {
    let digest = |digests: &[[u8; 32]], name: u32| digests.get(name as usize).copied().unwrap_or_default();
    block.extend(row.id.0.to_le_bytes());
    block.extend(row.time.0.to_le_bytes());
    block.extend(digest(actors, row.actor));
    block.extend(digest(acts, row.act));
}

fn digests<T: Serialize>(values: &[T]) -> Vec<[u8; 32]> {
    values.iter().map(|value| Sha256::digest(json(value)).0).collect()
}

/// Canonical JSON: strings, numbers and lists only, in which nothing can fail to be written.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
