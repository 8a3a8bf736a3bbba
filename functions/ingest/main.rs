//! Lambda function `ingest`: reads log files that a trail delivered.
//!
//! Enters: messages of an SQS queue, each of which gets its own answer, or an item or a batch of objects from a state machine.
//! Leaves: evidence in the bucket and the table. Permissions: `s3:GetObject` of the log files, the table, and `evidence/` and
//! `segments/` in the bucket.

use lambda_runtime::Error;
use onlooker_aws::S3Source;
use onlooker_core::{
    jobs::ingest::{IngestMessage, IngestOutcome, ingest},
    ports::Clock as _,
    render::emf::{MetricUnit, Metrics},
    time::Time,
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, serve};
use serde_json::{Value, json};

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    serve("ingest", std::env::vars_os(), run).await
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources, settings, clock, .. } = invocation;
    let now = clock.now();
    let queued = queue_messages(&payload, now)?;
    let is_queue = queued.is_some();
    let messages = queued.unwrap_or_else(|| {
        vec![IngestMessage {
            id: "payload".to_owned(),
            body: payload.to_string(),
            sent_at: now,
            receive_count: 0,
        }]
    });
    let source = S3Source::new(resources.aws.clone(), Vec::new());
    let ingested = ingest(&source, &resources.evidence, &settings.config, &messages)?;
    let metrics = metrics(&ingested, &messages, now);
    for failed in &ingested.failed {
        tracing::warn!(
            message = failed.message_id,
            cause = failed.cause,
            "the message failed, SQS delivers it again"
        );
    }
    match ingested.failed.first() {
        // A state machine distinguishes only success and failure.
        Some(first) if !is_queue => {
            Err(FunctionError::new("JobFailed", first.cause.clone()).with_metrics(metrics))
        }
        _ => {
            let failure = |message: &String| json!({ "itemIdentifier": message });
            let failures: Vec<Value> = ingested.failed.iter().map(|one| failure(&one.message_id)).collect();
            let response = if is_queue { json!({ "batchItemFailures": failures }) } else { json!(ingested) };
            Ok(JobOutcome { response, metrics, skip_run_record: false })
        }
    }
}

/// The messages of a queue. `None` if another service invoked the function.
fn queue_messages(payload: &Value, now: Time) -> Result<Option<Vec<IngestMessage>>, FunctionError> {
    let is_queued = |record: &Value| record.get("eventSource") == Some(&Value::from("aws:sqs"));
    let Some(records) = payload.get("Records").and_then(Value::as_array) else { return Ok(None) };
    if !records.iter().all(is_queued) {
        return Ok(None);
    }
    let message = |record: &Value| {
        let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
        let attribute = |name: &str| {
            let value = record.get("attributes").and_then(|all| all.get(name)).and_then(Value::as_str);
            value.and_then(|number| number.parse::<u64>().ok())
        };
        let sent = attribute("SentTimestamp");
        let sent = sent.and_then(|milliseconds| u32::try_from(milliseconds / 1_000).ok()).map_or(now, Time);
        let received = attribute("ApproximateReceiveCount").unwrap_or_default();
        let received = u32::try_from(received).unwrap_or(u32::MAX);
        Some(IngestMessage {
            id: text("messageId")?,
            body: text("body")?,
            sent_at: sent,
            receive_count: received,
        })
    };
    let messages: Option<Vec<IngestMessage>> = records.iter().map(message).collect();
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
