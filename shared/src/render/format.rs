//! Formats numbers, times and enum values for readers.
//!
//! Enters: values of a report. Leaves: short text. Law: nothing is rounded, so a score or share that is
//! not whole never looks whole.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    controls::ControlState,
    coverage::{AccountRegionCoverage, EventClassState, IntegrityHours},
    event::Outcome,
    operation::OperationType,
    period::Period,
    report::PrincipalSummary,
    time::Time,
};

/// A number with a comma between each three digits: `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 call`, `2 calls`.
pub fn count_noun(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thousands_are_separated_by_commas() {
        let numbers = [0, 999, 1_000, 12_345, 1_234_567, u64::MAX];
        let texts = ["0", "999", "1,000", "12,345", "1,234,567", "18,446,744,073,709,551,615"];
        assert_eq!(numbers.map(thousands), texts);
    }

    #[test]
    fn nouns_agree_with_their_counts() {
        assert_eq!([0, 1, 2].map(|n| count_noun(n, "call")), ["0 calls", "1 call", "2 calls"]);
    }

    #[test]
    fn scores_are_not_rounded() {
        assert_eq!([Some(99.99), Some(100.0), None].map(percent), ["99.99 %", "100 %", "–"]);
    }

    #[test]
    fn enums_use_their_json_name() {
        assert_eq!(serialized_name(&OperationType::ReadOnly), "read_only");
        assert_eq!(serialized_name(&1), "");
    }

    proptest! {
        #[test]
        fn thousands_add_only_separators(number: u64) {
            prop_assert_eq!(thousands(number).replace(',', ""), number.to_string());
        }
    }
}
