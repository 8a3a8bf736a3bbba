//! A segment as bytes, and back.
//!
//! Enters: [`Segment`]. Leaves: bytes, and the other way round. Laws: equal segments have equal bytes; reading
//! gives back the segment written; bytes that are not exactly what `to_bytes` writes are refused, never trusted.
//!
//! Form: sealed, with the ids (16 bytes each, not compressed: they are random) as the raw part. Body: length of the
//! tables, the tables as JSON, then per row time, actor and act in one column each.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Identity, Row, Segment, Shard,
    hash::json,
    hours,
    shard::{by_identity, places},
};
use crate::{
    event::{Act, Actor, EventId},
    record::{Fingerprint, Observed, Reason},
    sealed::{self, Broken, Kind},
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

impl From<Broken> for SegmentError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Kind => Self::NotASegment,
            Broken::Version(version) => Self::Version(version),
            Broken::Damaged => Self::Damaged,
        }
    }
}

const SEGMENT: Kind = Kind { magic: *b"ONLKSEG", version: 3 };

#[derive(Serialize, Deserialize)]
struct Tables {
    actors: Vec<Actor>,
    acts: Vec<Act>,
    conflicts: Vec<(String, Shard)>,
    rest: Rest,
}

/// What belongs to no shard.
#[derive(Serialize, Deserialize)]
pub(super) struct Rest {
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
    /// What belongs to no shard, in canonical form.
    pub(super) fn rest(&self) -> Rest {
        Rest {
            unreadable: self.unreadable.iter().map(|(piece, reason)| (hex(piece.0), *reason)).collect(),
            aside: self.aside.iter().map(|insight| hex(insight.0)).collect(),
            observed: self.observed.clone(),
        }
    }

    /// The canonical form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tables = json(&Tables {
            actors: self.actors.clone(),
            acts: self.acts.clone(),
            conflicts: self.conflicts.iter().map(|one| (hex(one.id.0), one.shard.clone())).collect(),
            rest: self.rest(),
        });
        let mut body = Vec::with_capacity(8 + tables.len() + 12 * self.rows.len());
        sealed::push(&mut body, &tables);
        body.extend(self.rows.iter().flat_map(|row| row.time.0.to_le_bytes()));
        body.extend(self.rows.iter().flat_map(|row| row.actor.to_le_bytes()));
        body.extend(self.rows.iter().flat_map(|row| row.act.to_le_bytes()));
        let ids: Vec<u8> = self.rows.iter().flat_map(|row| row.id.0.to_le_bytes()).collect();
        SEGMENT.seal(&ids, &body)
    }

    /// Reads what [`Segment::to_bytes`] wrote.
    ///
    /// # Errors
    /// When `bytes` are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SegmentError> {
        let (ids, body) = SEGMENT.open(bytes)?;
        read(ids, &body).filter(Self::is_canonical).ok_or(SegmentError::Damaged)
    }

    fn is_canonical(&self) -> bool {
        let mut actors = vec![false; self.actors.len()];
        let mut acts = vec![false; self.acts.len()];
        let refer = self.rows.iter().all(|row| {
            let actor = actors.get_mut(row.actor as usize).map(|used| *used = true);
            let act = acts.get_mut(row.act as usize).map(|used| *used = true);
            actor.and(act).is_some()
        });
        let places = places(&self.actors);
        refer
            && actors.into_iter().chain(acts).all(|used| used)
            && self.actors.is_sorted_by(|a, b| a < b)
            && self.acts.is_sorted_by(|a, b| a < b)
            && self.rows.is_sorted_by(|a, b| by_identity(a, b, &places).is_lt())
            && self.conflicts.iter().all(|conflict| self.holds(conflict))
            && self.observed.iter().all(Observed::is_plausible)
    }

    /// Whether it holds an event of this identity.
    fn holds(&self, identity: &Identity) -> bool {
        let begin = self.rows.partition_point(|row| row.id < identity.id);
        let rows = self.rows.iter().skip(begin).take_while(|row| row.id == identity.id);
        let actor = |row: &Row| self.actors.get(row.actor as usize);
        rows.into_iter().any(|row| actor(row).is_some_and(|actor| identity.shard.holds(actor, row.time)))
    }
}

fn read(ids: &[u8], body: &[u8]) -> Option<Segment> {
    let (ids, []) = ids.as_chunks::<16>() else { return None };
    let (tables, columns) = sealed::take(body)?;
    let tables: Tables = serde_json::from_slice(tables).ok()?;
    let (times, columns) = sealed::column(columns, ids.len())?;
    let (actors, columns) = sealed::column(columns, ids.len())?;
    let (acts, []) = sealed::column(columns, ids.len())? else { return None };
    let rows = ids.iter().zip(times).zip(actors).zip(acts);
    let piece = |text: &str| unhex(text).map(Fingerprint);
    let Rest { unreadable, aside, observed } = tables.rest;
    let hours = hours::covered(&observed);
    Some(Segment {
        actors: tables.actors,
        acts: tables.acts,
        rows: rows
            .map(|(((id, time), actor), act)| {
                let id = EventId(u128::from_le_bytes(*id));
                Row { id, time: Time(time), actor, act }
            })
            .collect(),
        conflicts: tables
            .conflicts
            .into_iter()
            .map(|(id, shard)| Some(Identity { id: EventId(unhex(&id)?), shard }))
            .collect::<Option<BTreeSet<_>>>()?,
        unreadable: unreadable
            .into_iter()
            .map(|(text, reason)| Some((piece(&text)?, reason)))
            .collect::<Option<BTreeMap<_, _>>>()?,
        aside: aside.iter().map(|text| piece(text)).collect::<Option<_>>()?,
        observed,
        hours,
    })
}
