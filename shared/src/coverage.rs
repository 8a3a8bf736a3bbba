//! The evidence that exists, compared with the evidence that is expected.
//!
//! Enters: an evidence summary (the tally, the hours that digest files cover, hours known to be incomplete, the period),
//! the expected coverage, and what was verified of the log files. Leaves: [`Coverage`], a map of account x region x hour and a table of event classes. Laws: an hour is observed
//! only with an event or a digest window in that account, region and hour; adding evidence of a place never opens a gap in it in the
//! same period; an hour known to be incomplete is not observed, and its account and region are expected, so naming
//! one never improves a status; `event_classes`, `integrity` and `logging_change` state the laws of their own.

mod action_class;
mod event_classes;
mod integrity;
mod logging_change;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config::ExpectedCoverage,
    event::{Actor, CallKey, EventClass, EventKind},
    evidence_summary::{EvidenceSummary, LeadIn},
    log_integrity::IntegritySummary,
    period::{Period, PeriodInference},
    principal::{MAX_ROLE_SESSION_HOURS, PrincipalKind},
    segment::Shard,
    tally::Tally,
    time::Hour,
};

pub use self::{
    action_class::event_class_of,
    event_classes::{EventClassCoverage, EventClassState, event_class_name, is_in_class},
    integrity::{AccountRegionIntegrity, IntegrityHours, LogIntegrityCoverage},
    logging_change::logging_changes,
};
use self::{
    event_classes::event_class_coverage, integrity::unproven_hours, logging_change::incomplete_after_changes,
};

/// Coverage of one account and region, in hours of the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRegionCoverage {
    /// Twelve-digit account id.
    pub account: Arc<str>,
    /// Region name.
    pub region: Arc<str>,
    /// Number of distinct events of this account and region in the period.
    pub events: u64,
    /// Hours with an event or a digest window that are not known to be incomplete.
    pub observed_hours: u32,
    /// Hours without an event that a digest window covers.
    pub quiet_hours: u32,
    /// The quiet hours, as spans.
    pub quiet_periods: Vec<Period>,
    /// Hours of the period; 0 if the configuration does not expect this account and region, unless an hour of it is
    /// known to be incomplete.
    pub expected_hours: u32,
    /// Hours without evidence, or with evidence known to be incomplete, as spans.
    pub gaps: Vec<Period>,
}

/// A part of the expected coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedPart {
    /// The accounts.
    Accounts,
    /// The regions.
    Regions,
    /// The first hour of the period.
    Since,
    /// The last hour of the period.
    Until,
}

impl ExpectedPart {
    /// The parts that were inferred from the evidence, because neither configuration nor options name them.
    fn inferred(expected: &ExpectedCoverage, inference: &PeriodInference) -> Vec<Self> {
        let parts = [
            (Self::Accounts, expected.accounts.is_empty()),
            (Self::Regions, expected.regions.is_empty()),
            (Self::Since, inference.since),
            (Self::Until, inference.until),
        ];
        parts.into_iter().filter(|(_, is_inferred)| *is_inferred).map(|(part, _)| part).collect()
    }
}

/// Coverage of the evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// The hours of the report; absent when neither the request nor the evidence gives any.
    pub period: Option<Period>,
    /// What was inferred from the evidence of accounts, regions and period. What is missing altogether of an inferred
    /// part is not noticed.
    #[serde(default)]
    pub inferred_parts: Vec<ExpectedPart>,
    /// Parts of the evidence outside an inferred period, separated from it by at least 30 days without evidence. Their
    /// events are evaluated like all others, and the evidence is not complete.
    #[serde(default)]
    pub outside: Vec<Period>,
    /// Number of events in these parts.
    #[serde(default)]
    pub outside_events: u64,
    /// Expected hours over all accounts and regions.
    pub expected_hours: u64,
    /// Observed hours over all expected accounts and regions.
    pub observed_hours: u64,
    /// Percentage of the expected hours that were observed, rounded down to two decimals; absent if none is expected.
    pub percent: Option<f64>,
    /// Coverage of each account and region, ordered by account, then region.
    pub account_regions: Vec<AccountRegionCoverage>,
    /// Coverage of each event class, ordered by the name of the class.
    pub event_classes: Vec<EventClassCoverage>,
    /// The hours before the period, in which the sessions of role chains may have begun.
    pub lead_in: LeadInCoverage,
    /// What was proven of the log files by digest files; absent if they were not verified, and need not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_integrity: Option<LogIntegrityCoverage>,
}

/// The hours before the period in which a role session that makes calls in the period may have begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeadInCoverage {
    /// Twelve hours, the longest role session, for each expected account and region.
    pub expected_hours: u64,
    /// Those of them with an event or a digest window.
    pub observed_hours: u64,
}

impl LeadInCoverage {
    fn of(lead_in: &LeadIn, places: &[(Arc<str>, Arc<str>)], period: Period) -> Self {
        let first = Hour(period.from.0.saturating_sub(MAX_ROLE_SESSION_HOURS));
        let wanted: BTreeSet<_> = places.iter().map(|(account, region)| (account, region)).collect();
        let is_expected = |shard: &&Shard| {
            (first..period.from).contains(&shard.hour) && wanted.contains(&(&shard.account, &shard.region))
        };
        Self {
            expected_hours: places.len() as u64 * u64::from(MAX_ROLE_SESSION_HOURS),
            observed_hours: lead_in.hours.iter().filter(is_expected).count() as u64,
        }
    }

    /// Number of these hours without evidence.
    pub const fn missing_hours(self) -> u64 {
        self.expected_hours.saturating_sub(self.observed_hours)
    }
}

impl Coverage {
    /// The coverage of the evidence in its period. Hours outside the period are not counted. `verification` is what was
    /// verified of the log files, if that was asked for.
    pub fn of(
        evidence: &EvidenceSummary,
        expected: &ExpectedCoverage,
        verification: Option<&IntegritySummary>,
    ) -> Self {
        let EvidenceSummary { tally, lead_in, digest_hours, incomplete_hours, inference, .. } = evidence;
        let inferred_parts = ExpectedPart::inferred(expected, inference);
        let Some(period) = evidence.period else {
            let event_classes = event_class_coverage(evidence, expected, &[]);
            return Self { event_classes, inferred_parts, ..Self::default() };
        };
        let mut observed = ObservedHours::new();
        let mut last: Option<(&Actor, &mut BTreeMap<Hour, HourCoverage>)> = None;
        for line in tally.lines() {
            // Lines are in order of account and region first.
            let same =
                |actor: &Actor| (&actor.account, &actor.region) == (&line.actor.account, &line.actor.region);
            let hours = match last.take() {
                Some((actor, hours)) if same(actor) => hours,
                _ => observed
                    .entry((Arc::clone(&line.actor.account), Arc::clone(&line.actor.region)))
                    .or_default(),
            };
            for (bucket, count) in line.buckets {
                hours.entry(bucket.hour()).or_default().events += u64::from(*count);
            }
            last = Some((line.actor, hours));
        }
        for shard in digest_hours.iter().chain(incomplete_hours).filter(|shard| period.contains(shard.hour)) {
            let account_region = (Arc::clone(&shard.account), Arc::clone(&shard.region));
            let cell = observed.entry(account_region).or_default().entry(shard.hour).or_default();
            cell.is_incomplete |= incomplete_hours.contains(shard);
        }
        add_expected_regions(&mut observed, expected, &calling_places(tally));
        let changed = incomplete_after_changes(evidence, expected, observed.keys(), period);
        for shard in changed.into_iter().filter(|shard| is_expected(expected, &shard.account, &shard.region))
        {
            let account_region = (shard.account, shard.region);
            observed.entry(account_region).or_default().entry(shard.hour).or_default().is_incomplete = true;
        }
        for shard in unproven_hours(verification, expected, period, observed.keys()) {
            let account_region = (shard.account, shard.region);
            observed.entry(account_region).or_default().entry(shard.hour).or_default().is_incomplete = true;
        }
        let account_regions: Vec<AccountRegionCoverage> = observed
            .into_iter()
            .map(|((account, region), hours)| {
                let is_expected =
                    is_expected(expected, &account, &region) || hours.values().any(|cell| cell.is_incomplete);
                AccountRegionCoverage::of(account, region, &hours, period, is_expected)
            })
            .collect();
        let expected_hours =
            account_regions.iter().map(|account_region| u64::from(account_region.expected_hours)).sum();
        let wanted = || account_regions.iter().filter(|account_region| account_region.is_expected());
        let observed_hours = wanted().map(|account_region| u64::from(account_region.observed_hours)).sum();
        let places: Vec<_> =
            wanted().map(|place| (Arc::clone(&place.account), Arc::clone(&place.region))).collect();
        let lead_in = LeadInCoverage::of(lead_in, &places, period);
        let of_expected = places.iter().map(|(account, region)| (account, region));
        let log_integrity = LogIntegrityCoverage::of(verification, expected, period, of_expected);
        Self {
            period: Some(period),
            inferred_parts,
            outside: inference.outside.clone(),
            outside_events: events_in(tally, &inference.outside),
            expected_hours,
            observed_hours,
            percent: percent(observed_hours, expected_hours),
            account_regions,
            event_classes: event_class_coverage(evidence, expected, &places),
            lead_in,
            log_integrity,
        }
    }

    /// Whether the coverage is 0 %: hours are expected, and as good as none was observed.
    pub fn is_zero(&self) -> bool {
        self.percent.is_some_and(|percent| percent <= 0.0)
    }

    /// Hours that are expected and not observed.
    pub const fn missing_hours(&self) -> u64 {
        self.expected_hours.saturating_sub(self.observed_hours)
    }

    /// The hours of accounts for which `concerns` holds that were not observed because of their log files.
    pub fn integrity_gaps(&self, concerns: impl Fn(&str) -> bool) -> IntegrityHours {
        let mut gaps = IntegrityHours::default();
        if let Some(integrity) = &self.log_integrity {
            let places = integrity.account_regions.iter().filter(|place| concerns(&place.account));
            places.for_each(|place| gaps.add(integrity.gaps(place.hours)));
        }
        gaps
    }

    /// Event classes that are expected and not known to be logged.
    pub fn class_gaps(&self) -> impl Iterator<Item = &EventClassCoverage> {
        self.event_classes.iter().filter(|class| class.state == EventClassState::Gap)
    }

    /// Names of the event classes that a status covers.
    pub fn covered_classes(&self) -> Vec<String> {
        let covered = |class: &&EventClassCoverage| class.state.is_logged();
        self.event_classes.iter().filter(covered).map(|class| class.class.clone()).collect()
    }

    /// The regions of an account.
    pub fn places_of(&self, account: &str) -> &[AccountRegionCoverage] {
        let places = &*self.account_regions;
        let from = places.partition_point(|place| &*place.account < account);
        let until = places.partition_point(|place| &*place.account <= account);
        places.get(from..until).unwrap_or_default()
    }

    /// Accounts and regions that are expected.
    pub fn expected_places(&self) -> impl Iterator<Item = &AccountRegionCoverage> {
        self.account_regions.iter().filter(|place| place.is_expected())
    }
}

/// Number of events in these parts of the evidence.
fn events_in(tally: &Tally, parts: &[Period]) -> u64 {
    if parts.is_empty() {
        return 0;
    }
    let is_inside = |hour: Hour| parts.iter().any(|part| part.contains(hour));
    let buckets = tally.lines().flat_map(|line| line.buckets);
    buckets.filter(|(bucket, _)| is_inside(bucket.hour())).map(|(_, count)| u64::from(*count)).sum()
}

impl AccountRegionCoverage {
    /// Whether evidence of every hour of the period is expected.
    pub const fn is_expected(&self) -> bool {
        self.expected_hours > 0
    }

    /// Number of expected hours that were not observed.
    pub const fn missing_hours(&self) -> u32 {
        self.expected_hours.saturating_sub(self.observed_hours)
    }

    fn of(
        account: Arc<str>,
        region: Arc<str>,
        hours: &BTreeMap<Hour, HourCoverage>,
        period: Period,
        is_expected: bool,
    ) -> Self {
        let mut account_region = Self {
            account,
            region,
            events: 0,
            observed_hours: 0,
            quiet_hours: 0,
            quiet_periods: Vec::new(),
            expected_hours: if is_expected { period.hours() } else { 0 },
            gaps: Vec::new(),
        };
        let mut next = period.from;
        for (hour, cell) in hours.range(period.from..period.until) {
            account_region.events += cell.events;
            if cell.is_incomplete {
                continue;
            }
            account_region.observed_hours += 1;
            if cell.events == 0 {
                account_region.quiet_hours += 1;
                account_region.add_quiet_hour(*hour);
            }
            if is_expected && next < *hour {
                account_region.gaps.push(Period { from: next, until: *hour });
            }
            next = Hour(hour.0 + 1);
        }
        if is_expected && next < period.until {
            account_region.gaps.push(Period { from: next, until: period.until });
        }
        account_region
    }
}

impl AccountRegionCoverage {
    /// Adds a quiet hour; they come in order.
    fn add_quiet_hour(&mut self, hour: Hour) {
        let until = Hour(hour.0 + 1);
        match self.quiet_periods.last_mut() {
            Some(span) if span.until == hour => span.until = until,
            _ => self.quiet_periods.push(Period { from: hour, until }),
        }
    }
}

/// What is known about an hour of an account and region.
#[derive(Default)]
struct HourCoverage {
    events: u64,
    /// Whether its evidence is known to be incomplete.
    is_incomplete: bool,
}

/// Hours by account and region.
type ObservedHours = BTreeMap<(Arc<str>, Arc<str>), BTreeMap<Hour, HourCoverage>>;

/// The region that receives the events of IAM, STS and other global services, in the partition of `region`.
/// Source: AWS CloudTrail User Guide, "Global service events", and the signing regions of the IAM endpoints in the AWS
/// SDKs, read 2026-11.
pub fn global_region(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "cn-north-1",
        region if region.starts_with("us-gov-") => "us-gov-west-1",
        region if region.starts_with("eusc-") => "eusc-de-east-1",
        region if region.starts_with("us-iso-") => "us-iso-east-1",
        region if region.starts_with("us-isob-") => "us-isob-east-1",
        region if region.starts_with("us-isof-") => "us-isof-south-1",
        region if region.starts_with("eu-isoe-") => "eu-isoe-west-1",
        _ => "us-east-1",
    }
}

/// The accounts and regions of principals that called other accounts. CloudTrail records a call in the same region of
/// both accounts. AWS CloudTrail User Guide, "sharedEventID example", read 2026-11.
fn calling_places(tally: &Tally) -> BTreeSet<(&Arc<str>, &Arc<str>)> {
    let is_identity = |actor: &Actor| match actor.principal.kind {
        PrincipalKind::Role | PrincipalKind::IamUser | PrincipalKind::IdentityCenterUser => true,
        PrincipalKind::AwsAccount => actor.session.unique_id.is_some(),
        _ => false,
    };
    let is_call = |call_key: &CallKey| {
        call_key.kind == EventKind::ApiCall
            && call_key.invoked_by.is_none()
            && matches!(call_key.class, EventClass::ManagementRead | EventClass::ManagementWrite)
    };
    let mut places = BTreeSet::new();
    let mut last = None;
    for line in tally.lines().filter(|line| line.actor.principal.account != line.actor.account) {
        // Lines of one actor follow one another.
        if last.is_some_and(|last| std::ptr::eq(last, line.actor)) {
            continue;
        }
        if is_identity(line.actor) && is_call(line.call_key) {
            places.insert((&line.actor.principal.account, &line.actor.region));
            last = Some(line.actor);
        }
    }
    places
}

/// Adds the accounts and regions that the configuration expects and the evidence does not show. If the configuration
/// names no regions, every account is expected in the region of global services too, and in the regions in which its
/// principals called other accounts.
fn add_expected_regions(
    observed: &mut ObservedHours,
    expected: &ExpectedCoverage,
    calling: &BTreeSet<(&Arc<str>, &Arc<str>)>,
) {
    let seen: BTreeSet<Arc<str>> = observed.keys().map(|(_, region)| Arc::clone(region)).collect();
    let accounts: BTreeSet<Arc<str>> = match &*expected.accounts {
        [] => observed.keys().map(|(account, _)| Arc::clone(account)).collect(),
        named => named.iter().map(|account| Arc::from(account.as_str())).collect(),
    };
    let global = |region: &Arc<str>| Arc::from(global_region(region));
    for account in accounts {
        let shown = observed.keys().any(|(seen, _)| *seen == account);
        let regions: BTreeSet<Arc<str>> = match &*expected.regions {
            // An account without any evidence is missing in every region in which other accounts have evidence.
            [] if !shown => seen.iter().cloned().chain(seen.iter().map(global)).collect(),
            [] => {
                let own = observed.keys().filter(|(seen, _)| *seen == account);
                let calling = calling.iter().filter(|(caller, _)| **caller == account);
                own.map(|(_, region)| global(region))
                    .chain(calling.map(|(_, region)| Arc::clone(region)))
                    .collect()
            }
            named => named.iter().map(|region| Arc::from(region.as_str())).collect(),
        };
        for region in regions {
            observed.entry((Arc::clone(&account), region)).or_default();
        }
    }
}

/// Whether evidence of this account and region is expected. If the configuration names no accounts or no regions,
/// every one with evidence is expected.
fn is_expected(expected: &ExpectedCoverage, account: &str, region: &str) -> bool {
    let named = |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
    named(&expected.accounts, account) && named(&expected.regions, region)
}

/// A share in percent, rounded down to two decimals, so that only the whole gives 100.
pub fn percent(part: u64, whole: u64) -> Option<f64> {
    let hundredths = (u128::from(part) * 10_000).checked_div(u128::from(whole))?;
    u32::try_from(hundredths).ok().map(|hundredths| f64::from(hundredths) / 100.0)
}
