//! Which event classes count as logged.
//!
//! Enters: the tally, the expected coverage with the selectors of trails, and the expected accounts and regions.
//! Leaves: a row for each event class. Laws: a class of data events is logged only if its reads and its writes are, each
//! by itself; where the selectors of a trail are known, only they count, so a class that
//! they log in part is a gap however many of its events were seen; elsewhere a class counts as logged when the
//! configuration says so, or when every account has an API call of it with a `readOnly` flag, soon after each change of
//! its selectors; in the region itself, if the account is known to have a trail of one region. After such a change selectors and configuration alone do not count for the account.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::logging_change::{is_concerned, selector_changes};
use crate::{
    config::ExpectedCoverage,
    event::{CallKey, EventClass, EventKind},
    evidence_summary::EvidenceSummary,
    tally::TimeBucket,
};

/// Whether an event class counts as logged, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventClassState {
    /// Expected, but not known to be logged in every expected account and region: a gap.
    Gap,
    /// An expected class of data or network events that is not known to be logged in every expected account and region.
    Partial,
    /// The evidence of every expected account has events of the class.
    Seen,
    /// The configuration says that the trail logs it.
    Configured,
    /// The selectors of trails log all of it in every expected account and region.
    Selected,
    /// The configuration does not expect the class.
    NotExpected,
}

impl EventClassState {
    /// Whether the class counts as logged.
    pub const fn is_logged(self) -> bool {
        matches!(self, Self::Seen | Self::Configured | Self::Selected)
    }
}

/// Coverage of one event class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventClassCoverage {
    /// `management-read`, `management-write`, `data`, `data-read:TYPE`, `data-write:TYPE`, `network` or
    /// `network:SOURCE`.
    pub class: String,
    /// Whether the event class counts as logged.
    pub state: EventClassState,
    /// Number of events of the class in the evidence.
    pub events: u64,
    /// Accounts with evidence of such an event.
    pub accounts: BTreeSet<Arc<str>>,
    /// Expected accounts in which an expected class is not known to be logged; empty unless the state is `gap`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub gap_accounts: BTreeSet<Arc<str>>,
}

impl EventClassCoverage {
    /// Whether the class is a gap of this account. The account that records a network event is that of the VPC endpoint,
    /// so a gap of such a class is one of every account.
    pub fn is_gap_of(&self, account: &str) -> bool {
        let is_everywhere = self.gap_accounts.is_empty() || self.class.starts_with("network");
        self.state == EventClassState::Gap && (is_everywhere || self.gap_accounts.contains(account))
    }
}

/// The name of the event class of a call. A data event without a `readOnly` flag counts as a write.
pub fn event_class_name(call_key: &CallKey) -> String {
    match &call_key.class {
        EventClass::ManagementRead => "management-read".to_owned(),
        EventClass::ManagementWrite => "management-write".to_owned(),
        EventClass::Data(resource) if call_key.read_only == Some(true) => format!("data-read:{resource}"),
        EventClass::Data(resource) => format!("data-write:{resource}"),
        EventClass::Network(source) => format!("network:{source}"),
    }
}

/// A name of an event class or of a family of classes: `data` is the family of `data-read:TYPE`.
#[derive(Clone, Copy)]
struct ClassName<'a> {
    family: &'a str,
    of: Option<&'a str>,
}

impl<'a> ClassName<'a> {
    fn parse(text: &'a str) -> Self {
        match text.split_once(':') {
            Some((family, of)) => Self { family, of: Some(of) },
            None => Self { family: text, of: None },
        }
    }

    /// Whether everything in `other` is in this class or family.
    fn covers(self, other: Self) -> bool {
        let in_family =
            self.family == other.family || (self.family == "data" && other.family.starts_with("data-"));
        in_family && (self.of.is_none() || self.of == other.of)
    }
}

/// Whether one of the names, or the two names for its reads and its writes, covers the class.
pub(super) fn names_cover<'a>(names: impl Iterator<Item = &'a str> + Clone, class: &str) -> bool {
    let covered = |class: ClassName<'_>| names.clone().any(|name| ClassName::parse(name).covers(class));
    let class = ClassName::parse(class);
    covered(class)
        || (class.family == "data"
            && ["data-read", "data-write"].iter().all(|family| covered(ClassName { family, ..class })))
}

/// Whether the class is the other one, or the family that it belongs to.
pub fn is_in_class(of: &str, class: &str) -> bool {
    ClassName::parse(class).covers(ClassName::parse(of))
}

/// The rows that an expected class has: one for the reads and one for the writes of a resource type.
fn rows_of(class: &str) -> Vec<String> {
    match class.strip_prefix("data:") {
        Some(resource) => vec![format!("data-read:{resource}"), format!("data-write:{resource}")],
        None => vec![class.to_owned()],
    }
}

/// The event classes of the evidence, of the promise and of the configuration; `places` are the expected accounts and
/// regions.
pub(super) fn event_class_coverage(
    evidence: &EvidenceSummary,
    expected: &ExpectedCoverage,
    places: &[(Arc<str>, Arc<str>)],
) -> Vec<EventClassCoverage> {
    let EvidenceSummary { tally, period, .. } = evidence;
    let mut rows: BTreeMap<String, (u64, BTreeSet<Arc<str>>)> = BTreeMap::new();
    // Each call key is one value in the tally, and many lines have it.
    let mut names: hashbrown::HashMap<*const CallKey, Arc<str>> = hashbrown::HashMap::new();
    let changes = selector_changes(evidence);
    let concern = |account: &str| {
        let of_account: Vec<TimeBucket> = changes
            .iter()
            .filter(|(changed, _)| is_concerned(account, changed, expected))
            .flat_map(|(_, buckets)| buckets)
            .copied()
            .collect();
        of_account
    };
    let has_trail_of_one_region =
        |account: &str| expected.trails.iter().any(|trail| trail.is_of_one_region(account));
    // Regions with an event of a class in accounts that have trails of one region.
    let mut seen_places: BTreeSet<(Arc<str>, &Arc<str>, &Arc<str>)> = BTreeSet::new();
    // Quarter hours with an event of a class in an account with changes of its selectors.
    let mut seen: BTreeMap<(Arc<str>, &Arc<str>), BTreeSet<TimeBucket>> = BTreeMap::new();
    for line in tally.lines() {
        let class = names
            .entry(std::ptr::from_ref(line.call_key))
            .or_insert_with(|| event_class_name(line.call_key).into())
            .clone();
        // Only an API call with a `readOnly` flag shows that the trail logs this class.
        let shows = line.call_key.kind == EventKind::ApiCall && line.call_key.read_only.is_some();
        if shows && !changes.is_empty() {
            let buckets = seen.entry((class.clone(), &line.actor.account)).or_default();
            buckets.extend(line.buckets.iter().map(|(bucket, _)| *bucket));
        }
        if shows && has_trail_of_one_region(&line.actor.account) {
            seen_places.insert((class.clone(), &line.actor.account, &line.actor.region));
        }
        if !rows.contains_key(&*class) {
            rows.insert(class.to_string(), (0, BTreeSet::new()));
        }
        let Some((events, accounts)) = rows.get_mut(&*class) else { continue };
        *events += line.count;
        if shows && !accounts.contains(&line.actor.account) {
            accounts.insert(Arc::clone(&line.actor.account));
        }
    }
    // After each change of selectors, an event of the class in the same hour, or in the first hour of the period, shows
    // that the class is still logged.
    for ((class, account), buckets) in seen {
        let is_shown_after = |change: &TimeBucket| {
            let hour = period.map_or(change.hour(), |period| period.from.max(change.hour()));
            buckets.range(*change..).any(|bucket| bucket > change && bucket.hour() <= hour)
        };
        if !concern(account).iter().all(is_shown_after)
            && let Some((_, accounts)) = rows.get_mut(&*class)
        {
            accounts.remove(account);
        }
    }
    let wanted: BTreeSet<String> = match &*expected.event_classes {
        [] => ["management-read", "management-write", "data"].map(str::to_owned).into(),
        named => named.iter().flat_map(|class| rows_of(class)).collect(),
    };
    for class in wanted.iter().cloned().chain(expected.logged.iter().flat_map(|class| rows_of(class))) {
        rows.entry(class).or_default();
    }
    let state = |class: &str, seen_in: &BTreeSet<Arc<str>>| {
        let claimed = names_cover(expected.logged.iter().map(String::as_str), class);
        let is_wanted = names_cover(wanted.iter().map(String::as_str), class);
        let unknown = if wanted.contains(class) { EventClassState::Gap } else { EventClassState::Partial };
        if places.is_empty() || (!is_wanted && claimed) {
            let state = match (claimed, is_wanted) {
                (true, _) => EventClassState::Configured,
                (false, true) => unknown,
                (false, false) => EventClassState::NotExpected,
            };
            return (state, BTreeSet::new());
        }
        if !is_wanted {
            return (EventClassState::NotExpected, BTreeSet::new());
        }
        let in_place = |(account, region): &(Arc<str>, Arc<str>)| {
            let is_of_global_services =
                class.starts_with("management") && **region == *super::global_region(region);
            let logged = expected.trails.iter().any(|trail| {
                trail.covers(account, region)
                    && !(trail.excludes_global_services && is_of_global_services)
                    && names_cover(trail.logged.iter().map(String::as_str), class)
            });
            // Selectors and claims do not say what was logged before a change that the evidence shows.
            let changed = !concern(account).is_empty();
            if logged && !changed {
                EventClassState::Selected
            } else if !logged && expected.trails.iter().any(|trail| trail.may_cover(account, region)) {
                unknown
            } else if claimed && !changed {
                EventClassState::Configured
            } else if seen_in.contains(account)
                && (!has_trail_of_one_region(account)
                    || seen_places.contains(&(class.into(), account, region)))
            {
                EventClassState::Seen
            } else {
                unknown
            }
        };
        let is_gap = |place: &&(Arc<str>, Arc<str>)| in_place(place) == EventClassState::Gap;
        let gap_accounts = places.iter().filter(is_gap).map(|(account, _)| Arc::clone(account)).collect();
        // The states are in order from the weakest.
        (places.iter().map(in_place).min().unwrap_or(unknown), gap_accounts)
    };
    rows.into_iter()
        .map(|(class, (events, accounts))| {
            let (state, gap_accounts) = state(&class, &accounts);
            EventClassCoverage { state, class, events, accounts, gap_accounts }
        })
        .collect()
}
