//! Lambda function `watch`: sends alerts within seconds of a violation.
//!
//! Enters: the text of a CloudTrail event from EventBridge. Leaves: notifications on the topic and the bus. Delivery is best effort, and
//! these events do not count as evidence. Permissions: `NOTIFICATION#` items of the table, the topic and the bus.

use lambda_runtime::Error;
use onlooker_core::{
    jobs::{
        notifications::Notifier,
        watch::{WatchOutcome, watch},
    },
    render::emf::{MetricUnit, Metrics},
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, PayloadText, serve};
use serde_json::json;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    serve("watch", std::env::vars_os(), run).await
}

fn run(invocation: &Invocation<'_>, payload: PayloadText) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources, settings, clock, .. } = invocation;
    let sinks = resources.sinks()?;
    let notifier = Notifier { table: resources.table, sinks: &sinks, clock };
    match watch(payload.as_str().as_bytes(), &settings.config, settings.catalog, &notifier) {
        Ok(outcome) => {
            let response = json!({
                "events": outcome.events,
                "alerts": outcome.alerts.len(),
                "notifications_sent": outcome.notifications_sent,
            });
            // Most events cause no alert. A run record and a line of metrics for each would cost more than everything else.
            let is_quiet = outcome.alerts.is_empty() && outcome.unreadable.is_empty();
            Ok(JobOutcome { response, metrics: metrics(&outcome), is_quiet, notes: Vec::new() })
        }
        Err(error) => {
            let metrics = metrics(&error.outcome);
            Err(FunctionError::from(error).with_metrics(metrics))
        }
    }
}

fn metrics(outcome: &WatchOutcome) -> Metrics {
    let lag = outcome.lag_seconds.map_or(f64::NAN, f64::from);
    Metrics::default()
        .count("records", outcome.events + outcome.insight_events + outcome.unreadable.len() as u64)
        .count("unreadable", outcome.unreadable.len() as u64)
        .count("alerts", outcome.alerts.len() as u64)
        .count("notifications_sent", outcome.notifications_sent)
        .count("notifications_already_sent", outcome.notifications_already_sent)
        .with("lag", MetricUnit::Seconds, lag)
}
