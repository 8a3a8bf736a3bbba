//! What is not observed because a call changed what is logged.
//!
//! Enters: the tally of the period and that of the hours before it, with the digest hours. Leaves: hours. Laws: after a
//! call that stops logging, the hours from its own to that of the next event of the account and region are incomplete;
//! after any other change its own hour is, unless a later event of that hour or a digest file shows that logging went
//! on; an earlier event if events may begin with the change, both if they may go elsewhere from then on. An event in the quarter hour of the change shows nothing. Of a trail that no longer logs events of global services
//! only such an event shows that these are logged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::global_region;
use crate::{
    config::ExpectedCoverage,
    event::{self, CallKey, Delivers, DeliveryResource, LoggingChange},
    evidence_summary::{EvidenceSummary, global_service_events},
    period::Period,
    record::DeliveryForm,
    segment::Shard,
    tally::{BUCKET_SECONDS, TimeBucket},
    time::{HOUR_SECONDS, Hour},
};

/// How a call changes the evidence, and of which accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EvidenceChange {
    /// What it does to the evidence.
    pub change: LoggingChange,
    /// Whether it concerns every account, because events of all of them are delivered through what it changes.
    is_of_all: bool,
}

/// How a call that the account `account` recorded changes the evidence; `None` for a call that changes nothing. A bucket
/// counts if its name has `cloudtrail` in it or if the configuration names it as a log bucket. A log group counts if it is the
/// one of a subscription that delivered events. Other log groups, rules and streams count if events were delivered in
/// their form, unless the configuration names others.
pub fn logging_change(
    call_key: &CallKey,
    account: &str,
    expected: &ExpectedCoverage,
    forms: &BTreeSet<DeliveryForm>,
) -> Option<EvidenceChange> {
    let named = |names: &[String], name: &str| names.iter().any(|known| known == name);
    let by_config = |name: Option<&str>| match name {
        Some(name) if named(&expected.delivered_through, name) => Delivers::Yes,
        Some(_) if !expected.delivered_through.is_empty() => Delivers::No,
        _ => Delivers::Maybe,
    };
    let is_in_subscription = |form: &DeliveryForm, name: &str| matches!(form, DeliveryForm::Subscription { owner, log_group } if **owner == *account && **log_group == *name);
    let may_own_a_log_group = forms.iter().any(|form| match form {
        DeliveryForm::Subscription { owner, .. } => **owner == *account,
        DeliveryForm::LogGroup => true,
        DeliveryForm::EventBridge => false,
    });
    let by_forms = |name: Option<&str>| match name {
        Some(name) if forms.iter().any(|form| is_in_subscription(form, name)) => Delivers::Yes,
        // Each log group that delivered events is known; the destination of a subscription may be in another account.
        None if !may_own_a_log_group && &*call_key.name != "DeleteDestination" => Delivers::No,
        Some(_) if !forms.contains(&DeliveryForm::LogGroup) => Delivers::No,
        _ => by_config(name),
    };
    let has_events_of = |resource| {
        forms.iter().any(|form| match form {
            DeliveryForm::EventBridge => resource != DeliveryResource::LogGroup,
            _ => resource != DeliveryResource::Rule,
        })
    };
    let change = event::logging_change(call_key, |resource, name| match resource {
        DeliveryResource::Bucket => match name {
            Some(name) if name.contains("cloudtrail") || named(&expected.log_buckets, name) => {
                Delivers::Maybe
            }
            _ => Delivers::No,
        },
        resource if !has_events_of(resource) => Delivers::No,
        DeliveryResource::LogGroup => by_forms(name),
        _ => by_config(name),
    })?;
    let name = call_key.delivery_resource.as_deref().filter(|_| &*call_key.source == "logs.amazonaws.com");
    let is_of_all = name.is_some_and(|name| forms.iter().any(|form| is_in_subscription(form, name)));
    Some(EvidenceChange { change, is_of_all })
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

/// For each account the quarter hours in which event selectors were changed in it.
pub(super) fn selector_changes(evidence: &EvidenceSummary) -> BTreeMap<Arc<str>, BTreeSet<TimeBucket>> {
    let mut changes: BTreeMap<Arc<str>, BTreeSet<TimeBucket>> = BTreeMap::new();
    for line in evidence.tally.lines().chain(evidence.lead_in.tally.lines()) {
        if event::logging_change(line.call_key, |_, _| Delivers::No) == Some(LoggingChange::Selects) {
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
    let mut changes: BTreeMap<&Arc<str>, BTreeSet<(TimeBucket, EvidenceChange)>> = BTreeMap::new();
    for line in tally.lines().chain(lead_in.tally.lines()) {
        let change = logging_change(line.call_key, &line.actor.account, expected, forms);
        let Some(change) = change else { continue };
        let of_account = changes.entry(&line.actor.account).or_default();
        of_account.extend(line.buckets.iter().map(|(bucket, _)| (*bucket, change)));
    }
    let mut incomplete = BTreeSet::new();
    if changes.is_empty() {
        return incomplete;
    }
    let mut buckets: BTreeMap<(&Arc<str>, &Arc<str>), BTreeSet<TimeBucket>> = BTreeMap::new();
    let mut of_global_services = global_service_events(tally);
    for (place, seen) in &lead_in.global_service_events {
        of_global_services.entry(place.clone()).or_default().extend(seen);
    }
    for line in tally.lines().chain(lead_in.tally.lines()) {
        let of_place = buckets.entry((&line.actor.account, &line.actor.region)).or_default();
        of_place.extend(line.buckets.iter().map(|(bucket, _)| *bucket));
    }
    for (account, region) in places {
        let seen = buckets.get(&(account, region));
        let shard = |hour| Shard { account: Arc::clone(account), region: Arc::clone(region), hour };
        let is_global = **region == *global_region(region);
        let all = changes.iter().flat_map(|(changed, of)| of.iter().map(move |one| (*changed, one)));
        let concern = all.filter(|(changed, (_, change))| match change.change.concerns_members() {
            true => is_member_concerned(account, changed, expected),
            false => change.is_of_all || is_concerned(account, changed, expected),
        });
        for (bucket, change) in concern.map(|(_, (bucket, change))| (bucket, change.change)) {
            let own = bucket.hour();
            if change == LoggingChange::DropsGlobalEvents && is_global {
                let seen = of_global_services.get(&(Arc::clone(account), Arc::clone(region)));
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
            let goes_on = next == Some(own);
            let last = match change {
                _ if !change.is_stop() && digest_hours.contains(&shard(own)) => continue,
                // Only an earlier event of its hour shows that events were logged before.
                LoggingChange::Starts | LoggingChange::StartsMembers if own_events() => continue,
                LoggingChange::Starts | LoggingChange::StartsMembers => own,
                LoggingChange::Redirects if own_events() && goes_on => continue,
                // An event of the next hours shows that events are logged again from then on.
                change if change.is_stop() => next.unwrap_or(Hour(period.until.0.saturating_sub(1))),
                LoggingChange::Redirects => own,
                _ if goes_on => continue,
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
