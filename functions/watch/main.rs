//! Lambda function `watch`: sends alerts within seconds of a violation.
//!
//! Enters: the text of a CloudTrail event from EventBridge. Leaves: notifications on the topic, the bus and webhooks, or collected for a
//! digest, which a later run sends when it is due. Delivery is best effort, and these events do not count as evidence. Permissions:
//! `NOTIFICATION#` items of the table, the topic and the bus.

use std::sync::atomic::{AtomicU32, Ordering};

use lambda_runtime::Error;
use onlooker_core::{
    jobs::{
        answers::FunctionAnswer,
        notifications::Notifier,
        watch::{WatchOutcome, watch},
    },
    render::emf::{MetricUnit, Metrics},
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, PayloadText, serve};

fn main() -> Result<(), Error> {
    serve("watch", std::env::vars_os(), run)
}

/// When this process looks again for digests that are due. What another process collects in between is due later.
static NEXT_FLUSH: AtomicU32 = AtomicU32::new(0);

fn run(invocation: &Invocation<'_>, payload: PayloadText) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources, settings, .. } = invocation;
    let webhooks = invocation.webhooks();
    let sinks = resources.sinks(&webhooks)?;
    let notifier = invocation.notifier(&sinks);
    match watch(payload.as_str().as_bytes(), &settings.config, settings.catalog, &notifier) {
        Ok(outcome) => {
            let response = FunctionAnswer::Watch((&outcome).into()).to_json()?;
            let (digests, notes) = flush_digests(&notifier);
            // Most events cause no alert. A run record and a line of metrics for each would cost more than everything else.
            let is_quiet = outcome.alerts.is_empty()
                && outcome.unreadable.is_empty()
                && digests == 0
                && notes.is_empty();
            let metrics = metrics(&outcome).field("digests_sent", digests as f64);
            Ok(JobOutcome { response, metrics, is_quiet, notes })
        }
        Err(error) => {
            let metrics = metrics(&error.outcome);
            Err(FunctionError::from(error).with_metrics(metrics))
        }
    }
}

/// Sends the digests that are due. What cannot be sent is kept: the function `report` sends it, or fails.
fn flush_digests(notifier: &Notifier<'_>) -> (u64, Vec<String>) {
    let (now, seconds) = (notifier.clock.now(), notifier.policy.digest_seconds);
    if seconds == 0 || now.0 < NEXT_FLUSH.load(Ordering::Relaxed) {
        return (0, Vec::new());
    }
    // An interval that begins later is due at its end.
    let end = (now.0 / seconds).saturating_add(1).saturating_mul(seconds);
    NEXT_FLUSH.store(end, Ordering::Relaxed);
    match notifier.flush_digests() {
        Ok(flushed) => (flushed.sent, Vec::new()),
        Err(error) => (0, vec![format!("a digest was not sent and is kept: {error}")]),
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
        .field("notifications_repeated", outcome.notifications_repeated as f64)
        .field("notifications_below_severity", outcome.notifications_below_severity as f64)
        .field("alerts_collected", outcome.alerts_collected as f64)
}
