//! Encodes a segment as bytes and decodes it.
//!
//! Enters: [`Segment`]. Leaves: bytes, and the reverse. Laws: equal segments have equal bytes; decoding gives the
//! encoded segment; bytes that `to_bytes` does not write are rejected.
//!
//! Format: an envelope with the ids (16 bytes each, not compressed because they are random) as the raw part. Body:
//! length of the tables, the tables as JSON, then one column each of time, actor and call key of the rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    EventIdentity, EventRow, Segment, Shard, digest_hours,
    hash::canonical_json,
    shard::{account_region_ranks, compare_identity},
};
use crate::{
    envelope::{self, EnvelopeError, EnvelopeFormat},
    event::{Actor, CallKey, EventId},
    origin::CallOrigins,
    record::{DeliveryFact, DigestWindow, Fingerprint, UnreadableReason},
    time::Time,
};

/// Why bytes cannot be decoded as a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// The bytes do not begin like a segment.
    #[error("not an evidence segment")]
    NotASegment,
    /// Written by another version of the program.
    #[error("evidence segment of version {0}, which this program does not read")]
    Version(u8),
    /// The checksum does not match, or the content breaks a law.
    #[error("evidence segment is damaged")]
    Damaged,
}

impl From<EnvelopeError> for SegmentError {
    fn from(broken: EnvelopeError) -> Self {
        match broken {
            EnvelopeError::WrongFormat => Self::NotASegment,
            EnvelopeError::Version(version) => Self::Version(version),
            EnvelopeError::Damaged => Self::Damaged,
        }
    }
}

const SEGMENT_FORMAT: EnvelopeFormat = EnvelopeFormat { magic: *b"ONLKSEG", version: 9 };

#[derive(Serialize, Deserialize)]
struct SegmentTables {
    actors: Vec<Actor>,
    call_keys: Vec<CallKey>,
    conflicts: Vec<(String, Shard)>,
    origins: Vec<(Shard, CallOrigins)>,
    unsharded: UnshardedTables,
}

/// The evidence outside shards: unreadable pieces, Insights events, digest windows and delivery facts.
#[derive(Serialize, Deserialize)]
pub(super) struct UnshardedTables {
    unreadable: Vec<(String, UnreadableReason)>,
    insight_events: Vec<String>,
    digest_windows: BTreeSet<DigestWindow>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    delivery_facts: BTreeSet<DeliveryFact>,
}

impl UnshardedTables {
    /// The tables without the forms of delivery, and without pages unless one of them is cut: the same events have the
    /// same hash in any form.
    pub(super) fn without_forms(mut self) -> Self {
        let is_cut = |fact: &DeliveryFact| matches!(fact, DeliveryFact::ListingPage(page) if page.is_cut);
        let any_cut = self.delivery_facts.iter().any(is_cut);
        self.delivery_facts.retain(|fact| any_cut && matches!(fact, DeliveryFact::ListingPage(_)));
        self
    }
}

fn hex(bits: u128) -> String {
    format!("{bits:032x}")
}

fn unhex(text: &str) -> Option<u128> {
    u128::from_str_radix(text, 16).ok().filter(|bits| hex(*bits) == text)
}

impl Segment {
    /// The evidence outside shards, in canonical form.
    pub(super) fn unsharded_tables(&self) -> UnshardedTables {
        UnshardedTables {
            unreadable: self.unreadable.iter().map(|(piece, reason)| (hex(piece.0), *reason)).collect(),
            insight_events: self.insight_events.iter().map(|insight| hex(insight.0)).collect(),
            digest_windows: self.digest_windows.clone(),
            delivery_facts: self.delivery_facts.clone(),
        }
    }

    /// The canonical bytes of the segment.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tables = canonical_json(&SegmentTables {
            actors: self.actors.clone(),
            call_keys: self.call_keys.clone(),
            conflicts: self.conflicts.iter().map(|one| (hex(one.id.0), one.shard.clone())).collect(),
            origins: self.origins.clone().into_iter().collect(),
            unsharded: self.unsharded_tables(),
        });
        let mut body = Vec::with_capacity(8 + tables.len() + 12 * self.rows.len());
        envelope::push_block(&mut body, &tables);
        body.extend(self.rows.iter().flat_map(|row| row.time.0.to_le_bytes()));
        body.extend(self.rows.iter().flat_map(|row| row.actor.to_le_bytes()));
        body.extend(self.rows.iter().flat_map(|row| row.call_key.to_le_bytes()));
        let ids: Vec<u8> = self.rows.iter().flat_map(|row| row.id.0.to_le_bytes()).collect();
        SEGMENT_FORMAT.seal(&ids, &body)
    }

    /// Decodes what [`Segment::to_bytes`] wrote.
    ///
    /// # Errors
    /// When `bytes` are not an encoded segment of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SegmentError> {
        let (ids, body) = SEGMENT_FORMAT.open(bytes)?;
        decode(ids, &body).filter(Self::is_canonical).ok_or(SegmentError::Damaged)
    }

    fn is_canonical(&self) -> bool {
        let mut actors = vec![false; self.actors.len()];
        let mut call_keys = vec![false; self.call_keys.len()];
        let refer = self.rows.iter().all(|row| {
            let actor = actors.get_mut(row.actor as usize).map(|used| *used = true);
            let call_key = call_keys.get_mut(row.call_key as usize).map(|used| *used = true);
            actor.and(call_key).is_some()
        });
        let ranks = account_region_ranks(&self.actors);
        refer
            && actors.into_iter().chain(call_keys).all(|used| used)
            && self.actors.is_sorted_by(|a, b| a < b)
            && self.call_keys.is_sorted_by(|a, b| a < b)
            && self.rows.is_sorted_by(|a, b| compare_identity(a, b, &ranks).is_lt())
            && self.conflicts.iter().all(|conflict| self.contains_event(conflict))
            && self.digest_windows.iter().all(DigestWindow::is_plausible)
            && self.has_canonical_origins()
    }

    /// Whether the origins are those of calls in shards that the segment has.
    fn has_canonical_origins(&self) -> bool {
        let is_known = || {
            let shards = self.shards();
            self.origins.keys().all(|shard| shards.contains(shard))
        };
        let of_shard = |(shard, origins): (&Shard, &CallOrigins)| {
            !origins.is_empty() && origins.are_of(&shard.account, &shard.region, shard.hour)
        };
        self.origins.is_empty() || (self.origins.iter().all(of_shard) && is_known())
    }

    /// Whether the segment has an event with this identity.
    fn contains_event(&self, identity: &EventIdentity) -> bool {
        let begin = self.rows.partition_point(|row| row.id < identity.id);
        let rows = self.rows.iter().skip(begin).take_while(|row| row.id == identity.id);
        let actor = |row: &EventRow| self.actors.get(row.actor as usize);
        rows.into_iter().any(|row| actor(row).is_some_and(|actor| identity.shard.contains(actor, row.time)))
    }
}

fn decode(ids: &[u8], body: &[u8]) -> Option<Segment> {
    let (ids, []) = ids.as_chunks::<16>() else { return None };
    let (tables, columns) = envelope::take_block(body)?;
    let tables: SegmentTables = serde_json::from_slice(tables).ok()?;
    let (times, columns) = envelope::take_column(columns, ids.len())?;
    let (actors, columns) = envelope::take_column(columns, ids.len())?;
    let (call_keys, []) = envelope::take_column(columns, ids.len())? else { return None };
    let rows = ids.iter().zip(times).zip(actors).zip(call_keys);
    let piece = |text: &str| unhex(text).map(Fingerprint);
    if !tables.origins.is_sorted_by(|a, b| a.0 < b.0) {
        return None;
    }
    let UnshardedTables { unreadable, insight_events, digest_windows, delivery_facts } = tables.unsharded;
    let digest_hours = digest_hours::covered_hours(&digest_windows);
    Some(Segment {
        actors: tables.actors,
        call_keys: tables.call_keys,
        rows: rows
            .map(|(((id, time), actor), call_key)| {
                let id = EventId(u128::from_le_bytes(*id));
                EventRow { id, time: Time(time), actor, call_key }
            })
            .collect(),
        conflicts: tables
            .conflicts
            .into_iter()
            .map(|(id, shard)| Some(EventIdentity { id: EventId(unhex(&id)?), shard }))
            .collect::<Option<BTreeSet<_>>>()?,
        origins: tables.origins.into_iter().collect(),
        unreadable: unreadable
            .into_iter()
            .map(|(text, reason)| Some((piece(&text)?, reason)))
            .collect::<Option<BTreeMap<_, _>>>()?,
        insight_events: insight_events.iter().map(|text| piece(text)).collect::<Option<_>>()?,
        digest_windows,
        delivery_facts,
        digest_hours,
    })
}
