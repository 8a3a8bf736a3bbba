//! Lambda function `ingest`: reads log files that a trail delivered.
//!
//! Enters: messages of an SQS queue, each of which gets its own answer, or an item or a batch of objects from a state machine.
//! Leaves: evidence in the bucket and the table. Permissions: `s3:GetObject` of the log files, the table, and `evidence/` and
//! `segments/` in the bucket.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::Error;
use onlooker_aws::S3Source;
use onlooker_core::{
    jobs::{
        answers::FunctionAnswer,
        ingest::{IngestError, IngestMessage, IngestOutcome, ingest},
    },
    ports::Clock as _,
    render::emf::{MetricUnit, Metrics},
    time::Time,
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, PayloadText, serve};

fn main() -> Result<(), Error> {
    serve("ingest", std::env::vars_os(), run)
}

fn run(invocation: &Invocation<'_>, payload: PayloadText) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources, settings, clock, .. } = invocation;
    let now = clock.now();
    let queued = queue_messages(payload.as_str(), now)?;
    let is_queue = queued.is_some();
    let messages = queued.unwrap_or_else(|| {
        let (id, body) = ("payload".to_owned(), payload.as_str().to_owned());
        vec![IngestMessage { id, body, sent_at: now, receive_count: 0 }]
    });
    let source = S3Source::new(resources.aws.clone(), Vec::new());
    let ingested =
        ingest(&source, &resources.evidence, &settings.config, clock, &messages, Some(invocation.auditing()));
    let ingested = ingested.map_err(|error| match error {
        IngestError::Evidence(error) => FunctionError::from(error),
        IngestError::Audit(error) => error.into(),
    })?;
    let metrics = metrics(&ingested, &messages, now);
    for failed in &ingested.failed {
        tracing::warn!(
            message_id = failed.message_id,
            exception = failed.cause,
            "the message failed; SQS will deliver it again"
        );
    }
    // A run that could read nothing has failed. If it answered, nothing but the metrics would show it.
    let is_whole = !messages.is_empty() && ingested.failed.len() == messages.len();
    let response = match ingested.failed.first() {
        Some(first) if is_queue && is_whole => {
            let count = messages.len();
            let what = format!("all {count} messages failed; the first: {}", first.cause);
            return Err(FunctionError::new("JobFailed", what).with_metrics(metrics));
        }
        _ if is_queue => {
            let mut response = SqsBatchResponse::default();
            response.set_failures(ingested.failed.iter().map(|one| &*one.message_id));
            serde_json::to_value(response)?
        }
        // A state machine distinguishes only success and failure.
        Some(first) => return Err(FunctionError::new("JobFailed", &*first.cause).with_metrics(metrics)),
        None => FunctionAnswer::Ingest(ingested).to_json()?,
    };
    Ok(JobOutcome { response, metrics, is_quiet: false, notes: Vec::new() })
}

/// The messages of a queue. `None` if another service invoked the function.
fn queue_messages(payload: &str, now: Time) -> Result<Option<Vec<IngestMessage>>, FunctionError> {
    let is_queued = |message: &SqsMessage| message.event_source.as_deref() == Some("aws:sqs");
    let event = serde_json::from_str::<SqsEvent>(payload).ok();
    let Some(SqsEvent { records, .. }) = event.filter(|event| event.records.iter().all(is_queued)) else {
        return Ok(None);
    };
    let message = |SqsMessage { message_id, body, attributes, .. }| {
        let attribute = |name: &str| attributes.get(name)?.parse::<u64>().ok();
        let sent = attribute("SentTimestamp");
        let sent = sent.and_then(|milliseconds| u32::try_from(milliseconds / 1_000).ok()).map_or(now, Time);
        let received = attribute("ApproximateReceiveCount").unwrap_or_default();
        let receive_count = u32::try_from(received).unwrap_or(u32::MAX);
        Some(IngestMessage { id: message_id?, body: body?, sent_at: sent, receive_count })
    };
    let messages: Option<Vec<IngestMessage>> = records.into_iter().map(message).collect();
    messages.map(Some).ok_or_else(|| {
        FunctionError::new("InvalidRequest", "a record of the queue has no `messageId` or no `body`")
    })
}

fn metrics(ingested: &IngestOutcome, messages: &[IngestMessage], now: Time) -> Metrics {
    let statistics = &ingested.statistics;
    let lag = messages.iter().map(|message| now.since(message.sent_at)).max().unwrap_or_default();
    Metrics::default()
        .count("messages", messages.len() as u64)
        .count("messages_failed", ingested.failed.len() as u64)
        .count("objects", statistics.objects)
        .count("objects_missing", ingested.missing_objects)
        .count("objects_unreadable", ingested.unreadable_objects)
        .count("records", statistics.records)
        .count("duplicates", statistics.duplicate)
        .count("unreadable", statistics.unreadable)
        .count("skipped", ingested.skipped)
        .with("read", MetricUnit::Bytes, statistics.bytes as f64)
        .with("stored", MetricUnit::Bytes, ingested.stored_bytes as f64)
        .with("lag", MetricUnit::Seconds, f64::from(lag))
}
