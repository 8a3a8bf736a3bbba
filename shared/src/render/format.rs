//! Formats times, counts of reports and enum values for readers.
//!
//! Enters: values of a report. Leaves: short text. Law: nothing is rounded, so a score or share that is
//! not whole never looks whole.

use std::collections::BTreeMap;

use serde::Serialize;

pub use crate::number_text::{count_noun, thousands};
use crate::{
    controls::ControlState,
    coverage::{AccountRegionCoverage, EventClassState, IntegrityHours},
    event::Outcome,
    operation::OperationType,
    period::Period,
    report::{PrincipalSummary, ReportResult},
    time::Time,
};

/// Number of log files that digest files list and the evidence does not show.
pub fn missing_log_files(result: &ReportResult) -> u64 {
    result.findings.iter().filter(|finding| finding.id == "missing-logs").map(|finding| finding.count).sum()
}

/// `not expected, 1 h seen`, of an account and region that is not expected.
pub fn unexpected_hours(place: &AccountRegionCoverage) -> String {
    format!("not expected, {} h seen", thousands(place.observed_hours.into()))
}

/// `12 hours verified, 1 unverified, 0 missing, 2 tampered with`: what was proven of the log files of expected hours.
pub fn integrity_hours(hours: IntegrityHours) -> String {
    let IntegrityHours { verified, unverified, missing, tampered } = hours;
    format!(
        "{} verified, {} unverified, {} missing, {} tampered with",
        count_noun(verified, "hour"),
        thousands(unverified),
        thousands(missing),
        thousands(tampered)
    )
}

/// A score in percent as in the report, or a dash without one.
pub fn percent(score: Option<f64>) -> String {
    score.map_or_else(|| "–".to_owned(), |score| format!("{score} %"))
}

/// `2026-03-01 07:00` in UTC.
pub fn minute(time: Time) -> String {
    time.timestamp().strftime("%Y-%m-%d %H:%M").to_string()
}

/// `2026-03-01 07:00 to 2026-03-02 07:00 UTC`.
pub fn format_period(period: Period) -> String {
    format!("{} to {} UTC", minute(period.from.start()), minute(period.until.start()))
}

/// The JSON string of an enum value; empty for a value that is not a string in JSON.
pub fn serialized_name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// State of an event class, in words.
pub const fn class_state(state: EventClassState) -> &'static str {
    match state {
        EventClassState::Gap => "GAP: expected, not known to be logged",
        EventClassState::Partial => "not known to be logged everywhere",
        EventClassState::Seen => "logged: seen in every account",
        EventClassState::Configured => "logged: the configuration says so",
        EventClassState::Selected => "logged: the trail's selectors say so",
        EventClassState::NotExpected => "not part of the promise",
    }
}

/// State of a control, in words.
pub const fn control_state(state: ControlState) -> &'static str {
    match state {
        ControlState::Pass => "pass",
        ControlState::NoEvidence => "no evidence",
        ControlState::Fail => "FAIL",
    }
}

/// The first characters of a hash, to recognize it.
pub fn short_hash(hash: &str) -> String {
    hash.chars().take(12).collect()
}

impl PrincipalSummary {
    /// Calls of one operation type with one outcome.
    pub fn count(&self, operation_type: OperationType, outcome: Outcome) -> u64 {
        self.counts.get(&operation_type).and_then(|outcomes| outcomes.get(&outcome)).copied().unwrap_or(0)
    }

    /// Number of the principal's calls that are read-only, with any outcome.
    pub fn read_only(&self) -> u64 {
        self.counts.get(&OperationType::ReadOnly).into_iter().flat_map(BTreeMap::values).sum()
    }

    /// Number of the principal's calls that AWS denied.
    pub fn denied(&self) -> u64 {
        self.counts.values().filter_map(|outcomes| outcomes.get(&Outcome::Denied)).sum()
    }

    /// Mutating calls that succeeded, including those made through roles.
    pub fn writes(&self) -> u64 {
        self.count(OperationType::Mutating, Outcome::Succeeded).saturating_add(self.writes_through_roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_not_rounded() {
        assert_eq!([Some(99.99), Some(100.0), None].map(percent), ["99.99 %", "100 %", "–"]);
    }

    #[test]
    fn enums_use_their_json_name() {
        assert_eq!(serialized_name(&OperationType::ReadOnly), "read_only");
        assert_eq!(serialized_name(&1), "");
    }
}
