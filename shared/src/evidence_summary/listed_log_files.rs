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

use super::ReportScope;
use crate::{
    coverage::Period,
    event::Actor,
    extract::SecondsOfHour,
    record::DigestWindow,
    segment::{MissingLogFile, Segment, Shard},
    time::Time,
};

/// Listed log files and the times they are known by.
pub(super) struct ListedLogFiles {
    log_files: BTreeSet<MissingLogFile>,
    times_by_account_region: BTreeMap<(Arc<str>, Arc<str>), SoughtTimes>,
}

/// Times in order, and which of them an event has.
#[derive(Default)]
struct SoughtTimes {
    times: Vec<Time>,
    seen: Vec<bool>,
}

impl ListedLogFiles {
    pub(super) fn of(windows: &BTreeSet<DigestWindow>, scope: &ReportScope) -> Self {
        let mut logs = BTreeSet::new();
        let mut places: BTreeMap<_, SoughtTimes> = BTreeMap::new();
        for DigestWindow { account, region, log_files: listed, .. } in
            windows.iter().filter(|one| !one.log_files.is_empty())
        {
            let place = places.entry((Arc::clone(account), Arc::clone(region))).or_default();
            for (oldest, newest) in listed.iter().copied() {
                place.times.extend([oldest, newest].into_iter().filter(|time| scope.contains(time.hour())));
                let (account, region) = (Arc::clone(account), Arc::clone(region));
                logs.insert(MissingLogFile { account, region, oldest, newest });
            }
        }
        for place in places.values_mut() {
            place.times.sort_unstable();
            place.times.dedup();
            place.seen = vec![false; place.times.len()];
        }
        Self { log_files: logs, times_by_account_region: places }
    }

    /// Looks for the times among all events.
    pub(super) fn search_segment(&mut self, segment: &Segment) {
        if self.times_by_account_region.is_empty() {
            return;
        }
        let (places, mut sought): (Vec<_>, Vec<_>) = self.times_by_account_region.iter_mut().unzip();
        let position = |actor: &Actor| {
            let sought = (&*actor.account, &*actor.region);
            places.binary_search_by(|(account, region)| (&**account, &**region).cmp(&sought)).ok()
        };
        let positions: Vec<Option<usize>> = segment.actors().iter().map(position).collect();
        for row in segment.rows() {
            let position = positions.get(row.actor as usize).copied().flatten();
            if let Some(sought) = position.and_then(|position| sought.get_mut(position)) {
                sought.mark_seen(row.time);
            }
        }
    }

    /// Looks for the times in the seconds of a shard that have an event.
    pub(super) fn search_shard(&mut self, shard: &Shard, seconds: &SecondsOfHour) {
        let place = (Arc::clone(&shard.account), Arc::clone(&shard.region));
        if let Some(sought) = self.times_by_account_region.get_mut(&place) {
            let begin = sought.times.partition_point(|time| time.hour() < shard.hour);
            let hour = sought.times.iter().zip(&mut sought.seen).skip(begin);
            for (time, seen) in hour.take_while(|(time, _)| time.hour() == shard.hour) {
                *seen |= seconds.contains(*time);
            }
        }
    }

    /// The files of the period that are missing, in order.
    pub(super) fn missing(self, scope: &ReportScope, period: Option<Period>) -> Vec<MissingLogFile> {
        let Self { log_files: logs, times_by_account_region: places } = self;
        let spans = |log: &MissingLogFile| {
            period.is_none_or(|period| log.newest >= period.from.start() && log.oldest < period.until.start())
        };
        let is_missing = |log: &MissingLogFile| {
            let sought = places.get(&(Arc::clone(&log.account), Arc::clone(&log.region)));
            let seen = |time: &Time| sought.is_some_and(|sought| sought.was_seen(*time));
            let ends = [log.oldest, log.newest];
            let mut looked_for = ends.iter().filter(|time| scope.contains(time.hour())).peekable();
            looked_for.peek().is_none() || !looked_for.all(seen)
        };
        logs.into_iter().filter(|log| spans(log) && is_missing(log)).collect()
    }
}

impl SoughtTimes {
    fn mark_seen(&mut self, time: Time) {
        if let Some(seen) = self.times.binary_search(&time).ok().and_then(|at| self.seen.get_mut(at)) {
            *seen = true;
        }
    }

    fn was_seen(&self, time: Time) -> bool {
        self.times.binary_search(&time).ok().and_then(|at| self.seen.get(at)) == Some(&true)
    }
}
