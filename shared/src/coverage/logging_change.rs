//! What is not observed because a call changed what is logged.
//!
//! Enters: the tally of the period and that of the hours before it, with the digest hours. Leaves: hours. Laws: after a
//! call that stops logging, the hours from its own to that of the next event of the account and region are incomplete;
//! after any other change its own hour is, unless a later event of that hour or a digest file shows that logging went
//! on; an earlier event if events may begin with the change, both if they may go elsewhere from then on. An event in the
//! quarter hour of the change shows nothing. Of a trail that no longer logs events of global services only such an event
//! shows that these are logged.

use std::{
    cell::Cell,
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

/// The accounts that a change of logging concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// The account of the call, and each account if it has the trail of the organization.
    Account,
    /// The other accounts of the organization.
    Members,
    /// Each account, because events of all of them are delivered through what the call changes.
    All,
}

/// How a call changes the evidence, and of which accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EvidenceChange {
    /// What it does to the evidence.
    pub change: LoggingChange,
    extent: Extent,
}

/// How a call that the account `account` recorded changes the evidence; nothing for a call that changes nothing.
///
/// A bucket counts if its name has `cloudtrail` in it, or if the configuration or the description of a trail names it. A log
/// group counts if it is the one of a subscription that delivered events. Other log groups, rules and streams count if
/// events were delivered in their form, unless the configuration names others, and in any form if it names them.
pub fn logging_changes(
    call_key: &CallKey,
    account: &str,
    expected: &ExpectedCoverage,
    forms: &BTreeSet<DeliveryForm>,
) -> impl Iterator<Item = EvidenceChange> {
    let delivery = Delivery { call_key, account, expected, forms };
    let is_known = Cell::new(false);
    let own = event::logging_change(call_key, |resource, name| {
        let delivers = delivery.delivers(resource, name);
        is_known.set(is_known.get() || delivers == Delivers::Yes);
        delivers
    });
    let extent =
        if is_known.get() || delivery.is_policy_of_subscriptions() { Extent::All } else { Extent::Account };
    let own = own.map(|change| EvidenceChange { change, extent });
    let of_members = event::logging_change_of_members(call_key)
        .map(|change| EvidenceChange { change, extent: Extent::Members });
    own.into_iter().chain(of_members)
}

/// A call, and what is known of the delivery of events.
struct Delivery<'a> {
    call_key: &'a CallKey,
    account: &'a str,
    expected: &'a ExpectedCoverage,
    forms: &'a BTreeSet<DeliveryForm>,
}

impl Delivery<'_> {
    fn delivers(&self, resource: DeliveryResource, name: Option<&str>) -> Delivers {
        match (resource, name) {
            (DeliveryResource::Bucket, Some(name)) => self.bucket_delivers(name),
            (DeliveryResource::Bucket, None) => Delivers::No,
            // `FilterLogEvents` reads a log group without its subscriptions.
            (DeliveryResource::Subscription, _) if self.is_read_from_log_group() => Delivers::No,
            (DeliveryResource::LogGroup | DeliveryResource::Subscription, Some(name))
                if self.has_subscription_of(name) =>
            {
                Delivers::Yes
            }
            (_, Some(name)) if self.is_configured(name) => Delivers::Yes,
            (_, Some(_)) if !self.expected.delivered_through.is_empty() => Delivers::No,
            (resource, name) if self.may_come_through(resource, name) => Delivers::Maybe,
            _ => Delivers::No,
        }
    }

    fn bucket_delivers(&self, name: &str) -> Delivers {
        let ExpectedCoverage { log_buckets, trails, .. } = self.expected;
        let of_trails = trails.iter().filter_map(|trail| trail.bucket.as_deref());
        if log_buckets.iter().map(String::as_str).chain(of_trails).any(|known| known == name) {
            Delivers::Yes
        } else if name.contains("cloudtrail") {
            Delivers::Maybe
        } else {
            Delivers::No
        }
    }

    /// Whether the configuration names it, by its name or ARN.
    fn is_configured(&self, name: &str) -> bool {
        self.expected.delivered_through.iter().any(|known| event::delivery_name(known) == name)
    }

    fn is_read_from_log_group(&self) -> bool {
        let is_delivered =
            |form: &DeliveryForm| matches!(form, DeliveryForm::LogEvent | DeliveryForm::Subscription { .. });
        self.forms.contains(&DeliveryForm::LogGroup) && !self.forms.iter().any(is_delivered)
    }

    fn has_subscription_of(&self, name: &str) -> bool {
        self.forms.iter().any(|form| {
            matches!(form, DeliveryForm::Subscription { owner, log_group }
                if **owner == *self.account && **log_group == *name)
        })
    }

    fn owns_subscription(&self) -> bool {
        let is_own = |form: &DeliveryForm| matches!(form, DeliveryForm::Subscription { owner, .. } if **owner == *self.account);
        self.forms.iter().any(is_own)
    }

    /// Whether the call changes all subscriptions of an account with a log group that delivered events.
    fn is_policy_of_subscriptions(&self) -> bool {
        &*self.call_key.source == "logs.amazonaws.com"
            && self.call_key.delivery_resources.is_empty()
            && self.owns_subscription()
    }

    /// Whether events were delivered in a form that the resource may have had a part in.
    fn may_come_through(&self, resource: DeliveryResource, name: Option<&str>) -> bool {
        // The destination of a subscription may be in any account, and no form names it.
        let is_destination = &*self.call_key.name == "DeleteDestination";
        self.forms.iter().any(|form| match (form, resource) {
            (DeliveryForm::EventBridge, resource) => {
                matches!(resource, DeliveryResource::Rule | DeliveryResource::Stream)
            }
            (_, DeliveryResource::Bucket | DeliveryResource::Rule) => false,
            (DeliveryForm::LogGroup, resource) => resource == DeliveryResource::LogGroup,
            (DeliveryForm::LogEvent, _) | (DeliveryForm::Subscription { .. }, DeliveryResource::Stream) => {
                true
            }
            (DeliveryForm::Subscription { owner, .. }, _) => {
                is_destination || name.is_none() && **owner == *self.account
            }
        })
    }
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
        for change in logging_changes(line.call_key, &line.actor.account, expected, forms) {
            let of_account = changes.entry(&line.actor.account).or_default();
            of_account.extend(line.buckets.iter().map(|(bucket, _)| (*bucket, change)));
        }
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
        let concern = all.filter(|(changed, (_, change))| match change.extent {
            Extent::Account => is_concerned(account, changed, expected),
            Extent::Members => is_member_concerned(account, changed, expected),
            Extent::All => true,
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
                LoggingChange::Starts if own_events() => continue,
                LoggingChange::Starts => own,
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
