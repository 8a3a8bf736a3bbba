//! Log files that digest files list and the evidence does not show.
//!
//! Enters: windows of digest files, then events or the seconds with events. Leaves: the missing log files. A log file
//! is missing if no event of its account and region has the time of its oldest event, or none has that of its newest.
//! A missing log file is not noticed if other events have the same times. Laws: times outside the period are not
//! searched for; a log file without any time to search for is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::ReportScope;
use crate::{
    event::Actor,
    extract::SecondsOfHour,
    period::Period,
    record::DigestWindow,
    segment::{MissingLogFile, Segment, Shard},
    time::{HOUR_SECONDS, Hour, Time},
};

/// Listed log files and the times by which they are found.
pub(super) struct ListedLogFiles {
    log_files: BTreeSet<MissingLogFile>,
    times_by_account_region: BTreeMap<(Arc<str>, Arc<str>), SoughtTimes>,
}

/// Times in order, and whether an event with each time was found.
#[derive(Default)]
struct SoughtTimes {
    times: Vec<Time>,
    seen: Vec<bool>,
}

impl ListedLogFiles {
    pub(super) fn of(windows: &BTreeSet<DigestWindow>, scope: &ReportScope) -> Self {
        let mut log_files = BTreeSet::new();
        let mut account_regions: BTreeMap<_, SoughtTimes> = BTreeMap::new();
        for DigestWindow { account, region, log_files: listed, .. } in
            windows.iter().filter(|one| !one.log_files.is_empty())
        {
            let account_region =
                account_regions.entry((Arc::clone(account), Arc::clone(region))).or_default();
            for (oldest, newest) in listed.iter().copied() {
                account_region
                    .times
                    .extend([oldest, newest].into_iter().filter(|time| scope.contains(time.hour())));
                let (account, region) = (Arc::clone(account), Arc::clone(region));
                log_files.insert(MissingLogFile { account, region, oldest, newest });
            }
        }
        for account_region in account_regions.values_mut() {
            account_region.times.sort_unstable();
            account_region.times.dedup();
            account_region.seen = vec![false; account_region.times.len()];
        }
        Self { log_files, times_by_account_region: account_regions }
    }

    /// Searches for the times in all events.
    pub(super) fn search_segment(&mut self, segment: &Segment) {
        if self.times_by_account_region.is_empty() {
            return;
        }
        let (account_regions, mut sought): (Vec<_>, Vec<_>) = self.times_by_account_region.iter_mut().unzip();
        let position = |actor: &Actor| {
            let sought = (&*actor.account, &*actor.region);
            account_regions.binary_search_by(|(account, region)| (&**account, &**region).cmp(&sought)).ok()
        };
        let positions: Vec<Option<usize>> = segment.actors().iter().map(position).collect();
        for row in segment.rows() {
            let position = positions.get(row.actor as usize).copied().flatten();
            if let Some(sought) = position.and_then(|position| sought.get_mut(position)) {
                sought.mark_seen(row.time);
            }
        }
    }

    /// Searches for the times in the seconds of a shard with events.
    pub(super) fn search_shard(&mut self, shard: &Shard, seconds: &SecondsOfHour) {
        let account_region = (Arc::clone(&shard.account), Arc::clone(&shard.region));
        if let Some(sought) = self.times_by_account_region.get_mut(&account_region) {
            let begin = sought.times.partition_point(|time| time.hour() < shard.hour);
            let hour = sought.times.iter().zip(&mut sought.seen).skip(begin);
            for (time, seen) in hour.take_while(|(time, _)| time.hour() == shard.hour) {
                *seen |= seconds.contains(*time);
            }
        }
    }

    /// The missing log files of the period, in order.
    pub(super) fn missing(self, scope: &ReportScope, period: Option<Period>) -> Vec<MissingLogFile> {
        let Self { log_files, times_by_account_region: account_regions } = self;
        // Without evidence of the period, the bounds that were asked for are known.
        let bounds = period.map(|period| (period.from.start(), period.until.start())).unzip();
        let first = scope.since.map(|since| since.hour().start());
        let end = scope.until.map(|until| Hour(until.0.div_ceil(HOUR_SECONDS)).start());
        let (since, until) = (bounds.0.or(first), bounds.1.or(end));
        let spans = |log: &MissingLogFile| {
            since.is_none_or(|since| log.newest >= since) && until.is_none_or(|until| log.oldest < until)
        };
        let is_missing = |log: &MissingLogFile| {
            let sought = account_regions.get(&(Arc::clone(&log.account), Arc::clone(&log.region)));
            let seen = |time: &Time| sought.is_some_and(|sought| sought.was_seen(*time));
            let ends = [log.oldest, log.newest];
            let mut looked_for = ends.iter().filter(|time| scope.contains(time.hour())).peekable();
            looked_for.peek().is_none() || !looked_for.all(seen)
        };
        log_files.into_iter().filter(|log| spans(log) && is_missing(log)).collect()
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
