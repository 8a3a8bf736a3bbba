//! Watches calls: asks their circuit breakers, and gives how they ended to a log.
//!
//! Enters: calls, before and after. Leaves: a refusal while a breaker is open; a [`FinishedCall`] for each call that was made. Laws: a
//! breaker is asked before the request is made, and is told how the call ended, once a call however often the SDK tried; what was not
//! sent says nothing about the service.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use onlooker_core::{
    aws_error::AwsErrorKind,
    breaker::CallOutcome,
    jobs::breakers::{CallPermit, CircuitBreakers},
    time::Time,
};

use crate::{guard::system_time, refusal::Refusal};

/// A call that ended: it was made, or the SDK could not make it.
#[derive(Clone, Copy, Debug)]
pub struct FinishedCall<'a> {
    /// Service, such as `s3`.
    pub service: &'a str,
    /// Operation, such as `GetObject`.
    pub operation: &'a str,
    /// How long it took, with all its attempts.
    pub duration: Duration,
    /// Kind and message of its error; `None` if it succeeded.
    pub error: Option<(AwsErrorKind, &'a str)>,
}

/// Gets each call that was made.
pub trait CallLog: Send + Sync {
    /// Takes a call.
    fn record(&self, call: &FinishedCall<'_>);
}

/// Watches the calls of guarded clients. Clones share everything.
#[derive(Clone)]
pub struct CallMonitor {
    breakers: Arc<CircuitBreakers>,
    log: Option<Arc<dyn CallLog>>,
    clock: fn() -> Time,
}

impl fmt::Debug for CallMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallMonitor").field("breakers", &self.breakers).finish_non_exhaustive()
    }
}

impl CallMonitor {
    /// A monitor with these circuit breakers.
    pub fn new(breakers: Arc<CircuitBreakers>) -> Self {
        Self { breakers, log: None, clock: system_time }
    }

    /// The same monitor, which gives each call to a log.
    #[must_use]
    pub fn with_log(self, log: Arc<dyn CallLog>) -> Self {
        Self { log: Some(log), ..self }
    }

    /// The same monitor with another clock.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Time) -> Self {
        Self { clock, ..self }
    }

    /// Begins a call, unless its circuit breaker is open. A service may fail in one Region alone, so each has its own breakers;
    /// `region` is empty if it is not known.
    pub(crate) fn begin(&self, service: &str, operation: &str, region: &str) -> Result<BegunCall, Refusal> {
        let place = if region.is_empty() { String::new() } else { format!("@{region}") };
        let permit = self.breakers.ask(&format!("{service}:{operation}{place}"), (self.clock)())?;
        Ok(BegunCall {
            monitor: self.clone(),
            service: service.to_owned(),
            operation: operation.to_owned(),
            started: Instant::now(),
            permit: Arc::new(Mutex::new(Some(permit))),
        })
    }
}

/// A call that began. Clones are the same call.
#[derive(Clone, Debug)]
pub(crate) struct BegunCall {
    monitor: CallMonitor,
    pub(crate) service: String,
    operation: String,
    started: Instant,
    /// Taken when the call ends.
    permit: Arc<Mutex<Option<CallPermit>>>,
}

impl BegunCall {
    /// Whether the breakers of a monitor were asked about the call.
    pub(crate) fn has_breakers_of(&self, monitor: &CallMonitor) -> bool {
        Arc::ptr_eq(&self.monitor.breakers, &monitor.breakers)
    }

    /// The call ended. Without an answer, an error of the caller says nothing about the service.
    pub(crate) fn end(&self, error: Option<(AwsErrorKind, &str)>, is_answered: bool) {
        let outcome = match error {
            None => CallOutcome::Succeeded,
            Some((kind, _)) if kind.is_failure_of_service() => CallOutcome::Failed,
            Some(_) if is_answered => CallOutcome::CallerError,
            Some(_) => CallOutcome::NotSent,
        };
        if self.report(outcome)
            && let Some(log) = &self.monitor.log
        {
            let Self { service, operation, started, .. } = self;
            log.record(&FinishedCall { service, operation, duration: started.elapsed(), error });
        }
    }

    /// The call was not made.
    pub(crate) fn drop_unsent(&self) {
        self.report(CallOutcome::NotSent);
    }

    /// Whether the call had not ended before.
    fn report(&self, outcome: CallOutcome) -> bool {
        let permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(permit) = permit else { return false };
        self.monitor.breakers.report(permit, outcome, (self.monitor.clock)());
        true
    }
}
