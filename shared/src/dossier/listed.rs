//! Log files that digests list, and whether the evidence shows them.
//!
//! Enters: windows of digest files, then events or the seconds they lie in. Leaves: the log files that are missing: no
//! event of their account and region has the time of their oldest, or of their newest. A file whose times other events
//! share is not missed. Law: what lies outside the period is not looked for, and a file of which nothing can be looked
//! for is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::Scope;
use crate::{
    coverage::Period,
    event::Actor,
    extract::Seconds,
    record::Observed,
    segment::{MissingLog, Segment, Shard},
    time::Time,
};

/// Listed log files and the times they are known by.
pub(super) struct Listed {
    logs: BTreeSet<MissingLog>,
    places: BTreeMap<(Arc<str>, Arc<str>), Sought>,
}

/// Times in order, and which of them an event has.
#[derive(Default)]
struct Sought {
    times: Vec<Time>,
    seen: Vec<bool>,
}

impl Listed {
    pub(super) fn of(windows: &BTreeSet<Observed>, scope: &Scope) -> Self {
        let mut logs = BTreeSet::new();
        let mut places: BTreeMap<_, Sought> = BTreeMap::new();
        for Observed { account, region, logs: listed, .. } in
            windows.iter().filter(|one| !one.logs.is_empty())
        {
            let place = places.entry((Arc::clone(account), Arc::clone(region))).or_default();
            for (oldest, newest) in listed.iter().copied() {
                place.times.extend([oldest, newest].into_iter().filter(|time| scope.holds(time.hour())));
                let (account, region) = (Arc::clone(account), Arc::clone(region));
                logs.insert(MissingLog { account, region, oldest, newest });
            }
        }
        for place in places.values_mut() {
            place.times.sort_unstable();
            place.times.dedup();
            place.seen = vec![false; place.times.len()];
        }
        Self { logs, places }
    }

    /// Looks for the times among all events.
    pub(super) fn look_through(&mut self, segment: &Segment) {
        if self.places.is_empty() {
            return;
        }
        let (places, mut sought): (Vec<_>, Vec<_>) = self.places.iter_mut().unzip();
        let position = |actor: &Actor| {
            let sought = (&*actor.account, &*actor.region);
            places.binary_search_by(|(account, region)| (&**account, &**region).cmp(&sought)).ok()
        };
        let positions: Vec<Option<usize>> = segment.actors().iter().map(position).collect();
        for row in segment.rows() {
            let position = positions.get(row.actor as usize).copied().flatten();
            if let Some(sought) = position.and_then(|position| sought.get_mut(position)) {
                sought.see(row.time);
            }
        }
    }

    /// Looks for the times in the seconds of a shard that have an event.
    pub(super) fn look_at(&mut self, shard: &Shard, seconds: &Seconds) {
        let place = (Arc::clone(&shard.account), Arc::clone(&shard.region));
        if let Some(sought) = self.places.get_mut(&place) {
            let begin = sought.times.partition_point(|time| time.hour() < shard.hour);
            let hour = sought.times.iter().zip(&mut sought.seen).skip(begin);
            for (time, seen) in hour.take_while(|(time, _)| time.hour() == shard.hour) {
                *seen |= seconds.has(*time);
            }
        }
    }

    /// The files of the period that are missing, in order.
    pub(super) fn missing(self, scope: &Scope, period: Option<Period>) -> Vec<MissingLog> {
        let Self { logs, places } = self;
        let spans = |log: &MissingLog| {
            period.is_none_or(|period| log.newest >= period.from.start() && log.oldest < period.until.start())
        };
        let is_missing = |log: &MissingLog| {
            let sought = places.get(&(Arc::clone(&log.account), Arc::clone(&log.region)));
            let seen = |time: &Time| sought.is_some_and(|sought| sought.has(*time));
            let ends = [log.oldest, log.newest];
            let mut looked_for = ends.iter().filter(|time| scope.holds(time.hour())).peekable();
            looked_for.peek().is_none() || !looked_for.all(seen)
        };
        logs.into_iter().filter(|log| spans(log) && is_missing(log)).collect()
    }
}

impl Sought {
    fn see(&mut self, time: Time) {
        if let Some(seen) = self.times.binary_search(&time).ok().and_then(|at| self.seen.get_mut(at)) {
            *seen = true;
        }
    }

    fn has(&self, time: Time) -> bool {
        self.times.binary_search(&time).ok().and_then(|at| self.seen.get(at)) == Some(&true)
    }
}
