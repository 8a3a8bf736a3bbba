//! Lambda function `api`: answers requests for verdicts, the current status and figures.
//!
//! Enters: the event of a function URL with IAM authorization, or a direct invocation. Leaves: an answer, which has a status. What is
//! wrong with a request is an answer too; if the function itself fails, an HTTP client gets a problem with the error type, and a direct
//! invocation fails with it. Laws: a verdict is in the audit trail before it is given; everything but verdicts only reads. Permissions:
//! to read items of the table and `latest/` of the bucket, and to write `audit/` and its own run.

mod payload;

use std::sync::{Mutex, PoisonError};

use lambda_runtime::Error;
use onlooker_core::{
    api::{
        ApiRequest, ApiResponse, OPENAPI, Problem, ProblemKind, Route, StatusSources, ValidationCriteria,
        route, status, validate,
    },
    jobs::{audit::AuditError, health::MonitoredState, publish::LATEST_JSON},
    ports::{Clock as _, PortError, PortErrorKind},
    render::{emf::Metrics, json, openmetrics},
    time::Time,
};
use onlooker_lambda::{FailureAnswer, FunctionError, Invocation, JobOutcome, serve_answering};
use payload::ApiPayload;
use serde_json::Value;

/// Seconds for which requests are counted before their metrics are written. A line and a run record for each request would cost
/// more than everything else.
const COUNTED_SECONDS: u32 = 60;

fn main() -> Result<(), Error> {
    let on_failure = |payload: &ApiPayload| payload.is_url().then_some(failure_answer as FailureAnswer);
    serve_answering("api", std::env::vars_os(), run, on_failure)
}

fn run(invocation: &Invocation<'_>, payload: ApiPayload) -> Result<JobOutcome, FunctionError> {
    let now = invocation.clock.now();
    let failed = |failure: FunctionError| {
        let metrics = count(Counts { requests: 1, ..Counts::default() }).take(now);
        failure.with_metrics(metrics)
    };
    let body = payload.body();
    let request = match &body {
        Ok(body) => payload.request(body),
        Err(problem) => Err(problem.clone()),
    };
    let (method, accepts_gzip) = request.as_ref().map_or(("", false), |one| (one.method, one.accepts_gzip));
    let answered = request.as_ref().map_err(|problem| Refusal::from(problem.clone()));
    let answered = answered.and_then(|request| answer(invocation, request));
    let (response, counts) = answered.or_else(Refusal::into_answer).map_err(failed)?;
    let location = format!("`s3://{}/{LATEST_JSON}`", invocation.resources.bucket);
    let response = payload.answer(method, accepts_gzip, response, &location);
    let mut counted = count(counts);
    let is_quiet = !counted.is_due(now);
    let metrics = if is_quiet { Metrics::default() } else { counted.take(now) };
    Ok(JobOutcome { response, metrics, is_quiet, notes: Vec::new() })
}

/// Why a request has no answer of its route.
enum Refusal {
    /// The request is at fault.
    Problem(Box<Problem>),
    /// The function is.
    Failure(FunctionError),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<AuditError> for Refusal {
    fn from(error: AuditError) -> Self {
        Self::Failure(error.into())
    }
}

impl Refusal {
    fn into_answer(self) -> Result<(ApiResponse, Counts), FunctionError> {
        match self {
            Self::Problem(problem) => {
                Ok(((*problem).into(), Counts { requests: 1, problems: 1, ..Counts::default() }))
            }
            Self::Failure(failure) => Err(failure),
        }
    }
}

fn answer(invocation: &Invocation<'_>, request: &ApiRequest<'_>) -> Result<(ApiResponse, Counts), Refusal> {
    let Invocation { resources, settings, clock, run, function, .. } = invocation;
    let route = route(request.method, request.path)?;
    request.check_query(route.query())?;
    let mut counts = Counts { requests: 1, ..Counts::default() };
    let response = match route {
        Route::Validate => {
            let criteria = ValidationCriteria {
                catalog: settings.catalog,
                config: &settings.config,
                pack: &settings.pack,
                now: clock.now(),
                run_id: &run.run_id,
                recorded_by: function,
            };
            let done = validate(request, &criteria)?;
            let response = done.to_response()?;
            invocation.auditing().store(&done.entries)?;
            counts.operations = done.entries.len() as u64;
            counts.refused = done.response.refused;
            response
        }
        Route::Status | Route::Dashboard | Route::Metrics | Route::Health => {
            let sources = StatusSources {
                table: resources.table,
                store: resources.store,
                config: &settings.config,
                catalog: settings.catalog,
                threads: settings.threads(),
                deployment: &resources.deployment,
                account: &resources.caller.account,
                region: resources.aws.region(),
            };
            let now = clock.now();
            match route {
                Route::Dashboard => ApiResponse::json(200, &sources.figures(now)?.dashboard),
                Route::Metrics => {
                    let MonitoredState { health, dashboard } = sources.figures(now)?;
                    ApiResponse::text(
                        openmetrics::MEDIA_TYPE,
                        openmetrics::openmetrics(&health, &dashboard, None),
                    )
                }
                Route::Health => ApiResponse::json(200, &sources.monitored(now).health),
                _ => ApiResponse::json(200, &status(sources, now)?),
            }
        }
        Route::LatestReport => match resources.store.read(LATEST_JSON, None) {
            Ok(bytes) => ApiResponse::text(json::MEDIA_TYPE, String::from_utf8_lossy(&bytes).into_owned()),
            Err(PortError { kind: PortErrorKind::NotFound, .. }) => {
                return Err(Problem::new(
                    ProblemKind::NoReport,
                    "invoke the function `report`, or wait for its schedule",
                )
                .into());
            }
            Err(error) => return Err(error.into()),
        },
        Route::OpenApi => ApiResponse::text(json::MEDIA_TYPE, OPENAPI.to_owned()),
    };
    Ok((response, counts))
}

/// What an HTTP client gets if the run fails.
fn failure_answer(failure: &FunctionError, request_id: &str) -> Value {
    payload::problem_answer(Problem::failure(failure.error_type, request_id))
}

/// Requests since metrics were last written.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    requests: u64,
    problems: u64,
    operations: u64,
    refused: u64,
}

/// What the process counted.
#[derive(Default)]
struct Counted {
    /// When metrics were last written.
    since: Time,
    counts: Counts,
}

static COUNTED: Mutex<Counted> = Mutex::new(Counted {
    since: Time(0),
    counts: Counts { requests: 0, problems: 0, operations: 0, refused: 0 },
});

/// Adds what a request was to what the process counted.
fn count(counts: Counts) -> std::sync::MutexGuard<'static, Counted> {
    let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    counted.counts.requests += counts.requests;
    counted.counts.problems += counts.problems;
    counted.counts.operations += counts.operations;
    counted.counts.refused += counts.refused;
    counted
}

impl Counted {
    fn is_due(&self, now: Time) -> bool {
        now.since(self.since) >= COUNTED_SECONDS
    }

    /// The metrics of what was counted, which begins again.
    fn take(&mut self, now: Time) -> Metrics {
        self.since = now;
        let Counts { requests, problems, operations, refused } = std::mem::take(&mut self.counts);
        Metrics::default()
            .count("requests", requests)
            .count("problems", problems)
            .count("operations", operations)
            .count("refused", refused)
    }
}
