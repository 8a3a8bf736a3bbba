//! Which evidence there is, of that which there should be.
//!
//! Enters: the tally, the windows digest files vouch for, hours known to be incomplete, and what is expected. Leaves:
//! [`Coverage`], a map of account x region x hour and a table of event classes. Laws: nothing is observed without an
//! event or a digest window in that very account, region and hour; adding evidence never opens a gap inside the same
//! period; an hour known to be incomplete is not observed and its place is expected, so to name one never betters a
//! status; a class counts as logged only when the configuration says so or every account's evidence holds such an event.

mod action_class;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config::ExpectedCoverage,
    event::{Actor, EventClass, EventKind},
    segment::Shard,
    tally::Tally,
    time::{Hour, Time},
};

pub use action_class::event_class_of;

/// The hours a report is about, from the first up to and without the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// First hour.
    pub from: Hour,
    /// First hour after it.
    pub until: Hour,
}

impl Period {
    /// Hours in it.
    pub const fn hours(self) -> u32 {
        self.until.0.saturating_sub(self.from.0)
    }

    /// Whether an hour lies in it.
    pub fn contains(self, hour: Hour) -> bool {
        (self.from..self.until).contains(&hour)
    }

    /// From the hour of `since` to the end of the hour before `until`; either may be absent, and the evidence
    /// decides. `None` when neither says anything.
    pub fn from_bounds(since: Option<Time>, until: Option<Time>, seen: Option<(Time, Time)>) -> Option<Self> {
        let from = since.or(seen.map(|(first, _)| first))?.hour();
        let until = match (until, seen) {
            (Some(until), _) => Hour(until.0.div_ceil(crate::time::HOUR_SECONDS)),
            (None, Some((_, last))) => Hour(last.hour().0.saturating_add(1)),
            (None, None) => return None,
        };
        Some(Self { from, until: until.max(from) })
    }
}

/// One account and region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRegionCoverage {
    /// Twelve-digit account id.
    pub account: Arc<str>,
    /// Region name.
    pub region: Arc<str>,
    /// Events in the period.
    pub events: u64,
    /// Hours with an event or a digest window, and not known to be incomplete.
    pub observed_hours: u32,
    /// Hours that only a digest window vouches for.
    pub quiet_hours: u32,
    /// Those hours, as spans.
    pub quiet_periods: Vec<Period>,
    /// Hours of the period; 0 for a place the configuration does not name, unless it is known to be incomplete.
    pub expected_hours: u32,
    /// Hours without evidence, or with evidence known to be incomplete, as spans.
    pub gaps: Vec<Period>,
}

/// Why a class counts as logged, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventClassState {
    /// Expected, and nothing says it was logged everywhere: a gap.
    Gap,
    /// Part of a family that was asked for; only some accounts' evidence holds such events.
    Partial,
    /// The evidence of every expected account holds events of it.
    Seen,
    /// The configuration says the trail logs it.
    Configured,
    /// Not part of the promise.
    NotExpected,
}

/// What is known of one event class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventClassCoverage {
    /// `management-read`, `management-write`, `data`, `data:TYPE`, `network` or `network:SOURCE`.
    pub class: String,
    /// Whether it is covered.
    pub state: EventClassState,
    /// Events of it.
    pub events: u64,
    /// Accounts whose evidence holds such an event.
    pub accounts: BTreeSet<Arc<str>>,
}

/// The map of evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// The hours looked at; absent without any evidence or request.
    pub period: Option<Period>,
    /// Hours expected over all places.
    pub expected_hours: u64,
    /// Hours observed over all places.
    pub observed_hours: u64,
    /// Observed of expected hours in percent, rounded down to two decimals; absent when nothing is expected.
    pub percent: Option<f64>,
    /// Account by region, in order.
    pub account_regions: Vec<AccountRegionCoverage>,
    /// Event classes, in order.
    pub event_classes: Vec<EventClassCoverage>,
}

/// Words for the event classes a configuration may name.
pub fn event_class_name(class: &EventClass) -> String {
    match class {
        EventClass::ManagementRead => "management-read".to_owned(),
        EventClass::ManagementWrite => "management-write".to_owned(),
        EventClass::Data(resource) => format!("data:{resource}"),
        EventClass::Network(source) => format!("network:{source}"),
    }
}

impl Coverage {
    /// Draws the map. `windows` are hours that digest files vouch for, `unfinished` hours whose evidence is known to be
    /// incomplete; of what lies outside the period nothing is counted.
    pub fn of(
        tally: &Tally,
        windows: &BTreeSet<Shard>,
        unfinished: &BTreeSet<Shard>,
        expected: &ExpectedCoverage,
        period: Option<Period>,
    ) -> Self {
        let Some(period) = period else {
            return Self {
                event_classes: event_class_coverage(tally, expected, &BTreeSet::new()),
                ..Self::default()
            };
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
            for (slot, count) in line.buckets {
                hours.entry(slot.hour()).or_default().events += u64::from(*count);
            }
            last = Some((line.actor, hours));
        }
        for shard in windows.iter().chain(unfinished).filter(|shard| period.contains(shard.hour)) {
            let place = (Arc::clone(&shard.account), Arc::clone(&shard.region));
            let cell = observed.entry(place).or_default().entry(shard.hour).or_default();
            cell.is_incomplete |= unfinished.contains(shard);
        }
        add_expected_regions(&mut observed, expected);
        let places: Vec<AccountRegionCoverage> = observed
            .into_iter()
            .map(|((account, region), hours)| {
                let is_expected =
                    is_expected(expected, &account, &region) || hours.values().any(|cell| cell.is_incomplete);
                AccountRegionCoverage::of(account, region, &hours, period, is_expected)
            })
            .collect();
        let expected_hours = places.iter().map(|place| u64::from(place.expected_hours)).sum();
        let wanted = || places.iter().filter(|place| place.expected_hours > 0);
        let observed_hours = wanted().map(|place| u64::from(place.observed_hours)).sum();
        let accounts = wanted().map(|place| Arc::clone(&place.account)).collect();
        Self {
            period: Some(period),
            expected_hours,
            observed_hours,
            percent: percent(observed_hours, expected_hours),
            account_regions: places,
            event_classes: event_class_coverage(tally, expected, &accounts),
        }
    }

    /// Hours expected and not observed.
    pub const fn missing_hours(&self) -> u64 {
        self.expected_hours.saturating_sub(self.observed_hours)
    }

    /// Classes that are part of the promise and not known to be logged.
    pub fn class_gaps(&self) -> impl Iterator<Item = &EventClassCoverage> {
        self.event_classes.iter().filter(|class| class.state == EventClassState::Gap)
    }

    /// Words of the classes a status may speak about.
    pub fn covered_classes(&self) -> Vec<String> {
        let covered = |class: &&EventClassCoverage| {
            matches!(class.state, EventClassState::Seen | EventClassState::Configured)
        };
        self.event_classes.iter().filter(covered).map(|class| class.class.clone()).collect()
    }

    /// No hour and no class is missing, and there is evidence at all.
    pub fn is_complete(&self) -> bool {
        self.observed_hours > 0 && self.missing_hours() == 0 && self.class_gaps().next().is_none()
    }
}

impl AccountRegionCoverage {
    fn of(
        account: Arc<str>,
        region: Arc<str>,
        hours: &BTreeMap<Hour, HourCoverage>,
        period: Period,
        is_expected: bool,
    ) -> Self {
        let mut place = Self {
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
            place.events += cell.events;
            if cell.is_incomplete {
                continue;
            }
            place.observed_hours += 1;
            if cell.events == 0 {
                place.quiet_hours += 1;
                place.add_quiet_hour(*hour);
            }
            if is_expected && next < *hour {
                place.gaps.push(Period { from: next, until: *hour });
            }
            next = Hour(hour.0 + 1);
        }
        if is_expected && next < period.until {
            place.gaps.push(Period { from: next, until: period.until });
        }
        place
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

/// What is known of an hour of a place.
#[derive(Default)]
struct HourCoverage {
    events: u64,
    /// Its evidence is known to be incomplete.
    is_incomplete: bool,
}

/// Cells by account and region.
type ObservedHours = BTreeMap<(Arc<str>, Arc<str>), BTreeMap<Hour, HourCoverage>>;

/// Adds the places the configuration expects and the evidence does not show.
fn add_expected_regions(observed: &mut ObservedHours, expected: &ExpectedCoverage) {
    let seen: BTreeSet<Arc<str>> = observed.keys().map(|(_, region)| Arc::clone(region)).collect();
    let accounts: BTreeSet<Arc<str>> = match &*expected.accounts {
        [] => observed.keys().map(|(account, _)| Arc::clone(account)).collect(),
        named => named.iter().map(|account| Arc::from(account.as_str())).collect(),
    };
    for account in accounts {
        let shown = observed.keys().any(|(seen, _)| *seen == account);
        let regions: BTreeSet<Arc<str>> = match &*expected.regions {
            // An account that shows nothing at all is missing wherever the others are seen.
            [] if !shown => seen.clone(),
            [] => BTreeSet::new(),
            named => named.iter().map(|region| Arc::from(region.as_str())).collect(),
        };
        for region in regions {
            observed.entry((Arc::clone(&account), region)).or_default();
        }
    }
}

/// Whether evidence of this place is part of what is expected. Of what is not named anything may be seen, and nothing
/// is missing.
fn is_expected(expected: &ExpectedCoverage, account: &str, region: &str) -> bool {
    let named = |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
    named(&expected.accounts, account) && named(&expected.regions, region)
}

fn event_class_coverage(
    tally: &Tally,
    expected: &ExpectedCoverage,
    accounts: &BTreeSet<Arc<str>>,
) -> Vec<EventClassCoverage> {
    let mut seen: BTreeMap<String, (u64, BTreeSet<Arc<str>>)> = BTreeMap::new();
    let mut counts: BTreeMap<(&EventClass, &Arc<str>), (u64, bool)> = BTreeMap::new();
    for line in tally.lines() {
        // Only a call whose record says whether it read shows that the trail logs calls of this kind.
        let shows = line.call_key.kind == EventKind::ApiCall && line.call_key.read_only.is_some();
        let (events, shown) = counts.entry((&line.call_key.class, &line.actor.account)).or_default();
        *events += line.count;
        *shown |= shows;
    }
    for ((class, account), (count, shown)) in counts {
        let (events, accounts) = seen.entry(event_class_name(class)).or_default();
        *events += count;
        if shown {
            accounts.insert(Arc::clone(account));
        }
    }
    let wanted: BTreeSet<&str> = if expected.event_classes.is_empty() {
        ["management-read", "management-write", "data"].into()
    } else {
        expected.event_classes.iter().map(String::as_str).collect()
    };
    for word in wanted.iter().copied().chain(expected.logged.iter().map(String::as_str)) {
        seen.entry(word.to_owned()).or_default();
    }
    let logged = |word: &str| includes_class(expected.logged.iter().map(String::as_str), word);
    let state = |word: &str, seen_in: &BTreeSet<Arc<str>>| {
        let exact = wanted.contains(word);
        if logged(word) {
            EventClassState::Configured
        } else if !exact && !includes_class(wanted.iter().copied(), word) {
            EventClassState::NotExpected
        } else if !accounts.is_empty() && accounts.is_subset(seen_in) {
            EventClassState::Seen
        } else if exact {
            EventClassState::Gap
        } else {
            EventClassState::Partial
        }
    };
    seen.into_iter()
        .map(|(class, (events, accounts))| EventClassCoverage {
            state: state(&class, &accounts),
            class,
            events,
            accounts,
        })
        .collect()
}

/// Whether one of the words is `word` or the family it belongs to (`data` for `data:AWS::S3::Object`).
fn includes_class<'a>(mut words: impl Iterator<Item = &'a str>, word: &str) -> bool {
    let family = word.split(':').next();
    words.any(|named| named == word || Some(named) == family)
}

/// A share in percent, rounded down to two decimals, so that 100 means all.
pub fn percent(part: u64, whole: u64) -> Option<f64> {
    let hundredths = (u128::from(part) * 10_000).checked_div(u128::from(whole))?;
    u32::try_from(hundredths).ok().map(|hundredths| f64::from(hundredths) / 100.0)
}
