//! Calls that change what is logged.
//!
//! Enters: a call, or the tally with the digest hours. Leaves: what the call does to the evidence, and the hours that
//! are not observed because of it. Laws: any caller counts, watched or not; only a call that succeeded counts; after a
//! call that stops logging, the hours from its own to that of the next event of the account and region are incomplete;
//! after any other change its own hour is, unless a later event of that hour or a digest file shows that logging went
//! on. An event in the quarter hour of the change shows nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    config::ExpectedCoverage,
    event::{CallKey, Outcome},
    period::Period,
    segment::Shard,
    tally::{Tally, TimeBucket},
    time::Hour,
};

/// What a call does to the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoggingChange {
    /// Events stop being logged or delivered.
    Stops,
    /// Other events may be logged, or the log files may no longer be delivered or kept.
    Alters,
    /// Other event classes may be logged.
    Selects,
}

/// Operations of CloudTrail that change what is logged. Source: AWS CloudTrail API Reference, read 2026-11.
const CLOUDTRAIL: [(&str, LoggingChange); 11] = [
    ("StopLogging", LoggingChange::Stops),
    ("DeleteTrail", LoggingChange::Stops),
    ("StopEventDataStoreIngestion", LoggingChange::Stops),
    ("DeleteEventDataStore", LoggingChange::Stops),
    ("UpdateTrail", LoggingChange::Alters),
    ("UpdateEventDataStore", LoggingChange::Alters),
    ("DeregisterOrganizationDelegatedAdmin", LoggingChange::Alters),
    ("DeleteResourcePolicy", LoggingChange::Alters),
    ("PutEventSelectors", LoggingChange::Selects),
    ("PutInsightSelectors", LoggingChange::Alters),
    ("PutEventConfiguration", LoggingChange::Alters),
];

/// Operations on a bucket that can end the delivery of log files or remove those in it.
const BUCKET: [&str; 9] = [
    "DeleteBucket",
    "PutBucketPolicy",
    "DeleteBucketPolicy",
    "PutBucketLifecycle",
    "PutBucketLifecycleConfiguration",
    "PutLifecycleConfiguration",
    "PutBucketEncryption",
    "PutBucketOwnershipControls",
    "PutBucketReplication",
];

/// Operations on a key that can end the delivery of log files. Which key encrypts them is not in the evidence, so each
/// key counts.
const KEY: [&str; 2] = ["DisableKey", "ScheduleKeyDeletion"];

/// What the call does to the evidence; `None` for a call that changes nothing. A bucket counts if its name has
/// `cloudtrail` in it, or if `log_buckets` has its name.
pub fn logging_change(call_key: &CallKey, log_buckets: &[String]) -> Option<LoggingChange> {
    if call_key.outcome != Outcome::Succeeded {
        return None;
    }
    let is_log_bucket = |arn: &Arc<str>| {
        let name = arn.rsplit(':').next().unwrap_or_default();
        name.contains("cloudtrail") || log_buckets.iter().any(|bucket| bucket == name)
    };
    match &*call_key.source {
        "cloudtrail.amazonaws.com" => {
            CLOUDTRAIL.iter().find(|(name, _)| *name == &*call_key.name).map(|(_, change)| *change)
        }
        "s3.amazonaws.com" if BUCKET.contains(&&*call_key.name) => {
            call_key.resources.iter().any(is_log_bucket).then_some(LoggingChange::Alters)
        }
        "kms.amazonaws.com" if KEY.contains(&&*call_key.name) => Some(LoggingChange::Alters),
        _ => None,
    }
}

/// For each account the last quarter hour in which event selectors were changed.
pub(super) fn last_selector_changes(tally: &Tally) -> BTreeMap<Arc<str>, TimeBucket> {
    let mut changes: BTreeMap<Arc<str>, TimeBucket> = BTreeMap::new();
    for line in tally.lines() {
        if logging_change(line.call_key, &[]) != Some(LoggingChange::Selects) {
            continue;
        }
        if let Some((bucket, _)) = line.buckets.last() {
            let last = changes.entry(Arc::clone(&line.actor.account)).or_insert(*bucket);
            *last = (*last).max(*bucket);
        }
    }
    changes
}

/// The hours of the period that are incomplete because logging changed.
pub(super) fn incomplete_after_changes<'a>(
    tally: &Tally,
    digest_hours: &BTreeSet<Shard>,
    expected: &ExpectedCoverage,
    places: impl Iterator<Item = &'a (Arc<str>, Arc<str>)>,
    period: Period,
) -> BTreeSet<Shard> {
    let mut changes: BTreeMap<&Arc<str>, BTreeSet<(TimeBucket, LoggingChange)>> = BTreeMap::new();
    for line in tally.lines() {
        let Some(change) = logging_change(line.call_key, &expected.log_buckets) else { continue };
        let of_account = changes.entry(&line.actor.account).or_default();
        of_account.extend(line.buckets.iter().map(|(bucket, _)| (*bucket, change)));
    }
    let mut incomplete = BTreeSet::new();
    if changes.is_empty() {
        return incomplete;
    }
    let mut buckets: BTreeMap<(&Arc<str>, &Arc<str>), BTreeSet<TimeBucket>> = BTreeMap::new();
    for line in tally.lines() {
        let of_place = buckets.entry((&line.actor.account, &line.actor.region)).or_default();
        of_place.extend(line.buckets.iter().map(|(bucket, _)| *bucket));
    }
    for (account, region) in places {
        let seen = buckets.get(&(account, region));
        let shard = |hour| Shard { account: Arc::clone(account), region: Arc::clone(region), hour };
        for (bucket, change) in changes.get(account).into_iter().flatten() {
            let own = bucket.hour();
            let later = seen.and_then(|seen| seen.range(*bucket..).find(|seen| *seen > bucket));
            let next = later.map(|later| later.hour());
            let last = match change {
                // An event of the next hours shows that events are logged again from then on.
                LoggingChange::Stops => next.unwrap_or(Hour(period.until.0.saturating_sub(1))),
                _ if next == Some(own) || digest_hours.contains(&shard(own)) => continue,
                _ => own,
            };
            let digest = |hour: &Hour| *hour > own && digest_hours.contains(&shard(*hour));
            let hours = (own.0..=last.0).map(Hour).filter(|hour| period.contains(*hour));
            incomplete.extend(hours.filter(|hour| !digest(hour)).map(shard));
        }
    }
    incomplete
}
