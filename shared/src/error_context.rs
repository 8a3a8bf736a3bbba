//! An error of a call, with what a person needs to act on it.
//!
//! Enters: a failed call. Leaves: [`ErrorContext`]. Laws: the message has no hidden characters and a bounded length; the same
//! error has the same kind, severity and advice everywhere.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{aws_error::AwsErrorKind, escape::escape_remaining, severity::Severity, time::Time};

/// Longest message, in bytes.
const MAX_MESSAGE_BYTES: usize = 2_048;

/// A failed call.
#[derive(Clone, Copy, Debug)]
pub struct FailedCallFacts<'a> {
    /// Service, such as `s3`.
    pub service: &'a str,
    /// Operation, such as `GetObject`.
    pub operation: &'a str,
    /// ARN or name of what the call was about; empty if it is not known.
    pub resource: &'a str,
    /// Kind of the error.
    pub kind: AwsErrorKind,
    /// What AWS, the SDK or the job said.
    pub message: &'a str,
}

/// An error, its severity, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorContext {
    /// When the error was recorded.
    pub timestamp: Time,
    /// Kind of the error.
    pub kind: AwsErrorKind,
    /// How soon it needs attention.
    pub severity: Severity,
    /// Service of the call, such as `s3`.
    pub service: String,
    /// Operation of the call, such as `GetObject`.
    pub operation: String,
    /// What the call was about; empty if it is not known.
    pub resource: String,
    /// The message, with hidden characters escaped.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// What the error means for the user.
    pub user_impact: String,
    /// What to do.
    pub recovery_action: String,
    /// The id that log lines, metrics and audit entries of the same run have.
    pub correlation_id: String,
}

impl ErrorContext {
    /// The context of a failed call in the run with this id.
    pub fn of(call: &FailedCallFacts<'_>, correlation_id: &str, now: Time) -> Self {
        let text = |text: &str| escape_remaining(text).into_owned();
        let message = text(call.message);
        let message = message.get(..message.floor_char_boundary(MAX_MESSAGE_BYTES)).unwrap_or_default();
        Self {
            timestamp: now,
            kind: call.kind,
            severity: call.kind.severity(),
            service: text(call.service),
            operation: text(call.operation),
            resource: text(call.resource),
            message: message.to_owned(),
            retryable: call.kind.is_retryable(),
            user_impact: call.kind.user_impact().to_owned(),
            recovery_action: call.kind.recovery_action().to_owned(),
            correlation_id: text(correlation_id),
        }
    }
}

/// How many errors of each kind there were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCounts(pub BTreeMap<AwsErrorKind, u64>);

impl ErrorCounts {
    /// Counts one more error.
    pub fn add(&mut self, kind: AwsErrorKind) {
        self.merge(&Self(BTreeMap::from([(kind, 1)])));
    }

    /// Counts the errors of another count too.
    pub fn merge(&mut self, other: &Self) {
        for (kind, count) in &other.0 {
            let known = self.0.entry(*kind).or_default();
            *known = known.saturating_add(*count);
        }
    }

    /// All errors.
    pub fn total(&self) -> u64 {
        self.0.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The errors of a severity.
    pub fn of_severity(&self, severity: Severity) -> u64 {
        let of_severity = self.0.iter().filter(|(kind, _)| kind.severity() == severity);
        of_severity.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The highest severity; `None` without errors.
    pub fn highest_severity(&self) -> Option<Severity> {
        self.0.keys().map(|kind| kind.severity()).max()
    }

    /// The kinds that occurred most often, with their counts: at most `most`, the most frequent first.
    pub fn commonest(&self, most: usize) -> Vec<(AwsErrorKind, u64)> {
        let mut all: Vec<_> = self.0.iter().map(|(kind, count)| (*kind, *count)).collect();
        all.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
        all.truncate(most);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_says_what_happened_and_what_to_do() {
        let call = FailedCallFacts {
            service: "s3",
            operation: "PutObject",
            resource: "arn:aws:s3:::reports/\u{202e}x",
            kind: AwsErrorKind::AccessDenied,
            message: &format!("denied\n{}", "é".repeat(2_000)),
        };
        let context = ErrorContext::of(&call, "run-7", Time(1_800_000_000));
        assert_eq!(context.severity, Severity::High);
        assert_eq!(context.resource, "arn:aws:s3:::reports/\\u{202e}x");
        assert!(context.message.starts_with("denied\\u{a}é") && context.message.len() <= MAX_MESSAGE_BYTES);
        assert_eq!((context.correlation_id.as_str(), context.retryable), ("run-7", false));
        assert!(context.recovery_action.contains("Grant"));
    }

    #[test]
    fn the_commonest_kinds_come_first() {
        use AwsErrorKind as Kind;
        let mut counts = ErrorCounts::default();
        for kind in [Kind::Throttled, Kind::NotFound, Kind::Throttled, Kind::TimedOut, Kind::AccessDenied] {
            counts.add(kind);
        }
        counts.merge(&counts.clone());
        assert_eq!(counts.total(), 10);
        assert_eq!(counts.commonest(3), [(Kind::Throttled, 4), (Kind::AccessDenied, 2), (Kind::TimedOut, 2)]);
        assert_eq!(counts.highest_severity(), Some(Severity::High));
        assert_eq!(counts.of_severity(Severity::Medium), 6);
        assert_eq!(
            serde_json::to_string(&counts).unwrap(),
            r#"{"access_denied":2,"timed_out":2,"throttled":4,"not_found":2}"#
        );
    }
}
