//! The code that the Lambda functions share: log, settings, errors and the record of each run.
//!
//! Enters: invocations and variables. Leaves: a response or an error, one metrics line and one run record for each
//! invocation. Laws: nothing is read, loaded or sent before the first invocation; invalid settings fail the
//! invocation with the same message as the command line; if a job fails, the invocation fails, with a permanent error
//! type.
//!
//! This crate is part of the roots: it uses jobs and adapters, and only `functions/` use it.

#![forbid(unsafe_code)]

mod function_error;
mod log;
mod resource_use;
mod resources;
mod run_calls;
mod run_monitor;
mod settings;

use std::{
    any::Any,
    ffi::OsString,
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, oneshot},
};

use self::run_monitor::RunMonitor;
pub use self::{function_error::FunctionError, resources::FunctionResources, settings::Settings};
use onlooker_aws::{AwsSession, SystemClock};
use onlooker_core::{
    audit::AuditKind,
    config::RetentionSettings,
    jobs::{
        audit::{AuditTrail, Auditing},
        notifications::Notifier,
        runs::{RunRecord, record_run},
    },
    ports::{Clock, NotificationSink},
    render::emf::{self, MetricUnit, Metrics},
    report::ReportRun,
};
pub use onlooker_webhook::WebhookSink;

/// A call of AWS allocates hundreds of times, which this allocator does in half the time of that of the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Longest time that all webhooks together take for one notification. A claim on a notification lasts 50 seconds.
const WEBHOOKS_LIMIT: Duration = Duration::from_secs(40);

/// One invocation and its inputs.
pub struct Invocation<'a> {
    /// Clients, names and identity, created once.
    pub resources: &'static FunctionResources,
    /// Configuration, catalog and control pack.
    pub settings: &'a Settings,
    /// The clock, with the deadline of the invocation.
    pub clock: SystemClock,
    /// Id, request, caller and start of the run.
    pub run: ReportRun,
    /// Name of the function, such as `pull`, as in metrics and run records.
    pub function: &'static str,
    /// The audit trail of this process.
    pub audit: &'a AuditTrail<'static>,
}

impl<'a> Invocation<'a> {
    /// The webhooks of the configuration, for [`FunctionResources::sinks`].
    pub fn webhooks(&self) -> Vec<WebhookSink<'_>> {
        let webhooks = &self.settings.config.alerts.webhooks;
        WebhookSink::all(webhooks, &self.resources.webhook_client, &self.clock, WEBHOOKS_LIMIT)
    }

    /// Sends notifications through these sinks, by the policy of the configuration.
    pub fn notifier<'n>(&'n self, sinks: &'n [&'n dyn NotificationSink]) -> Notifier<'n> {
        let policy = self.settings.config.alerts.policy();
        Notifier { table: self.resources.table, sinks, clock: &self.clock, policy }
    }

    /// Where the job records the calls that it reads.
    pub fn auditing(&self) -> Auditing<'_> {
        Auditing::new(self.audit, &self.settings.config, self.settings.catalog, self.clock.now())
    }
}

/// The result of a job.
#[derive(Clone, Debug, Default)]
pub struct JobOutcome {
    /// The JSON that the function returns to its caller.
    pub response: Value,
    /// Metrics of the invocation, for its run record and for CloudWatch.
    pub metrics: Metrics,
    /// Whether the run found nothing to do and is one of many. It has no run record, and its metrics are written only if
    /// the log level is `debug` or lower.
    pub is_quiet: bool,
    /// What the job did not do although it succeeded, as sentences: for the log and the run record.
    pub notes: Vec<String>,
}

/// A payload as the text that Lambda delivered, for a job that parses it itself.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct PayloadText(Box<RawValue>);

impl PayloadText {
    /// The text, which is valid JSON.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

/// A job with a payload (a JSON value or [`PayloadText`]), which may block.
pub type JobFn<P> = fn(&Invocation<'_>, P) -> Result<JobOutcome, FunctionError>;

/// What a failed run returns instead of its error, made from the error and the request id of the invocation.
pub type FailureAnswer = fn(&FunctionError, &str) -> Value;

/// Serves invocations of `function` until Lambda ends the process. `variables` are the environment variables.
///
/// # Errors
/// When the Lambda runtime API cannot be reached.
pub fn serve<P: DeserializeOwned + Send + 'static>(
    function: &'static str,
    variables: impl Iterator<Item = (OsString, OsString)>,
    job: JobFn<P>,
) -> Result<(), Error> {
    serve_answering(function, variables, job, |_| None)
}

/// Serves invocations like [`serve`]. `on_failure` says for a payload what a failed run returns instead of its error, which is
/// recorded all the same; `None` fails the invocation.
///
/// One thread serves everything: the runtime rests while a job runs, and the calls of the job run it again. So no thread waits for
/// another one, which would take longer than a small job.
///
/// # Errors
/// When the Lambda runtime API cannot be reached.
pub fn serve_answering<P: DeserializeOwned + Send + 'static>(
    function: &'static str,
    variables: impl Iterator<Item = (OsString, OsString)>,
    job: JobFn<P>,
    on_failure: fn(&P) -> Option<FailureAnswer>,
) -> Result<(), Error> {
    let variables = settings::onlooker_variables(variables);
    log::start(&variables);
    let runtime = Arc::new(Builder::new_current_thread().enable_all().build()?);
    let process = FunctionProcess {
        runtime: Arc::clone(&runtime),
        function,
        variables,
        ready: Mutex::default(),
        trail: Mutex::default(),
        has_run: AtomicBool::default(),
        init_seconds: resource_use::process_age(),
    };
    let (events, mut received) = mpsc::unbounded_channel();
    let mut serving = pin!(lambda_runtime::run(service_fn(move |event: LambdaEvent<P>| {
        let (answer, answered) = oneshot::channel();
        let is_received = events.send((event, answer));
        async move {
            let ends = || FunctionError::new("JobFailed", "the process ends");
            is_received.map_err(|_| ends())?;
            answered.await.map_err(|_| ends())?
        }
    })));
    loop {
        let next = runtime.block_on(async {
            tokio::select! {
                biased;
                event = received.recv() => Ok(event),
                ended = &mut serving => Err(ended),
            }
        });
        match next {
            Ok(Some((event, answer))) => {
                // Lambda waits for the answer, so it is received.
                let _ = answer.send(process.answer(event, job, on_failure));
            }
            Ok(None) => return Ok(()),
            Err(ended) => return ended,
        }
    }
}

/// The message of a panic.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

/// What is kept between invocations.
struct FunctionProcess {
    runtime: Arc<Runtime>,
    function: &'static str,
    variables: settings::EnvVariables,
    ready: Mutex<KeptByProcess>,
    trail: Mutex<Option<KeptTrail>>,
    /// Whether the process has served an invocation.
    has_run: AtomicBool,
    /// How long the process took until it could serve one.
    init_seconds: Option<f64>,
}

impl FunctionProcess {
    /// What Lambda gets for an event.
    fn answer<P>(
        &self,
        event: LambdaEvent<P>,
        job: JobFn<P>,
        on_failure: fn(&P) -> Option<FailureAnswer>,
    ) -> Result<Value, lambda_runtime::Diagnostic> {
        let LambdaEvent { payload, context } = event;
        let on_failure = on_failure(&payload);
        // What a job leaves behind is behind locks, which it may have poisoned.
        let failure = match catch_unwind(AssertUnwindSafe(|| self.run(payload, &context, job))) {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(failure)) => failure,
            Err(panic) => {
                let failure = FunctionError::new("Panicked", format!("panicked: {}", panic_message(&*panic)));
                tracing::error!(exception_name = failure.error_type, exception = %failure, "failed");
                failure
            }
        };
        match on_failure {
            Some(answer) => Ok(answer(&failure, &context.request_id)),
            None => Err(lambda_runtime::Diagnostic::from(failure)),
        }
    }

    fn run<P>(&self, payload: P, context: &Context, job: JobFn<P>) -> Result<Value, FunctionError> {
        let clock = SystemClock::with_deadline(context.deadline());
        let started_at = clock.now();
        let began = std::time::Instant::now();
        let ReadyProcess { resources, settings } = self.ready(clock.now());
        let resources = resources.inspect_err(|failure| {
            let (function_request_id, exception_name) = (&context.request_id, failure.error_type);
            tracing::error!(function_request_id, exception_name, exception = %failure, "not ready");
        })?;
        let run = ReportRun {
            run_id: uuid::Uuid::now_v7().to_string(),
            caller: Some(resources.caller.clone()),
            request_id: Some(context.request_id.clone()),
            started_at,
            ..ReportRun::default()
        };
        let record = RunRecord {
            run_id: run.run_id.clone(),
            request_id: run.request_id.clone(),
            caller: run.caller.clone(),
            started_at,
            ended_at: started_at,
            error: None,
            notes: Vec::new(),
            metrics: Default::default(),
        };
        let cold_start = !self.has_run.swap(true, Ordering::Relaxed);
        let _span = log::span(&run, context, cold_start).entered();
        let in_force = settings.as_ref().ok().map(|settings| &**settings);
        let monitor = RunMonitor::start(resources, in_force, &run.run_id, context, clock);
        let (done, retention, is_stale) = match settings {
            Ok(settings) => {
                let function = self.function;
                let done = self.audit(resources, Arc::clone(&settings), clock.now()).and_then(|audit| {
                    let run_id = run.run_id.clone();
                    let invocation =
                        Invocation { resources, settings: &settings, clock, run, function, audit: &audit };
                    let done = job(&invocation, payload);
                    let recorded = record_in_trail(&audit, &run_id, &done, clock.now());
                    // A run that is not in the audit trail is a failure. The error of the job takes precedence.
                    done.and_then(|outcome| recorded.map(|()| outcome))
                });
                (done, settings.config.retention.clone(), settings.is_stale())
            }
            // Without a configuration the run is recorded too.
            Err(failure) => (Err(failure), RetentionSettings::default(), true),
        };
        let (metrics, is_quiet, notes) = match &done {
            Ok(JobOutcome { metrics, is_quiet, notes, .. }) => (metrics.clone(), *is_quiet, notes.clone()),
            Err(failure) => (failure.metrics.clone(), false, failure.notes.clone()),
        };
        for note in &notes {
            tracing::warn!(note, "not done");
        }
        let metrics = monitor.finish(self.function, &record.run_id, is_quiet, metrics);
        let metrics = match self.init_seconds.filter(|_| cold_start) {
            Some(seconds) => metrics.field("init_duration", seconds),
            None => metrics,
        };
        let metrics = metrics
            .field("cold_start", f64::from(u8::from(cold_start)))
            .with("duration", MetricUnit::Seconds, began.elapsed().as_secs_f64())
            .count("failed", u64::from(done.is_err()))
            .count("configuration_unusable", u64::from(is_stale));
        let now = clock.now();
        // A configuration that cannot be used is told by every run, because an alarm counts the runs.
        if !is_quiet || is_stale || log::is_debug() {
            let properties = [
                ("log_type", "metric".to_owned()),
                ("service", log::service(&self.variables)),
                ("function_request_id", context.request_id.clone()),
                ("run_id", record.run_id.clone()),
            ];
            print(&emf::line(&resources.deployment, self.function, now, &metrics, &properties));
        }
        match &done {
            Ok(_) => tracing::debug!("done"),
            Err(failure) => {
                tracing::error!(exception_name = failure.error_type, exception = %failure, "failed")
            }
        }
        let outcome = done.as_ref().map(|_| ()).map_err(|failure| failure as &dyn std::error::Error);
        let recorded = match is_quiet {
            true => Ok(()),
            false => {
                let record = RunRecord { notes, ..record.ended(now, outcome, &metrics) };
                record_run(resources.table, &retention, self.function, &record)
            }
        };
        // A run without a record is a failure. The error of the job takes precedence.
        match (done, recorded) {
            (Err(failure), Err(error)) => {
                tracing::error!(exception = %error, "cannot record the run");
                Err(failure)
            }
            (Ok(_), Err(error)) => Err(error.into()),
            (done, Ok(())) => done.map(|outcome| outcome.response),
        }
    }

    /// The audit trail of the process: a chain of its own, and another one after the settings of the trail have changed.
    fn audit(
        &self,
        resources: &'static FunctionResources,
        settings: Arc<Settings>,
        now: onlooker_core::time::Time,
    ) -> Result<Arc<AuditTrail<'static>>, FunctionError> {
        let mut kept = self.trail.lock().unwrap_or_else(PoisonError::into_inner);
        let config = &settings.config;
        let trail = match &*kept {
            Some(kept) if kept.settings.config.audit == config.audit => Arc::clone(&kept.trail),
            _ => {
                let chain = uuid::Uuid::now_v7().to_string();
                let trail =
                    AuditTrail::new(resources.store, &config.audit, config.standard, self.function, &chain);
                Arc::new(trail)
            }
        };
        if let Some(before) = kept.as_ref().filter(|kept| kept.settings.config != *config) {
            let (new, old) = (settings.fingerprint(), before.settings.fingerprint());
            let message = format!("the configuration {new} is in force instead of {old}");
            trail.add_note(AuditKind::ConfigurationChange, message, now)?;
        }
        *kept = Some(KeptTrail { trail: Arc::clone(&trail), settings });
        Ok(trail)
    }

    /// Resources and settings. They are created if missing, and settings are read again if they may have changed. If they
    /// cannot be read, those that were read last stay in force.
    fn ready(&self, now: onlooker_core::time::Time) -> ReadyProcess {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let KeptByProcess { resources, settings: before } = &mut *ready;
        let aws = match resources {
            Some(resources) => resources.aws.clone(),
            None => AwsSession::connect(Arc::clone(&self.runtime)),
        };
        let settings = match (Settings::load(&aws, &self.variables, before.clone(), now), &*before) {
            (Err(failure), Some(last)) => {
                let (exception_name, read_at) = (failure.error_type, last.changed_at().to_string());
                tracing::error!(
                    exception_name,
                    exception = %failure,
                    read_at,
                    "the configuration cannot be used; the one that was read at `read_at` stays in force"
                );
                Ok(Arc::new(last.kept(now)))
            }
            (loaded, _) => loaded,
        };
        if let Ok(settings) = &settings {
            *before = Some(Arc::clone(settings));
        }
        let resources = match (*resources, &settings) {
            (Some(made), _) => Ok(made),
            (None, settings) => {
                match (FunctionResources::new(self.function, &self.runtime, aws, &self.variables), settings) {
                    (Ok(made), _) => {
                        *resources = Some(made);
                        Ok(made)
                    }
                    // An error of the configuration is reported even if AWS cannot be called.
                    (Err(_), Err(failure)) => Err(failure.clone()),
                    (Err(failure), Ok(_)) => Err(failure),
                }
            }
        };
        ReadyProcess { resources, settings }
    }
}

/// The audit trail of a process, and the settings of the run before.
struct KeptTrail {
    trail: Arc<AuditTrail<'static>>,
    settings: Arc<Settings>,
}

/// Adds the run to the audit trail, unless it is quiet, and stores what is not stored yet.
fn record_in_trail(
    trail: &AuditTrail<'_>,
    run_id: &str,
    done: &Result<JobOutcome, FunctionError>,
    now: onlooker_core::time::Time,
) -> Result<(), FunctionError> {
    let message = match done {
        Ok(JobOutcome { is_quiet: true, .. }) => None,
        Ok(_) => Some(format!("run {run_id} succeeded")),
        Err(failure) => Some(format!("run {run_id} failed: {}: {failure}", failure.error_type)),
    };
    if let Some(message) = message {
        trail.add_note(AuditKind::Run, message, now)?;
    }
    Ok(trail.flush(now)?)
}

/// What a process keeps between invocations, as far as it could be created.
#[derive(Default)]
struct KeptByProcess {
    resources: Option<&'static FunctionResources>,
    settings: Option<Arc<Settings>>,
}

/// Resources and settings of an invocation, or why there are none.
struct ReadyProcess {
    resources: Result<&'static FunctionResources, FunctionError>,
    settings: Result<Arc<Settings>, FunctionError>,
}

/// Writes to standard output, where CloudWatch reads metrics. A write error cannot be reported.
fn print(line: &str) {
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}
