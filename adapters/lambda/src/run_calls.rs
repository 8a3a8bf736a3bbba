//! The calls of AWS that a run made.
//!
//! Enters: each call as it ends. Leaves: a log line for each error and each slow call; metrics and the errors by kind at the end of the
//! run. Law: what belongs to ordinary work, such as an object that does not exist yet, is no error of the run.

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

/// Counts the calls of the current run.
#[derive(Debug, Default)]
pub(super) struct RunCalls(Mutex<CallCounts>);

#[derive(Debug, Default)]
struct CallCounts {
    run_id: String,
    slow_after: Duration,
    calls: u64,
    slow: u64,
    slowest: Duration,
    errors: ErrorCounts,
}

impl RunCalls {
    /// Begins a run: earlier calls are not part of it.
    pub(super) fn begin(&self, run_id: &str, slow_after: Duration) {
        *self.counts() = CallCounts { run_id: run_id.to_owned(), slow_after, ..CallCounts::default() };
    }

    /// The errors of the run so far.
    pub(super) fn errors(&self) -> ErrorCounts {
        self.counts().errors.clone()
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
