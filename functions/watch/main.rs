//! Lambda function `watch`: alerts within seconds of a violation.
//!
//! Invoked by EventBridge with events of CloudTrail. Best effort: it alerts, and nothing it sees counts as evidence. Rights:
//! `NOTIFICATION#` items of the table, the topic and the bus.

use lambda_runtime::Error;
use onlooker_core::{
    jobs::{
        notifications::Notifier,
        watch::{WatchOutcome, watch},
    },
    render::emf::{MetricUnit, Metrics},
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, serve};
use serde_json::{Value, json};

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    serve("watch", std::env::vars_os(), run).await
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources: base, settings, clock, .. } = invocation;
    let announcers = base.sinks()?;
    let newsroom = Notifier { table: base.table, sinks: &announcers, clock };
    match watch(payload.to_string().as_bytes(), &settings.config, settings.catalog, &newsroom) {
        Ok(watched) => {
            let answer = json!({ "events": watched.events, "alerts": watched.alerts.len(), "told": watched.notifications_sent });
            // Most events are nobody's business: a record of each would cost more than the rest together.
            let is_quiet = watched.alerts.is_empty();
            Ok(JobOutcome { response: answer, metrics: metrics(&watched), skip_run_record: is_quiet })
        }
        Err(error) => {
            let figures = metrics(&error.outcome);
            Err(FunctionError::from(error).with_metrics(figures))
        }
    }
}

fn metrics(watched: &WatchOutcome) -> Metrics {
    let lag = watched.lag_seconds.map_or(f64::NAN, f64::from);
    Metrics::default()
        .count("records", watched.events + watched.insight_events + watched.unreadable.len() as u64)
        .count("unreadable", watched.unreadable.len() as u64)
        .count("alerts", watched.alerts.len() as u64)
        .count("told", watched.notifications_sent)
        .count("duplicates", watched.notifications_already_sent)
        .with("lag", MetricUnit::Seconds, lag)
}
