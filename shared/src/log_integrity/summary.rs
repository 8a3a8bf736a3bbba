//! What a report needs of a verification.
//!
//! Enters: a [`TrailIntegrity`], or several of different windows or times. Leaves: [`IntegritySummary`]: the status of each
//! account, region and hour, and the problems by name. Laws: merging is associative, commutative and idempotent; a tampered hour stays
//! tampered; an hour of evidence is only as good as the worse of the two hours in which CloudTrail delivered it.
//!
//! Of several verifications of an hour tampering in any counts, because the evidence may have been read while the file was not as
//! delivered. Otherwise the best counts: a digest file or log file may arrive later, or be given later with its key, and
//! what was proven once of the content of a log file stays proven.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    object_name::{TrailFileName, from_aws_logs},
    problem::{IntegrityStatus, ProblemKind},
    result::TrailIntegrity,
};
use crate::{
    period::Period,
    time::{Hour, Time},
};

/// Maximum number of problems of one verification, and of one report.
pub const MAX_PROBLEMS: usize = 100;

/// What was verified of the log files of a trail, by account, region and hour of delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IntegritySummary {
    /// When it was verified; of several verifications the last time. Absent in the result of a report, of which `run` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<Time>,
    /// The windows that were verified, in order; windows that touch are one.
    pub windows: Vec<VerifiedWindow>,
    /// The hours of each account and region, by account, then region.
    pub places: Vec<PlaceIntegrity>,
    /// Accounts that were named and have no digest file.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub absent_accounts: BTreeSet<String>,
    /// Problems of the hours, the most severe first; at most [`MAX_PROBLEMS`] of each verification.
    pub problems: Vec<HourProblem>,
    /// Whether there are more problems.
    #[serde(default)]
    pub has_more_problems: bool,
}

/// A window that was verified. The digest files that overlap it were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct VerifiedWindow {
    /// First second.
    pub since: Time,
    /// First second after the window.
    pub until: Time,
}

/// The hours of an account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PlaceIntegrity {
    /// Account.
    pub account: String,
    /// Region.
    pub region: String,
    /// The hours of delivery that were verified, in order, neighbors of one status together.
    pub hours: Vec<IntegritySpan>,
}

/// Hours of one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct IntegritySpan {
    /// First hour.
    pub from: Hour,
    /// First hour after the span.
    pub until: Hour,
    /// What was proven of the log files that CloudTrail delivered in these hours.
    pub status: IntegrityStatus,
}

/// A problem of a digest file, or of a log file that it lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct HourProblem {
    /// Account of the digest file.
    pub account: String,
    /// Region of the digest file.
    pub region: String,
    /// First second of the window of the digest file.
    pub since: Time,
    /// First second after it.
    pub until: Time,
    /// What is wrong.
    pub kind: ProblemKind,
    /// The file, from `AWSLogs/` on if its name has such a folder, and otherwise the last part of its name; empty if it is
    /// missing and its name is not known.
    pub file: String,
}

/// Statuses by account, region and hour.
type Hours = BTreeMap<(String, String), BTreeMap<Hour, IntegrityStatus>>;

impl IntegritySummary {
    /// The summary of a verification.
    pub fn of(trail: &TrailIntegrity) -> Self {
        let mut hours = Hours::new();
        for one in &trail.hours {
            let place = hours.entry((one.account.clone(), one.region.clone())).or_default();
            place.insert(one.hour, one.status);
        }
        let absent = trail.chains.iter().filter(|chain| chain.region.is_empty());
        let window = trail.window.since.map(|since| VerifiedWindow { since, until: trail.window.until });
        let mut problems = Vec::new();
        for chain in &trail.chains {
            for digest in &chain.digests {
                problems.extend(digest.problems.iter().map(|problem| HourProblem {
                    account: chain.account.clone(),
                    region: chain.region.clone(),
                    since: digest.from,
                    until: digest.until,
                    kind: problem.kind,
                    file: portable_name(&problem.file),
                }));
            }
        }
        for name in &trail.unlisted.files {
            let Some(TrailFileName::Log(log)) = TrailFileName::parse(name) else { continue };
            let hour = log.delivered.hour();
            problems.push(HourProblem {
                account: log.account.to_string(),
                region: log.region.to_string(),
                since: hour.start(),
                until: hour.end(),
                kind: ProblemKind::LogFileUnlisted,
                file: portable_name(name),
            });
        }
        let mut summary = Self {
            checked_at: Some(trail.checked_at),
            windows: window.into_iter().collect(),
            places: places_of(hours),
            absent_accounts: absent.map(|chain| chain.account.clone()).collect(),
            problems,
            has_more_problems: trail.unlisted.count > trail.unlisted.files.len() as u64,
        };
        summary.bound_problems();
        summary
    }

    /// Whether nothing was verified.
    pub const fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.places.is_empty()
    }

    /// What two verifications say together.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self::merge_all([self, other])
    }

    /// What several verifications say together.
    pub fn merge_all(summaries: impl IntoIterator<Item = Self>) -> Self {
        let (mut whole, mut hours) = (Self::default(), Hours::new());
        for summary in summaries {
            add_hours(&mut hours, &summary.places);
            whole.checked_at = whole.checked_at.max(summary.checked_at);
            whole.windows.extend(summary.windows);
            whole.absent_accounts.extend(summary.absent_accounts);
            whole.problems.extend(summary.problems);
            whole.has_more_problems |= summary.has_more_problems;
        }
        whole.absent_accounts.retain(|account| !hours.keys().any(|(known, _)| known == account));
        sort_problems(&mut whole.problems);
        whole.windows = union(whole.windows);
        whole.places = places_of(hours);
        whole
    }

    /// The part about deliveries from an hour on.
    #[must_use]
    pub fn after(&self, from: Hour) -> Self {
        let mut hours = self.hours();
        for place in hours.values_mut() {
            place.retain(|hour, _| *hour >= from);
        }
        hours.retain(|_, place| !place.is_empty());
        let mut after = Self { places: places_of(hours), ..self.clone() };
        after.problems.retain(|problem| problem.until > from.start());
        after.windows.retain_mut(|window| {
            window.since = window.since.max(from.start());
            window.since < window.until
        });
        after
    }

    /// The part that concerns the evidence of a period: deliveries in its hours and in the hour after it. Problems of hours that a
    /// later verification found better, or worse, are left out.
    #[must_use]
    pub fn within(&self, period: Period) -> Self {
        let until = Hour(period.until.0.saturating_add(1));
        let mut hours = self.hours();
        for place in hours.values_mut() {
            place.retain(|hour, _| (period.from..until).contains(hour));
        }
        hours.retain(|_, place| !place.is_empty());
        let is_inside =
            |problem: &&HourProblem| problem.until > period.from.start() && problem.since < until.start();
        let stands =
            |problem: &&HourProblem| match hours.get(&(problem.account.clone(), problem.region.clone())) {
                None => true,
                Some(place) => problem
                    .hours()
                    .any(|hour| place.get(&hour).is_none_or(|status| *status == problem.kind.status())),
            };
        let problems: Vec<HourProblem> =
            self.problems.iter().filter(is_inside).filter(stands).cloned().collect();
        let clip = |window: &VerifiedWindow| VerifiedWindow {
            since: window.since.max(period.from.start()),
            until: window.until.min(until.start()),
        };
        let mut summary = Self {
            checked_at: self.checked_at,
            windows: self.windows.iter().map(clip).filter(|window| window.since < window.until).collect(),
            places: places_of(hours),
            absent_accounts: self.absent_accounts.clone(),
            problems,
            has_more_problems: self.has_more_problems,
        };
        summary.bound_problems();
        summary
    }

    /// What was proven of the evidence of each hour of a period in an account and region. CloudTrail may deliver an event in the hour
    /// after it, so the log files of both hours count. An hour that was not verified is `unverified`.
    pub fn evidence_hours(&self, account: &str, region: &str, period: Period) -> Vec<IntegrityStatus> {
        let least = match self.absent_accounts.contains(account) {
            true => IntegrityStatus::Missing,
            false => IntegrityStatus::Unverified,
        };
        let count = usize::try_from(period.hours()).unwrap_or(usize::MAX).saturating_add(1);
        let mut delivered = vec![least; count];
        let place = self.places.iter().find(|place| (&*place.account, &*place.region) == (account, region));
        for span in place.into_iter().flat_map(|place| &place.hours) {
            let index = |hour: Hour| hour.0.saturating_sub(period.from.0) as usize;
            let (from, until) = (index(span.from).min(count), index(span.until).min(count));
            delivered.get_mut(from..until).unwrap_or_default().fill(span.status);
        }
        delivered.windows(2).filter_map(|pair| pair.iter().max().copied()).collect()
    }

    fn hours(&self) -> Hours {
        let mut hours = Hours::new();
        add_hours(&mut hours, &self.places);
        hours
    }

    fn bound_problems(&mut self) {
        sort_problems(&mut self.problems);
        self.has_more_problems |= self.problems.len() > MAX_PROBLEMS;
        self.problems.truncate(MAX_PROBLEMS);
    }
}

impl HourProblem {
    /// The hours that the window of the digest file overlaps.
    fn hours(&self) -> impl Iterator<Item = Hour> + use<> {
        (self.since.hour().0..=Time(self.until.0.saturating_sub(1)).hour().0).map(Hour)
    }
}

/// Adds the hours of places to those that are known.
fn add_hours(hours: &mut Hours, places: &[PlaceIntegrity]) {
    for place in places {
        let known = hours.entry((place.account.clone(), place.region.clone())).or_default();
        for span in &place.hours {
            for hour in span.from.0..span.until.0 {
                known
                    .entry(Hour(hour))
                    .and_modify(|known| *known = merge_status(*known, span.status))
                    .or_insert(span.status);
            }
        }
    }
}

/// The status of an hour that was verified twice.
fn merge_status(one: IntegrityStatus, other: IntegrityStatus) -> IntegrityStatus {
    match one.max(other) {
        IntegrityStatus::Tampered => IntegrityStatus::Tampered,
        _ => one.min(other),
    }
}

/// Sorts problems: the most severe first, then by place, time and name. Equal ones are one.
fn sort_problems(problems: &mut Vec<HourProblem>) {
    problems.sort_unstable_by(|a, b| (b.kind.status(), a).cmp(&(a.kind.status(), b)));
    problems.dedup();
}

fn places_of(hours: Hours) -> Vec<PlaceIntegrity> {
    let spans = |hours: BTreeMap<Hour, IntegrityStatus>| {
        let mut spans: Vec<IntegritySpan> = Vec::new();
        for (hour, status) in hours {
            let until = Hour(hour.0.saturating_add(1));
            match spans.last_mut() {
                Some(last) if last.until == hour && last.status == status => last.until = until,
                _ => spans.push(IntegritySpan { from: hour, until, status }),
            }
        }
        spans
    };
    hours
        .into_iter()
        .map(|((account, region), hours)| PlaceIntegrity { account, region, hours: spans(hours) })
        .collect()
}

fn union(mut windows: Vec<VerifiedWindow>) -> Vec<VerifiedWindow> {
    windows.sort_unstable();
    let mut all: Vec<VerifiedWindow> = Vec::new();
    for window in windows {
        match all.last_mut() {
            Some(last) if window.since <= last.until => last.until = last.until.max(window.until),
            _ => all.push(window),
        }
    }
    all
}

/// The name of a file that is the same in every copy of a bucket.
fn portable_name(name: &str) -> String {
    from_aws_logs(name).unwrap_or_else(|| name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned())
}
