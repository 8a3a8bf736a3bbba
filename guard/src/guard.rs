//! Judges calls.
//!
//! Enters: an operation, its resources, and what its parameters say. Leaves: a verdict, which the log has, or a [`Refusal`]. Laws:
//! a call is sent only if the catalog lists it as read-only or an override of the configuration allows it; an override for some
//! resources does not allow a call if the resources of the call are not known.

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use onlooker_core::{
    catalog::Catalog,
    config::{Config, Standard},
    controls::ControlPack,
    error_context::{ErrorContext, FailedCallFacts},
    jobs::check::{CheckRequest, CheckResult, check},
    record::RequestFeatures,
    time::Time,
};
use serde_json::Value;

use crate::{
    decision::{Decision, DecisionLog},
    failure::CallError,
    monitor::{BegunCall, CallMonitor},
    refusal::Refusal,
};

/// Refuses calls that are not read-only. Clones share everything.
///
/// Give it to the configuration of each client: `aws_sdk_s3::config::Builder::from(&config).interceptor(guard.clone())`.
#[derive(Clone)]
pub struct ReadOnlyGuard(Arc<GuardSettings>);

#[derive(Clone)]
struct GuardSettings {
    catalog: &'static Catalog,
    config: Arc<Config>,
    pack: Arc<ControlPack>,
    principal: Option<String>,
    log: Option<Arc<dyn DecisionLog>>,
    monitor: Option<CallMonitor>,
    clock: fn() -> Time,
}

impl fmt::Debug for ReadOnlyGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOnlyGuard").field("principal", &self.0.principal).finish_non_exhaustive()
    }
}

impl Default for ReadOnlyGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl ReadOnlyGuard {
    /// A guard that allows what the built-in catalog lists as read-only.
    pub fn new() -> Self {
        let pack = ControlPack::built_in(Standard::General).unwrap_or_default();
        Self(Arc::new(GuardSettings {
            catalog: Catalog::embedded(),
            config: Arc::default(),
            pack: Arc::new(pack),
            principal: None,
            log: None,
            monitor: None,
            clock: system_time,
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut GuardSettings)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The same guard, which applies the overrides of a configuration for a principal: the ARN of its role or user, or of a
    /// session of the role.
    #[must_use]
    pub fn with_overrides(self, config: Config, principal: impl Into<String>) -> Self {
        let principal = principal.into();
        self.with(|settings| {
            settings.config = Arc::new(config);
            settings.principal = Some(principal);
        })
    }

    /// The same guard, which gives every decision to a log.
    #[must_use]
    pub fn with_log(self, log: impl DecisionLog + 'static) -> Self {
        self.with(|settings| settings.log = Some(Arc::new(log)))
    }

    /// The same guard, which asks circuit breakers before each call, and tells them and a log how it ended.
    #[must_use]
    pub fn with_monitor(self, monitor: CallMonitor) -> Self {
        self.with(|settings| settings.monitor = Some(monitor))
    }

    /// The same guard with another clock, which decides whether an override is in force.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Time) -> Self {
        self.with(|settings| settings.clock = clock)
    }

    /// The verdict about a call, which is not logged. `service` and `operation` may be spelled as in the SDK, in IAM or in
    /// CloudTrail.
    pub fn judge(
        &self,
        service: &str,
        operation: &str,
        resources: Vec<String>,
        features: RequestFeatures,
    ) -> CheckResult {
        let GuardSettings { catalog, config, pack, principal, clock, .. } = &*self.0;
        let request = CheckRequest {
            operation: format!("{service}:{operation}"),
            principal: principal.clone(),
            resources,
            features,
            needs_catalog: true,
            line: None,
        };
        check(catalog, config, pack, &request, clock(), false)
    }

    /// Whether a call may be permitted as far as its service and operation tell: some overrides allow it only for some
    /// resources, which are not known yet.
    pub(crate) fn may_permit(&self, service: &str, operation: &str) -> Result<CheckResult, Arc<CheckResult>> {
        let verdict = self.judge(service, operation, Vec::new(), RequestFeatures::empty());
        let overrides = self.0.config.overrides.iter().filter(|entry| entry.is_of_service(&verdict.service));
        let mut scopes = overrides.filter_map(|entry| entry.resource.clone());
        // A pattern matches itself.
        let is_possible = verdict.is_valid
            || scopes
                .any(|scope| self.judge(service, operation, vec![scope], RequestFeatures::empty()).is_valid);
        if is_possible { Ok(verdict) } else { Err(Arc::new(verdict)) }
    }

    /// Begins a call of an operation that was judged, unless its circuit breaker is open. `None` without a monitor.
    pub(crate) fn begin(&self, verdict: &CheckResult, region: &str) -> Result<Option<BegunCall>, Refusal> {
        let monitor = self.0.monitor.as_ref();
        monitor.map(|monitor| monitor.begin(&verdict.service, &verdict.operation, region)).transpose()
    }

    /// Whether one of these calls was begun with the breakers of this guard.
    pub(crate) fn has_begun(&self, calls: &[BegunCall]) -> bool {
        let monitor = self.0.monitor.as_ref();
        monitor.is_some_and(|monitor| calls.iter().any(|call| call.has_breakers_of(monitor)))
    }

    /// ARN of the principal that the guard was told; empty if it was told none.
    pub(crate) fn principal(&self) -> &str {
        self.0.principal.as_deref().unwrap_or_default()
    }

    /// What tells this guard and its clones from another guard of the same client.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Gives a decision to the log, and turns a verdict against the call into its refusal.
    pub(crate) fn decide(&self, verdict: Arc<CheckResult>, resources: Vec<String>) -> Result<(), Refusal> {
        self.record(Arc::clone(&verdict), resources)?;
        if verdict.is_valid {
            return Ok(());
        }
        let operation = operation_of(&verdict);
        let remedy = self.remedy(&operation);
        Err(Refusal::NotPermitted { operation, remedy, verdict })
    }

    /// Refuses a request that another interceptor made one of another operation, and gives that decision to the log.
    pub(crate) fn refuse_changed(&self, service: &str, operation: &str) -> Refusal {
        let verdict = self.judge(service, operation, Vec::new(), RequestFeatures::empty());
        let refusal = Refusal::Changed { operation: operation_of(&verdict) };
        let verdict = CheckResult { is_valid: false, validation_message: refusal.to_string(), ..verdict };
        self.record(verdict.into(), Vec::new()).err().unwrap_or(refusal)
    }

    fn record(&self, verdict: Arc<CheckResult>, resources: Vec<String>) -> Result<(), Refusal> {
        let Some(log) = &self.0.log else { return Ok(()) };
        let operation = operation_of(&verdict);
        let decision = Decision::new(self.0.principal.clone().unwrap_or_default(), resources, verdict);
        log.record(&decision).map_err(|error| Refusal::NotLogged { operation, cause: error.to_string() })
    }

    fn remedy(&self, operation: &str) -> String {
        match &self.0.principal {
            Some(principal) => format!(
                "if it is meant, add an override with the principal `{principal}` and the operation `{operation}` to the \
                 configuration of the guard: `onlooker override add` writes one"
            ),
            None => format!(
                "if it is meant, give the guard a configuration with an override of `{operation}`, and the principal: \
                 `ReadOnlyGuard::with_overrides`"
            ),
        }
    }

    /// Judges a call of any client, runs it if it is permitted, and passes on its result. `parameters` are an object with the names
    /// that CloudTrail logs in `requestParameters`, which for S3 are those of headers and query parameters; or null if there are
    /// none. Of parameters in another form the guard assumes the worst.
    pub async fn run<T, E: CallError, F: Future<Output = Result<T, E>>>(
        &self,
        service: &str,
        operation: &str,
        resource_arn: Option<&str>,
        parameters: &Value,
        call: impl FnOnce() -> F,
    ) -> GuardedCall<T, E> {
        let resources: Vec<String> = resource_arn.into_iter().map(str::to_owned).collect();
        let found = self.judge(service, operation, Vec::new(), RequestFeatures::empty());
        let features = match parameters {
            Value::Null => RequestFeatures::empty(),
            Value::Object(named) => RequestFeatures::of_request(
                &found.service,
                named.iter().map(|(name, value)| (name.as_str(), value)),
            ),
            _ => RequestFeatures::any_of(&found.service),
        };
        let verdict = Arc::new(self.judge(service, operation, resources.clone(), features));
        // The log gets no decision about a call that a breaker stops.
        let begun = if verdict.is_valid { self.begin(&verdict, "") } else { Ok(None) };
        let decided = begun.and_then(|begun| match self.decide(Arc::clone(&verdict), resources) {
            Ok(()) => Ok(begun),
            Err(refusal) => {
                begun.iter().for_each(BegunCall::drop_unsent);
                Err(refusal)
            }
        });
        let begun = match decided {
            Ok(begun) => begun,
            Err(refusal) => {
                let result = Err(GuardedError::Refused(refusal));
                return GuardedCall { verdict, duration: None, error_context: None, result };
            }
        };
        let start = Instant::now();
        let result = call().await;
        let duration = Some(start.elapsed());
        let error = result.as_ref().err().map(|error| (error.kind(&verdict.service), error.message()));
        if let Some(begun) = begun {
            begun.end(error.as_ref().map(|(kind, message)| (*kind, message.as_str())), true);
        }
        let error_context = error.map(|(kind, message)| {
            let failed = FailedCallFacts {
                service: &verdict.service,
                operation: &verdict.operation,
                resource: resource_arn.unwrap_or_default(),
                kind,
                message: &message,
            };
            ErrorContext::of(&failed, &uuid::Uuid::now_v7().to_string(), (self.0.clock)())
        });
        GuardedCall { verdict, duration, error_context, result: result.map_err(GuardedError::Call) }
    }
}

/// A call that the guard judged.
#[derive(Debug)]
pub struct GuardedCall<T, E> {
    /// The verdict.
    pub verdict: Arc<CheckResult>,
    /// How long the call took; `None` if it was refused.
    pub duration: Option<Duration>,
    /// The error of the call with its severity and what to do; `None` if it succeeded or was refused.
    pub error_context: Option<ErrorContext>,
    /// The call's own result, or the refusal.
    pub result: Result<T, GuardedError<E>>,
}

impl<T, E> GuardedCall<T, E> {
    /// Whether the call was permitted.
    pub fn validation_passed(&self) -> bool {
        self.verdict.is_valid
    }

    /// Whether the call was made.
    pub fn operation_executed(&self) -> bool {
        self.duration.is_some()
    }

    /// Whether the call was made and succeeded.
    pub fn operation_successful(&self) -> bool {
        self.result.is_ok()
    }
}

/// Why a guarded call has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GuardedError<E> {
    /// The guard refused it.
    #[error(transparent)]
    Refused(Refusal),
    /// The call's own error.
    #[error(transparent)]
    Call(E),
}

fn operation_of(verdict: &CheckResult) -> String {
    format!("{}:{}", verdict.service, verdict.operation)
}

/// The clock of a guard that was given no other: this crate runs in the programs of others, which have no clock of ours.
pub(crate) fn system_time() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u32::try_from(since.as_secs()).unwrap_or(u32::MAX))
}
