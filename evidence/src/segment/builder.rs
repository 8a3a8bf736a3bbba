//! Builds a segment.
//!
//! Enters: records, events and other builders, in any order. Leaves: [`Segment`]. Laws: no event is lost or counted
//! twice; the segment does not depend on the order of its input; memory grows with the distinct values and by 32
//! bytes for each row, not with the text of records.

pub(super) mod interner;
mod origins_builder;
mod position_cache;

use std::collections::{BTreeMap, BTreeSet};

use self::{interner::Interner, origins_builder::OriginsBuilder, position_cache::PositionCache};
use super::{
    EventIdentity, EventRow, Segment, Shard, digest_hours,
    shard::{account_region_ranks, compare_identity},
};
use crate::{
    event::{Actor, CallKey, Event, EventId, Outcome},
    origin::CallOrigin,
    record::{DeliveryFact, DigestWindow, Fingerprint, Record, RecordError, UnreadableReason},
    time::Time,
};

/// Rows in order of arrival, with the tables they refer to.
#[derive(Default)]
pub struct SegmentBuilder {
    pub(super) actors: Interner<Actor>,
    pub(super) call_keys: Interner<CallKey>,
    pub(super) rows: Vec<EventRow>,
    pub(super) conflicts: BTreeSet<EventIdentity>,
    pub(super) origins: OriginsBuilder,
    unreadable: BTreeMap<Fingerprint, UnreadableReason>,
    insight_events: BTreeSet<Fingerprint>,
    digest_windows: BTreeSet<DigestWindow>,
    delivery_facts: BTreeSet<DeliveryFact>,
    cache: PositionCache,
}

impl SegmentBuilder {
    /// Adds the event of a record. Returns the positions of its actor and its call key: equal ones have equal positions, until
    /// the segment is built.
    ///
    /// # Errors
    /// Why the record is not a valid event.
    pub fn push_record(&mut self, record: &Record<'_>) -> Result<(u32, u32), RecordError> {
        let id = EventId::of(record)?;
        let time = Time::of(record)?;
        let actor = self.cache.actor(record, || Ok(self.actors.insert(Actor::of(record)?)))?;
        let call_key = self.cache.call_key(record, || Ok(self.call_keys.insert(CallKey::of(record)?)))?;
        self.rows.push(EventRow { id, time, actor, call_key });
        Ok((actor, call_key))
    }

    /// Adds an event to the segment. Returns positions as [`SegmentBuilder::push_record`] does.
    pub fn push(&mut self, event: Event) -> (u32, u32) {
        let Event { id, time, actor, call_key } = event;
        let row = EventRow {
            id,
            time,
            actor: self.actors.insert(actor),
            call_key: self.call_keys.insert(call_key),
        };
        self.rows.push(row);
        (row.actor, row.call_key)
    }

    /// Adds where the event that was added last came from. `record` is its record.
    pub fn push_origin(&mut self, record: &Record<'_>) {
        if let Some(row) = self.rows.last() {
            self.origins.insert(row, &self.actors, &self.call_keys, || CallOrigin::of(record));
        }
    }

    /// Adds a piece that could not be read. Of two reasons for one piece the greater one is kept.
    pub fn push_unreadable(&mut self, piece: Fingerprint, reason: UnreadableReason) {
        let kept = self.unreadable.entry(piece).or_insert(reason);
        *kept = reason.max(*kept);
    }

    /// Adds an Insights event or an aggregated event.
    pub fn push_insight(&mut self, insight: Fingerprint) {
        self.insight_events.insert(insight);
    }

    /// Adds the window of a digest file.
    pub fn push_digest_window(&mut self, window: DigestWindow) {
        self.digest_windows.insert(window);
    }

    /// Adds what the form of evidence says about its delivery.
    pub fn push_delivery_fact(&mut self, fact: DeliveryFact) {
        self.delivery_facts.insert(fact);
    }

    /// Number of rows that were added and not yet absorbed, including duplicates.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Moves everything from `other` into this builder. `other` keeps its tables of positions for the next rows, so
    /// it must always be absorbed by the same builder.
    pub fn absorb(&mut self, other: &mut Self) {
        let actors = other.actors.copy_into(&mut self.actors);
        let call_keys = other.call_keys.copy_into(&mut self.call_keys);
        let renamed = |names: &[u32], name: u32| names.get(name as usize).copied().unwrap_or_default();
        self.rows.extend(other.rows.drain(..).map(|row| EventRow {
            actor: renamed(actors, row.actor),
            call_key: renamed(call_keys, row.call_key),
            ..row
        }));
        self.conflicts.append(&mut other.conflicts);
        self.origins.absorb(&mut other.origins);
        self.insight_events.append(&mut other.insight_events);
        self.digest_windows.append(&mut other.digest_windows);
        self.delivery_facts.append(&mut other.delivery_facts);
        for (piece, reason) in std::mem::take(&mut other.unreadable) {
            self.push_unreadable(piece, reason);
        }
    }

    /// The segment: sorted tables, and distinct rows sorted by identity.
    pub fn finish(self) -> Segment {
        let Self {
            actors,
            call_keys,
            mut rows,
            mut conflicts,
            origins,
            unreadable,
            insight_events,
            digest_windows,
            delivery_facts,
            cache,
        } = self;
        drop(cache);
        let (mut actors, new_actors) = actors.into_sorted();
        let (mut call_keys, new_call_keys) = call_keys.into_sorted();
        for row in &mut rows {
            row.actor = new_actors.get(row.actor as usize).copied().unwrap_or_default();
            row.call_key = new_call_keys.get(row.call_key as usize).copied().unwrap_or_default();
        }
        let ranks = account_region_ranks(&actors);
        rows.sort_unstable_by(|a, b| compare_identity(a, b, &ranks));
        deduplicate(&mut rows, &actors, &ranks, &call_keys, &mut conflicts);
        retain_used(&mut actors, &mut rows, |row| &mut row.actor);
        retain_used(&mut call_keys, &mut rows, |row| &mut row.call_key);
        let digest_hours = digest_hours::covered_hours(&digest_windows);
        Segment {
            actors,
            call_keys,
            rows,
            conflicts,
            origins: origins.finish(),
            unreadable,
            insight_events,
            digest_windows,
            delivery_facts,
            digest_hours,
        }
    }
}

/// Keeps one row of each identity: the most severe one.
pub(super) fn deduplicate(
    rows: &mut Vec<EventRow>,
    actors: &[Actor],
    ranks: &[u32],
    call_keys: &[CallKey],
    conflicts: &mut BTreeSet<EventIdentity>,
) {
    // Positions in sorted tables compare like their values.
    let content = |row: &EventRow| {
        (call_keys.get(row.call_key as usize).map(severity), row.call_key, row.actor, row.time)
    };
    rows.dedup_by(|next, kept| {
        if next.id != kept.id || compare_identity(next, kept, ranks).is_ne() {
            return false;
        }
        if next != kept {
            if let Some(actor) = actors.get(kept.actor as usize) {
                conflicts.insert(EventIdentity { id: kept.id, shard: Shard::of(actor, kept.time) });
            }
            if content(next) > content(kept) {
                *kept = *next;
            }
        }
        true
    });
}

/// Severity of a call, for the choice between two contents of one event.
fn severity(call_key: &CallKey) -> (u8, Outcome) {
    let writes = match call_key.read_only {
        Some(true) => 0,
        None => 1,
        Some(false) => 2,
    };
    (writes, call_key.outcome)
}

/// Drops the values that no row refers to.
pub(super) fn retain_used<T>(
    values: &mut Vec<T>,
    rows: &mut [EventRow],
    name: impl Fn(&mut EventRow) -> &mut u32,
) {
    let mut names = vec![None; values.len()];
    for row in &mut *rows {
        if let Some(position) = names.get_mut(*name(row) as usize) {
            *position = Some(0);
        }
    }
    let mut used = 0;
    for position in names.iter_mut().flatten() {
        *position = used;
        used += 1;
    }
    let mut each = names.iter();
    values.retain(|_| each.next().is_some_and(Option::is_some));
    if used as usize == names.len() {
        return;
    }
    for row in rows {
        let name = name(row);
        *name = names.get(*name as usize).copied().flatten().unwrap_or_default();
    }
}

impl From<Segment> for SegmentBuilder {
    fn from(segment: Segment) -> Self {
        let Segment {
            actors,
            call_keys,
            rows,
            conflicts,
            origins,
            unreadable,
            insight_events,
            digest_windows,
            delivery_facts,
            digest_hours: _,
        } = segment;
        Self {
            actors: actors.into_iter().collect(),
            call_keys: call_keys.into_iter().collect(),
            rows,
            conflicts,
            origins: origins.into(),
            unreadable,
            insight_events,
            digest_windows,
            delivery_facts,
            cache: PositionCache::default(),
        }
    }
}
