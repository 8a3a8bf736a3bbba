//! What is not observed because a call changed what is logged.
//!
//! Enters: the tally of the period and that of the hours before it, with the digest hours. Leaves: hours. Laws: after a
//! call that stops logging, the hours from its own to that of the next event of the account and region are incomplete;
//! after any other change its own hour is, unless a later event of that hour or a digest file shows that logging went
//! on. An event in the quarter hour of the change shows nothing. Of a trail that no longer logs events of global services
//! only such an event shows that these are logged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::global_region;
use crate::{
    config::ExpectedCoverage,
    event::{self, CallKey, LoggingChange},
    evidence_summary::EvidenceSummary,
    period::Period,
    record::DeliveryForm,
    segment::Shard,
    tally::{BUCKET_SECONDS, TimeBucket},
    time::{HOUR_SECONDS, Hour},
};

/// What the call does to the evidence; `None` for a call that changes nothing. A bucket counts if its name has
/// `cloudtrail` in it, or if `log_buckets` has its name; log groups and rules count if events were delivered in their
/// form.
pub fn logging_change(
    call_key: &CallKey,
    log_buckets: &[String],
    forms: &BTreeSet<DeliveryForm>,
) -> Option<LoggingChange> {
    let is_log_bucket = |name: &str| name.contains("cloudtrail") || log_buckets.iter().any(|one| one == name);
    event::logging_change(call_key, is_log_bucket, |form| forms.contains(&form))
}

/// Whether a change of logging in the account `changed` concerns another account: that is so of itself, and of every
/// account if selectors show that the account has the trail of an organization.
pub(super) fn is_concerned(account: &str, changed: &str, expected: &ExpectedCoverage) -> bool {
    account == changed || expected.trails.iter().any(|trail| trail.is_of_organization(changed))
}

/// Whether a change for the members of the organization that `changed` manages concerns an account. Without selectors any
/// other account may be logged by the trail of the organization.
fn is_member_concerned(account: &str, changed: &str, expected: &ExpectedCoverage) -> bool {
    account != changed && (expected.trails.is_empty() || is_concerned(account, changed, expected))
}

/// Sources of events that a trail has only if it logs events of global services. Events of AWS STS do not show it,
/// because its regional endpoints have events too. AWS CloudTrail User Guide, "Global service events", read 2026-11.
const GLOBAL_SOURCES: [&str; 2] = ["iam.amazonaws.com", "cloudfront.amazonaws.com"];

/// For each account the quarter hours in which event selectors were changed in it.
pub(super) fn selector_changes(evidence: &EvidenceSummary) -> BTreeMap<Arc<str>, BTreeSet<TimeBucket>> {
    let mut changes: BTreeMap<Arc<str>, BTreeSet<TimeBucket>> = BTreeMap::new();
    for line in evidence.tally.lines().chain(evidence.lead_in.tally.lines()) {
        if logging_change(line.call_key, &[], &BTreeSet::new()) == Some(LoggingChange::Selects) {
            let of_account = changes.entry(Arc::clone(&line.actor.account)).or_default();
            of_account.extend(line.buckets.iter().map(|(bucket, _)| *bucket));
        }
    }
    changes
}

/// The first quarter hour of an hour.
const fn own_start(hour: Hour) -> TimeBucket {
    TimeBucket(hour.0.saturating_mul(HOUR_SECONDS / BUCKET_SECONDS))
}

/// The hours of the period that are incomplete because logging changed.
pub(super) fn incomplete_after_changes<'a>(
    evidence: &EvidenceSummary,
    expected: &ExpectedCoverage,
    places: impl Iterator<Item = &'a (Arc<str>, Arc<str>)>,
    period: Period,
) -> BTreeSet<Shard> {
    let EvidenceSummary { tally, lead_in, digest_hours, evidence_quality, .. } = evidence;
    let forms = &evidence_quality.delivery_forms;
    let mut changes: BTreeMap<&Arc<str>, BTreeSet<(TimeBucket, LoggingChange)>> = BTreeMap::new();
    for line in tally.lines().chain(lead_in.tally.lines()) {
        let Some(change) = logging_change(line.call_key, &expected.log_buckets, forms) else { continue };
        let of_account = changes.entry(&line.actor.account).or_default();
        of_account.extend(line.buckets.iter().map(|(bucket, _)| (*bucket, change)));
    }
    let mut incomplete = BTreeSet::new();
    if changes.is_empty() {
        return incomplete;
    }
    let mut buckets: BTreeMap<(&Arc<str>, &Arc<str>), BTreeSet<TimeBucket>> = BTreeMap::new();
    let mut of_global_services = buckets.clone();
    for line in tally.lines().chain(lead_in.tally.lines()) {
        let of_place = buckets.entry((&line.actor.account, &line.actor.region)).or_default();
        of_place.extend(line.buckets.iter().map(|(bucket, _)| *bucket));
        if GLOBAL_SOURCES.contains(&&*line.call_key.source) {
            let of_place = of_global_services.entry((&line.actor.account, &line.actor.region)).or_default();
            of_place.extend(line.buckets.iter().map(|(bucket, _)| *bucket));
        }
    }
    for (account, region) in places {
        let seen = buckets.get(&(account, region));
        let shard = |hour| Shard { account: Arc::clone(account), region: Arc::clone(region), hour };
        let is_global = **region == *global_region(region);
        let all = changes.iter().flat_map(|(changed, of)| of.iter().map(move |one| (*changed, one)));
        let concern = all.filter(|(changed, (_, change))| match change.concerns_members() {
            true => is_member_concerned(account, changed, expected),
            false => is_concerned(account, changed, expected),
        });
        for (bucket, change) in concern.map(|(_, change)| change) {
            let own = bucket.hour();
            if *change == LoggingChange::DropsGlobalEvents && is_global {
                let seen = of_global_services.get(&(account, region));
                let next = seen.and_then(|seen| seen.range(*bucket..).find(|seen| *seen > bucket));
                let last = next.map_or(Hour(period.until.0.saturating_sub(1)), |next| next.hour());
                let hours = (own.0..=last.0).map(Hour).filter(|hour| period.contains(*hour));
                incomplete.extend(hours.map(shard));
                continue;
            }
            let later = seen.and_then(|seen| seen.range(*bucket..).find(|seen| *seen > bucket));
            let before_period =
                (own.0 + 1..period.from.0).map(Hour).find(|hour| lead_in.hours.contains(&shard(*hour)));
            let next = later.map(|later| later.hour()).into_iter().chain(before_period).min();
            let own_events = || seen.is_some_and(|seen| seen.range(own_start(own)..*bucket).next().is_some());
            let last = match change {
                // Only an earlier event of its hour shows that events were logged before.
                LoggingChange::Starts if own_events() || digest_hours.contains(&shard(own)) => continue,
                LoggingChange::Starts => own,
                // An event of the next hours shows that events are logged again from then on.
                change if change.is_stop() => next.unwrap_or(Hour(period.until.0.saturating_sub(1))),
                _ if next == Some(own) || digest_hours.contains(&shard(own)) => continue,
                _ => own,
            };
            // A digest file covers an hour only to its end, so it was written after the change.
            let digest = |hour: &Hour| digest_hours.contains(&shard(*hour));
            let hours = (own.0..=last.0).map(Hour).filter(|hour| period.contains(*hour));
            incomplete.extend(hours.filter(|hour| !digest(hour)).map(shard));
        }
    }
    incomplete
}
