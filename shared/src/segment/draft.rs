//! A segment under construction.
//!
//! Enters: records, events and other drafts, in any order. Leaves: [`Segment`]. Laws: no event is lost or counted
//! twice; the segment does not depend on the order in which its parts came; memory grows with distinct values and
//! with 32 bytes a row, not with the text of records.

mod cache;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use self::{cache::Cache, table::Table};
use super::{
    Identity, Row, Segment, Shard, hours,
    shard::{by_identity, places},
};
use crate::{
    event::{Act, Actor, Event, EventId, Outcome},
    record::{Fault, Fingerprint, Observed, Reason, Record},
    time::Time,
};

/// Rows as they come, with the tables they refer to.
#[derive(Default)]
pub struct Draft {
    actors: Table<Actor>,
    acts: Table<Act>,
    rows: Vec<Row>,
    conflicts: BTreeSet<Identity>,
    unreadable: BTreeMap<Fingerprint, Reason>,
    aside: BTreeSet<Fingerprint>,
    observed: BTreeSet<Observed>,
    cache: Cache,
}

impl Draft {
    /// Adds the event a record tells of.
    ///
    /// # Errors
    /// What keeps the record from being an event.
    pub fn push_record(&mut self, record: &Record<'_>) -> Result<(), Fault> {
        let id = EventId::of(record)?;
        let time = Time::of(record)?;
        let actor = self.cache.actor(record, || Ok(self.actors.insert(Actor::of(record)?)))?;
        let act = self.cache.act(record, || Ok(self.acts.insert(Act::of(record)?)))?;
        self.rows.push(Row { id, time, actor, act });
        Ok(())
    }

    /// Adds an event.
    pub fn push(&mut self, event: Event) {
        let Event { id, time, actor, act } = event;
        let row = Row { id, time, actor: self.actors.insert(actor), act: self.acts.insert(act) };
        self.rows.push(row);
    }

    /// Adds a piece that could not be read. Of two reasons for one piece the greater one stays.
    pub fn push_unreadable(&mut self, piece: Fingerprint, reason: Reason) {
        let kept = self.unreadable.entry(piece).or_insert(reason);
        *kept = reason.max(*kept);
    }

    /// Adds an Insight event.
    pub fn push_aside(&mut self, insight: Fingerprint) {
        self.aside.insert(insight);
    }

    /// Adds the window of a digest file.
    pub fn push_observed(&mut self, window: Observed) {
        self.observed.insert(window);
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
        let actors = other.actors.moved_into(&mut self.actors);
        let acts = other.acts.moved_into(&mut self.acts);
        let renamed = |names: &[u32], name: u32| names.get(name as usize).copied().unwrap_or_default();
        self.rows.extend(other.rows.drain(..).map(|row| Row {
            actor: renamed(actors, row.actor),
            act: renamed(acts, row.act),
            ..row
        }));
        self.conflicts.append(&mut other.conflicts);
        self.aside.append(&mut other.aside);
        self.observed.append(&mut other.observed);
        for (piece, reason) in std::mem::take(&mut other.unreadable) {
            self.push_unreadable(piece, reason);
        }
    }

    /// The segment: tables sorted, rows sorted by identity, each once.
    pub fn finish(self) -> Segment {
        let Self { actors, acts, mut rows, mut conflicts, unreadable, aside, observed, cache } = self;
        drop(cache);
        let (mut actors, new_actors) = actors.sorted();
        let (mut acts, new_acts) = acts.sorted();
        for row in &mut rows {
            row.actor = new_actors.get(row.actor as usize).copied().unwrap_or_default();
            row.act = new_acts.get(row.act as usize).copied().unwrap_or_default();
        }
        let places = places(&actors);
        rows.sort_unstable_by(|a, b| by_identity(a, b, &places));
        unite(&mut rows, &actors, &places, &acts, &mut conflicts);
        keep_used(&mut actors, &mut rows, |row| &mut row.actor);
        keep_used(&mut acts, &mut rows, |row| &mut row.act);
        let hours = hours::covered(&observed);
        Segment { actors, acts, rows, conflicts, unreadable, aside, observed, hours }
    }
}

/// Leaves one row of each identity: the one with the greatest content.
fn unite(
    rows: &mut Vec<Row>,
    actors: &[Actor],
    places: &[u32],
    acts: &[Act],
    conflicts: &mut BTreeSet<Identity>,
) {
    // Positions in sorted tables compare as the values do.
    let content = |row: &Row| (acts.get(row.act as usize).map(weight), row.act, row.actor, row.time);
    rows.dedup_by(|next, kept| {
        if next.id != kept.id || by_identity(next, kept, places).is_ne() {
            return false;
        }
        if next != kept {
            if let Some(actor) = actors.get(kept.actor as usize) {
                conflicts.insert(Identity { id: kept.id, shard: Shard::of(actor, kept.time) });
            }
            if content(next) > content(kept) {
                *kept = *next;
            }
        }
        true
    });
}

/// How much an act accuses.
fn weight(act: &Act) -> (u8, Outcome) {
    let writes = match act.read_only {
        Some(true) => 0,
        None => 1,
        Some(false) => 2,
    };
    (writes, act.outcome)
}

/// Drops the values no row refers to.
pub(super) fn keep_used<T>(values: &mut Vec<T>, rows: &mut [Row], name: impl Fn(&mut Row) -> &mut u32) {
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

impl From<Segment> for Draft {
    fn from(segment: Segment) -> Self {
        let Segment { actors, acts, rows, conflicts, unreadable, aside, observed, hours: _ } = segment;
        Self {
            actors: actors.into_iter().collect(),
            acts: acts.into_iter().collect(),
            rows,
            conflicts,
            unreadable,
            aside,
            observed,
            cache: Cache::default(),
        }
    }
}
