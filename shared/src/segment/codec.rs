//! A segment as bytes, and back.
//!
//! Enters: [`Segment`]. Leaves: bytes, and the other way round. Laws: equal segments have equal bytes; reading
//! gives back the segment written; bytes that are not exactly what `to_bytes` writes are refused, never trusted.
//!
//! Form, all numbers little-endian: `ONLKSEG` and a version byte; SHA-256 over the rest; length of the inflated
//! body, length of the ids, the ids (16 bytes each, not compressed: they are random), the body as raw deflate. Body:
//! length of the tables, the tables as JSON, then per row time, actor and act in one column each.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use libdeflater::{CompressionLvl, Compressor, Decompressor};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Identity, Row, Segment, hours};
use crate::{
    event::{Act, Actor, EventId},
    record::{Fingerprint, Observed, Reason},
    time::Time,
};

/// Why bytes are no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// They do not begin as one.
    #[error("not an evidence segment")]
    NotASegment,
    /// Written by another version of the program.
    #[error("evidence segment of version {0}, which this program does not read")]
    Version(u8),
    /// The checksum does not match, or the content breaks a law.
    #[error("evidence segment is damaged")]
    Damaged,
}

const MAGIC: &[u8; 7] = b"ONLKSEG";
const VERSION: u8 = 1;
/// Rows that are hashed at a time.
const HASHED_ROWS: usize = 4_096;
/// No deflate stream inflates further.
const GREATEST_RATIO: usize = 1_032;

#[derive(Serialize, Deserialize)]
struct Tables {
    actors: Vec<Actor>,
    acts: Vec<Act>,
    conflicts: Vec<(String, Arc<str>)>,
    unreadable: Vec<(String, Reason)>,
    aside: Vec<String>,
    observed: BTreeSet<Observed>,
}

fn hex(bits: u128) -> String {
    format!("{bits:032x}")
}

fn unhex(text: &str) -> Option<u128> {
    u128::from_str_radix(text, 16).ok().filter(|bits| hex(*bits) == text)
}

impl Segment {
    /// SHA-256 over everything in the segment, in canonical order: equal evidence has equal hashes.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let tables = self.tables();
        hash.update((tables.len() as u64).to_le_bytes());
        hash.update(tables);
        let mut block = Vec::with_capacity(HASHED_ROWS * 28);
        for rows in self.rows.chunks(HASHED_ROWS) {
            block.clear();
            for row in rows {
                block.extend(row.id.0.to_le_bytes());
                block.extend(row.time.0.to_le_bytes());
                block.extend(row.actor.to_le_bytes());
                block.extend(row.act.to_le_bytes());
            }
            hash.update(&block);
        }
        hash.finalize().0
    }

    fn tables(&self) -> Vec<u8> {
        let tables = Tables {
            actors: self.actors.clone(),
            acts: self.acts.clone(),
            conflicts: self.conflicts.iter().map(|one| (hex(one.id.0), one.account.clone())).collect(),
            unreadable: self.unreadable.iter().map(|(piece, reason)| (hex(piece.0), *reason)).collect(),
            aside: self.aside.iter().map(|insight| hex(insight.0)).collect(),
            observed: self.observed.clone(),
        };
        // Strings, numbers and lists only: nothing in them can fail to be written.
        serde_json::to_vec(&tables).unwrap_or_default()
    }

    /// The canonical form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tables = self.tables();
        let mut body = Vec::with_capacity(8 + tables.len() + 12 * self.rows.len());
        body.extend((tables.len() as u64).to_le_bytes());
        body.extend(tables);
        body.extend(self.rows.iter().flat_map(|row| row.time.0.to_le_bytes()));
        body.extend(self.rows.iter().flat_map(|row| row.actor.to_le_bytes()));
        body.extend(self.rows.iter().flat_map(|row| row.act.to_le_bytes()));

        let mut compressor = Compressor::new(CompressionLvl::fastest());
        let mut packed = vec![0; compressor.deflate_compress_bound(body.len())];
        let length = compressor.deflate_compress(&body, &mut packed).unwrap_or_default();
        packed.truncate(length);

        let mut rest = Vec::with_capacity(16 + 16 * self.rows.len() + packed.len());
        rest.extend((body.len() as u64).to_le_bytes());
        rest.extend((self.rows.len() as u64).to_le_bytes());
        rest.extend(self.rows.iter().flat_map(|row| row.id.0.to_le_bytes()));
        rest.append(&mut packed);

        let mut bytes = Vec::with_capacity(40 + rest.len());
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.extend(Sha256::digest(&rest).iter());
        bytes.append(&mut rest);
        bytes
    }

    /// Reads what [`Segment::to_bytes`] wrote.
    ///
    /// # Errors
    /// When `bytes` are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SegmentError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(SegmentError::NotASegment)?;
        let (version, rest) = rest.split_first().ok_or(SegmentError::NotASegment)?;
        if *version != VERSION {
            return Err(SegmentError::Version(*version));
        }
        let (sum, rest) = rest.split_first_chunk::<32>().ok_or(SegmentError::Damaged)?;
        if Sha256::digest(rest).as_slice() != sum {
            return Err(SegmentError::Damaged);
        }
        read(rest).filter(Self::is_canonical).ok_or(SegmentError::Damaged)
    }

    fn is_canonical(&self) -> bool {
        let rising = |pair: &[Row]| match pair {
            [a, b] => (a.id, self.account_of(a)) < (b.id, self.account_of(b)),
            _ => true,
        };
        let mut actors = vec![false; self.actors.len()];
        let mut acts = vec![false; self.acts.len()];
        let refer = self.rows.iter().all(|row| {
            let actor = actors.get_mut(row.actor as usize).map(|used| *used = true);
            let act = acts.get_mut(row.act as usize).map(|used| *used = true);
            actor.and(act).is_some()
        });
        refer
            && actors.into_iter().chain(acts).all(|used| used)
            && self.actors.is_sorted_by(|a, b| a < b)
            && self.acts.is_sorted_by(|a, b| a < b)
            && self.rows.windows(2).all(rising)
            && self.observed.iter().all(Observed::is_plausible)
    }

    fn account_of(&self, row: &Row) -> Option<&str> {
        self.actors.get(row.actor as usize).map(|actor| &*actor.account)
    }
}

fn read(rest: &[u8]) -> Option<Segment> {
    let (inflated, rest) = number(rest)?;
    let (rows, rest) = number(rest)?;
    let (ids, packed) = rest.split_at_checked(rows.checked_mul(16)?)?;
    if inflated > packed.len().checked_mul(GREATEST_RATIO)? {
        return None;
    }
    let mut body = vec![0; inflated];
    if Decompressor::new().deflate_decompress(packed, &mut body).ok()? != inflated {
        return None;
    }
    let (length, rest) = number(&body)?;
    let (tables, columns) = rest.split_at_checked(length)?;
    let tables: Tables = serde_json::from_slice(tables).ok()?;
    if columns.len() != rows.checked_mul(12)? {
        return None;
    }
    let (times, columns) = columns.split_at_checked(rows.checked_mul(4)?)?;
    let (actors, acts) = columns.split_at_checked(rows.checked_mul(4)?)?;
    let column = |bytes| <[u8]>::as_chunks::<4>(bytes).0.iter().map(|word| u32::from_le_bytes(*word));
    let rows = <[u8]>::as_chunks::<16>(ids).0.iter().zip(column(times)).zip(column(actors)).zip(column(acts));
    let piece = |text: &str| unhex(text).map(Fingerprint);
    let conflicts = tables.conflicts.into_iter();
    let unreadable = tables.unreadable.into_iter();
    let hours = hours::covered(&tables.observed);
    Some(Segment {
        actors: tables.actors,
        acts: tables.acts,
        rows: rows
            .map(|(((id, time), actor), act)| {
                let id = EventId(u128::from_le_bytes(*id));
                Row { id, time: Time(time), actor, act }
            })
            .collect(),
        conflicts: conflicts
            .map(|(id, account)| Some(Identity { id: EventId(unhex(&id)?), account }))
            .collect::<Option<BTreeSet<_>>>()?,
        unreadable: unreadable
            .map(|(text, reason)| Some((piece(&text)?, reason)))
            .collect::<Option<BTreeMap<_, _>>>()?,
        aside: tables.aside.iter().map(|text| piece(text)).collect::<Option<_>>()?,
        observed: tables.observed,
        hours,
    })
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    Some((usize::try_from(u64::from_le_bytes(*head)).ok()?, rest))
}
