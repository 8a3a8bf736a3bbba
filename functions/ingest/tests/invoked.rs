//! The function as Lambda runs it: messages of a queue, and items of a state machine.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use onlooker_core::time::Time;
use serde_json::{Value, json};
use test_support::fake_aws::{ACCOUNT, FakeAws, etag, event_history::call_record, lambda::RunningFunction};

const FUNCTION: &str = env!("CARGO_BIN_EXE_ingest");
const KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2027/01/30/111122223333_CloudTrail_us-east-1_20270130T0505Z_a.json.gz";

/// Delivers an object. Returns the notification that a queue receives.
fn deliver(cloud: &FakeAws, key: &str, bytes: &[u8]) -> Value {
    cloud.state().bucket("logs").put(key, bytes);
    let record = json!({
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2027-01-30T05:05:10.000Z",
        "s3": { "bucket": { "name": "logs" }, "object": { "key": key, "size": bytes.len(), "eTag": etag(bytes) } },
    });
    json!({ "Records": [record] })
}

fn queue(bodies: &[String]) -> Value {
    let record = |(n, body): (usize, &String)| {
        json!({
            "messageId": format!("m{n}"), "body": body, "eventSource": "aws:sqs",
            "attributes": { "SentTimestamp": "1801285510000" },
        })
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

fn log_file(calls: u32) -> Vec<u8> {
    let time = |n| Time(Time::parse("2027-01-30T05:00:00Z").unwrap().0 + n);
    let records: Vec<Value> =
        (0..calls).map(|n| call_record(n, time(n), "us-east-1", "ListBuckets")).collect();
    json!({ "Records": records }).to_string().into_bytes()
}

#[test]
fn each_message_gets_its_own_response() {
    let cloud = FakeAws::start();
    let good = deliver(&cloud, KEY, &log_file(10)).to_string();
    let missing = good.replace("_a.json.gz", "_b.json.gz");
    let damaged = deliver(&cloud, &KEY.replace("_a.", "_c."), b"\x1f\x8bnothing").to_string();
    let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs" }).to_string();
    let function = RunningFunction::start(FUNCTION, &cloud, &[]);
    let bodies = [good.clone(), missing, "not JSON".to_owned(), damaged, test, good];
    let response = function.invoke(queue(&bodies)).unwrap();
    let failed = [1, 2, 3].map(|n| json!({ "itemIdentifier": format!("m{n}") }));
    assert_eq!(response, json!({ "batchItemFailures": failed }));
    let metrics = &function.metrics(1)[0];
    let metric = |name: &str| metrics[name].as_u64();
    assert_eq!((metric("messages"), metric("messages_failed")), (Some(6), Some(3)));
    assert_eq!(
        (metric("records"), metric("unreadable"), metric("objects_missing")),
        (Some(11), Some(1), Some(1))
    );
    assert!(cloud.stored_keys().iter().any(|key| key.starts_with("evidence/dt=2027-01-30/")));
    let shards = format!("SHARD#{ACCOUNT}#us-east-1#2027-01-30");
    assert!(cloud.table().keys().any(|(partition, _)| *partition == shards));
}

#[test]
fn a_run_that_reads_nothing_fails() {
    let cloud = FakeAws::start();
    let missing = deliver(&cloud, KEY, &log_file(3)).to_string().replace("_a.json.gz", "_b.json.gz");
    let function = RunningFunction::start(FUNCTION, &cloud, &[]);
    let message = function.invoke_failing(queue(&[missing.clone(), missing]), "JobFailed");
    assert!(message.contains("all 2 messages failed") && message.contains("_b.json.gz"), "{message}");
    let metrics = &function.metrics(1)[0];
    assert_eq!((metrics["failed"].as_u64(), metrics["objects_missing"].as_u64()), (Some(1), Some(1)));
}

#[test]
fn a_state_machine_gets_a_success_or_a_failure() {
    let cloud = FakeAws::start();
    deliver(&cloud, KEY, &log_file(3));
    let function = RunningFunction::start(FUNCTION, &cloud, &[]);
    let item = |key: &str| json!({ "bucket": "logs", "key": key, "etag": etag(&log_file(3)), "size": 9 });
    let response = function.invoke(json!({ "Items": [item(KEY)] })).unwrap();
    assert_eq!(response["statistics"]["tallied"], 3);
    let message = function.invoke_failing(item("none.json.gz"), "JobFailed");
    assert!(message.contains("s3://logs/none.json.gz") && message.contains("NoSuchKey"), "{message}");
}

#[test]
fn every_message_fails_if_the_evidence_cannot_be_stored() {
    let cloud = FakeAws::start();
    let good = deliver(&cloud, KEY, &log_file(3)).to_string();
    let denial = cloud.deny("s3:PutObject");
    let function = RunningFunction::start(FUNCTION, &cloud, &[]);
    let message = function.invoke_failing(queue(&[good]), "AccessDenied");
    assert!(message.contains("cannot write (s3:PutObject)") && message.contains(&denial), "{message}");
}
