//! The calls of AWS that a run made.
//!
//! Enters: each call as it ends. Leaves: a log line for each error and each slow call; metrics and the errors by kind at the end of the
//! run. Law: what belongs to ordinary work, such as an object that does not exist yet, does not count as an error of the run.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use onlooker_core::{
    error_context::{ErrorContext, ErrorCounts, FailedCallFacts},
    render::emf::Metrics,
    severity::Severity,
    time::Time,
};
use onlooker_guard::{CallLog, Decision, DecisionLog, FinishedCall, LogError};

/// Seconds in which a process stores errors once, so that a failing function with many runs does not fill the table.
const STORED_EVERY_SECONDS: u32 = 30;

/// Counts the calls of the current run, and the errors of runs before that are not stored yet.
#[derive(Debug, Default)]
pub(super) struct RunCalls {
    current: Mutex<CallCounts>,
    unstored: Mutex<UnstoredErrors>,
}

#[derive(Debug, Default)]
struct UnstoredErrors {
    errors: ErrorCounts,
    stored_at: Option<Time>,
}

#[derive(Debug, Default)]
struct CallCounts {
    run_id: String,
    slow_after: Duration,
    calls: u64,
    slow: u64,
    slowest: Duration,
    errors: ErrorCounts,
    /// The errors that were not handed out yet.
    unmerged: ErrorCounts,
}

impl RunCalls {
    /// Begins a run: earlier calls are not part of it.
    pub(super) fn begin(&self, run_id: &str, slow_after: Duration) {
        let mut counts = self.counts();
        let unmerged = std::mem::take(&mut counts.unmerged);
        *counts = CallCounts { run_id: run_id.to_owned(), slow_after, unmerged, ..CallCounts::default() };
    }

    /// The errors to store at the end of a run: none if the process stored some shortly before, or had none since.
    pub(super) fn take_errors_to_store(&self, now: Time) -> Option<ErrorCounts> {
        let mut unstored = self.unstored.lock().unwrap_or_else(PoisonError::into_inner);
        unstored.errors.merge(&std::mem::take(&mut self.counts().unmerged));
        let is_due = unstored.stored_at.is_none_or(|at| at > now || now.since(at) >= STORED_EVERY_SECONDS);
        if !is_due || unstored.errors.total() == 0 {
            return None;
        }
        unstored.stored_at = Some(now);
        Some(std::mem::take(&mut unstored.errors))
    }

    /// Adds the metrics of the run.
    pub(super) fn add_metrics(&self, metrics: Metrics) -> Metrics {
        let counts = self.counts();
        metrics
            .count("aws_errors", counts.errors.total())
            .field("aws_errors_critical", counts.errors.of_severity(Severity::Critical) as f64)
            .field("aws_calls", counts.calls as f64)
            .field("aws_slow_calls", counts.slow as f64)
            .field("aws_slowest_call", counts.slowest.as_secs_f64())
    }

    fn counts(&self) -> MutexGuard<'_, CallCounts> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallLog for RunCalls {
    fn record(&self, call: &FinishedCall<'_>) {
        let mut counts = self.counts();
        counts.calls += 1;
        counts.slowest = counts.slowest.max(call.duration);
        let (service, operation, seconds) = (call.service, call.operation, call.duration.as_secs_f64());
        if !counts.slow_after.is_zero() && call.duration >= counts.slow_after {
            counts.slow += 1;
            tracing::warn!(service_name = service, operation, seconds, "a call was slow");
        }
        let Some((kind, message)) = call.error else { return };
        if kind.severity() >= Severity::Medium {
            counts.errors.add(kind);
            counts.unmerged.add(kind);
        }
        let facts = FailedCallFacts { service, operation, resource: "", kind, message };
        // The log line has its own time.
        let context = ErrorContext::of(&facts, &counts.run_id, Time(0));
        drop(counts);
        log_error(&context, seconds);
    }
}

fn log_error(error: &ErrorContext, seconds: f64) {
    let (kind, severity) = (error.kind.as_str(), error.severity.as_str());
    let ErrorContext { service, operation, message, user_impact, recovery_action, correlation_id, .. } =
        error;
    let retryable = error.retryable;
    // `service` is the name of the deployment in each line.
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                log_type = "error", error_kind = kind, severity, service_name = %service, operation = %operation, seconds,
                exception = %message, retryable, user_impact = %user_impact, recovery_action = %recovery_action,
                correlation_id = %correlation_id, "a call of AWS failed"
            )
        };
    }
    match error.severity {
        Severity::Critical | Severity::High => line!(error),
        Severity::Medium => line!(warn),
        Severity::Low | Severity::Info => line!(debug),
    }
}

/// Logs what the guard of the functions' own clients decided. The entries of the audit trail are about the work, not about the
/// requests with which they are stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecisionLines;

impl DecisionLog for DecisionLines {
    fn record(&self, decision: &Decision) -> Result<(), LogError> {
        let verdict = &decision.verdict;
        let operation = format!("{}:{}", verdict.service, verdict.operation);
        let (reason, resources) = (&verdict.validation_message, decision.resources.join(" "));
        if verdict.is_valid {
            tracing::trace!(
                log_type = "security_audit",
                verdict = "PASSED",
                operation,
                resources,
                "a call was judged"
            );
        } else {
            tracing::error!(
                log_type = "security_audit", verdict = "BLOCKED", operation, resources, reason = %reason,
                "the guard refused a call of the function"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onlooker_core::aws_error::AwsErrorKind;

    #[test]
    fn a_process_stores_errors_at_most_every_thirty_seconds_and_loses_none() {
        let calls = RunCalls::default();
        let fail = |kind| {
            calls.begin("run", Duration::ZERO);
            let error = Some((kind, "said so"));
            calls.record(&FinishedCall {
                service: "s3",
                operation: "GetObject",
                duration: Duration::ZERO,
                error,
            });
        };
        let stored = |now| calls.take_errors_to_store(Time(now)).map(|errors| errors.total());
        assert_eq!(stored(100), None);
        fail(AwsErrorKind::NotFound);
        assert_eq!(stored(100), None, "ordinary work");
        fail(AwsErrorKind::TimedOut);
        assert_eq!(stored(100), Some(1));
        fail(AwsErrorKind::TimedOut);
        fail(AwsErrorKind::AccessDenied);
        assert_eq!((stored(129), stored(130), stored(170)), (None, Some(2), None));
    }
}
