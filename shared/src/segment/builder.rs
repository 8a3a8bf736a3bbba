//! A segment under construction.
//!
//! Enters: records, events and other drafts, in any order. Leaves: [`Segment`]. Laws: no event is lost or counted
//! twice; the segment does not depend on the order in which its parts came; memory grows with distinct values and
//! with 32 bytes a row, not with the text of records.

mod interner;
mod position_cache;

use std::collections::{BTreeMap, BTreeSet};

use self::{interner::Interner, position_cache::PositionCache};
use super::{
    EventIdentity, EventRow, Segment, Shard, digest_hours,
    shard::{account_region_ranks, compare_identity},
};
use crate::{
    event::{Actor, CallKey, Event, EventId, Outcome},
    record::{DigestWindow, Fingerprint, Record, RecordError, UnreadableReason},
    time::Time,
};

/// Rows as they come, with the tables they refer to.
#[derive(Default)]
pub struct SegmentBuilder {
    actors: Interner<Actor>,
    call_keys: Interner<CallKey>,
    rows: Vec<EventRow>,
    conflicts: BTreeSet<EventIdentity>,
    unreadable: BTreeMap<Fingerprint, UnreadableReason>,
    insight_events: BTreeSet<Fingerprint>,
    digest_windows: BTreeSet<DigestWindow>,
    cache: PositionCache,
}

impl SegmentBuilder {
    /// Adds the event a record tells of.
    ///
    /// # Errors
    /// What keeps the record from being an event.
    pub fn push_record(&mut self, record: &Record<'_>) -> Result<(), RecordError> {
        let id = EventId::of(record)?;
        let time = Time::of(record)?;
        let actor = self.cache.actor(record, || Ok(self.actors.insert(Actor::of(record)?)))?;
        let act = self.cache.call_key(record, || Ok(self.call_keys.insert(CallKey::of(record)?)))?;
        self.rows.push(EventRow { id, time, actor, call_key: act });
        Ok(())
    }

    /// Adds an event.
    pub fn push(&mut self, event: Event) {
        let Event { id, time, actor, call_key: act } = event;
        let row =
            EventRow { id, time, actor: self.actors.insert(actor), call_key: self.call_keys.insert(act) };
        self.rows.push(row);
    }

    /// Adds a piece that could not be read. Of two reasons for one piece the greater one stays.
    pub fn push_unreadable(&mut self, piece: Fingerprint, reason: UnreadableReason) {
        let kept = self.unreadable.entry(piece).or_insert(reason);
        *kept = reason.max(*kept);
    }

    /// Adds an Insight event.
    pub fn push_insight(&mut self, insight: Fingerprint) {
        self.insight_events.insert(insight);
    }

    /// Adds the window of a digest file.
    pub fn push_digest_window(&mut self, window: DigestWindow) {
        self.digest_windows.insert(window);
    }

    /// Rows added and not yet taken away, delivered twice or not.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes everything `other` holds. It keeps its tables, so that what it meets next costs little; so it must
    /// always be absorbed by the same draft.
    pub(crate) fn absorb(&mut self, other: &mut Self) {
        let actors = other.actors.copy_into(&mut self.actors);
        let acts = other.call_keys.copy_into(&mut self.call_keys);
        let renamed = |names: &[u32], name: u32| names.get(name as usize).copied().unwrap_or_default();
        self.rows.extend(other.rows.drain(..).map(|row| EventRow {
            actor: renamed(actors, row.actor),
            call_key: renamed(acts, row.call_key),
            ..row
        }));
        self.conflicts.append(&mut other.conflicts);
        self.insight_events.append(&mut other.insight_events);
        self.digest_windows.append(&mut other.digest_windows);
        for (piece, reason) in std::mem::take(&mut other.unreadable) {
            self.push_unreadable(piece, reason);
        }
    }

    /// The segment: tables sorted, rows sorted by identity, each once.
    pub fn finish(self) -> Segment {
        let Self {
            actors,
            call_keys: acts,
            mut rows,
            mut conflicts,
            unreadable,
            insight_events: aside,
            digest_windows: observed,
            cache,
        } = self;
        drop(cache);
        let (mut actors, new_actors) = actors.into_sorted();
        let (mut acts, new_acts) = acts.into_sorted();
        for row in &mut rows {
            row.actor = new_actors.get(row.actor as usize).copied().unwrap_or_default();
            row.call_key = new_acts.get(row.call_key as usize).copied().unwrap_or_default();
        }
        let places = account_region_ranks(&actors);
        rows.sort_unstable_by(|a, b| compare_identity(a, b, &places));
        deduplicate(&mut rows, &actors, &places, &acts, &mut conflicts);
        retain_used(&mut actors, &mut rows, |row| &mut row.actor);
        retain_used(&mut acts, &mut rows, |row| &mut row.call_key);
        let hours = digest_hours::covered_hours(&observed);
        Segment {
            actors,
            call_keys: acts,
            rows,
            conflicts,
            unreadable,
            insight_events: aside,
            digest_windows: observed,
            digest_hours: hours,
        }
    }
}

/// Leaves one row of each identity: the one with the greatest content.
fn deduplicate(
    rows: &mut Vec<EventRow>,
    actors: &[Actor],
    places: &[u32],
    acts: &[CallKey],
    conflicts: &mut BTreeSet<EventIdentity>,
) {
    // Positions in sorted tables compare as the values do.
    let content =
        |row: &EventRow| (acts.get(row.call_key as usize).map(severity), row.call_key, row.actor, row.time);
    rows.dedup_by(|next, kept| {
        if next.id != kept.id || compare_identity(next, kept, places).is_ne() {
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

/// How much an act accuses.
fn severity(act: &CallKey) -> (u8, Outcome) {
    let writes = match act.read_only {
        Some(true) => 0,
        None => 1,
        Some(false) => 2,
    };
    (writes, act.outcome)
}

/// Drops the values no row refers to.
pub(super) fn retain_used<T>(
    values: &mut Vec<T>,
    rows: &mut [EventRow],
    name: impl Fn(&mut EventRow) -> &mut u32,
) {
    let mut names = vec![None; values.len()];
    for row in &mut *rows {
        if let Some(slot) = names.get_mut(*name(row) as usize) {
            *slot = Some(0);
        }
    }
    let mut used = 0;
    for slot in names.iter_mut().flatten() {
        *slot = used;
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
            call_keys: acts,
            rows,
            conflicts,
            unreadable,
            insight_events: aside,
            digest_windows: observed,
            digest_hours: _,
        } = segment;
        Self {
            actors: actors.into_iter().collect(),
            call_keys: acts.into_iter().collect(),
            rows,
            conflicts,
            unreadable,
            insight_events: aside,
            digest_windows: observed,
            cache: PositionCache::default(),
        }
    }
}
