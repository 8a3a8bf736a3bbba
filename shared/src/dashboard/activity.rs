//! The calls of the last hours of a report.
//!
//! Enters: a report. Leaves: an [`ActivityWindow`]. Laws: it ends with the period of the report, and has no hour before it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    coverage::percent,
    report::{HourlyActivity, ReportResult},
    time::{Hour, Time},
};

/// The calls of some hours.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ActivityWindow {
    /// First second of the hours.
    pub since: Time,
    /// First second after them: the end of the period of the report.
    pub until: Time,
    /// API calls.
    pub operations: u64,
    /// Read-only calls that were not denied.
    pub reads: u64,
    /// Mutating calls that were not denied.
    pub writes: u64,
    /// Privileged and unknown calls that were not denied.
    pub other: u64,
    /// Calls that AWS denied.
    pub denied: u64,
    /// Calls of watched principals.
    pub watched: u64,
    /// Share of the calls that AWS denied, in percent; absent when there were none.
    pub denied_rate: Option<f64>,
    /// Calls in a second, on average.
    pub operations_per_second: f64,
}

impl ActivityWindow {
    /// The last hours of the period, as far as it has them.
    pub(super) fn last(result: &ReportResult, hours: u32) -> Option<Self> {
        let period = result.period()?;
        let from = Hour(period.until.0.saturating_sub(hours)).max(period.from);
        let in_window = |one: &&HourlyActivity| (from..period.until).contains(&one.hour);
        let sum = |count: fn(&HourlyActivity) -> u64| {
            result.activity.iter().filter(in_window).fold(0_u64, |sum, one| sum.saturating_add(count(one)))
        };
        let (reads, writes, other) = (sum(|one| one.reads), sum(|one| one.writes), sum(|one| one.other));
        let denied = sum(|one| one.denied);
        let operations = [reads, writes, other, denied].into_iter().fold(0, u64::saturating_add);
        let (since, until) = (from.start(), period.until.start());
        let seconds = f64::from(until.since(since));
        Some(Self {
            since,
            until,
            operations,
            reads,
            writes,
            other,
            denied,
            watched: sum(|one| one.watched),
            denied_rate: percent(denied, operations),
            operations_per_second: if seconds > 0.0 { operations as f64 / seconds } else { 0.0 },
        })
    }
}
