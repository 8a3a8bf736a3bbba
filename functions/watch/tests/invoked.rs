//! The function as Lambda runs it: one alert for each event, and none for a duplicate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use onlooker_core::time::Time;
use serde_json::{Value, json};
use test_support::fake_aws::{
    ACCOUNT, FakeAws, HttpFault, HttpResponse, event_history::call_record, lambda::RunningFunction,
};

const FUNCTION: &str = env!("CARGO_BIN_EXE_watch");
const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:notifications";
const VARIABLES: [(&str, &str); 3] = [
    ("ONLOOKER_WATCH", "arn:aws:iam::*:role/Auditor"),
    ("ONLOOKER_TOPIC", TOPIC),
    ("ONLOOKER_BUS", "notifications"),
];

fn event(name: &str) -> Value {
    let time = Time::parse("2027-01-30T05:00:00Z").unwrap();
    json!({
        "version": "0", "id": "e", "detail-type": "AWS API Call via CloudTrail", "source": "aws.s3",
        "account": ACCOUNT, "time": "2027-01-30T05:00:00Z", "region": "eu-west-1", "resources": [],
        "detail": call_record(7, time, "eu-west-1", name),
    })
}

/// The response to one event.
fn response(alerts: u64, notifications_sent: u64) -> Value {
    json!({ "events": 1, "alerts": alerts, "notifications_sent": notifications_sent })
}

#[test]
fn a_write_is_notified_once_on_the_topic_and_the_bus() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &VARIABLES);
    assert_eq!(function.invoke(event("DeleteBucket")), Ok(response(1, 2)));
    assert_eq!(function.invoke(event("DeleteBucket")), Ok(response(1, 0)));
    let state = cloud.state();
    assert_eq!((state.published.len(), state.put_events.len()), (1, 1));
    assert_eq!(state.published[0]["TopicArn"], TOPIC);
    assert_eq!(state.put_events[0]["DetailType"], "Read-Only Violation Detected");
    assert_eq!(state.put_events[0]["EventBusName"], "notifications");
    let severity = &state.published[0]["MessageAttributes.entry.1.Value.StringValue"];
    let detail: Value = serde_json::from_str(state.put_events[0]["Detail"].as_str().unwrap()).unwrap();
    assert!(["LOW", "MEDIUM", "HIGH", "CRITICAL"].contains(&severity.as_str()));
    assert!(detail.to_string().contains("DeleteBucket"), "{detail}");
}

#[test]
fn a_read_is_neither_alerted_nor_recorded() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &VARIABLES);
    assert_eq!(function.invoke(event("ListBuckets")), Ok(response(0, 0)));
    assert!(cloud.state().tables["t"].is_empty());
    assert_eq!(function.metrics()[0]["alerts"], 0);
}

#[test]
fn an_event_not_from_cloudtrail_is_an_error() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &VARIABLES);
    let (kind, _) = function.invoke(json!({ "hello": "world" })).unwrap_err();
    assert_eq!(kind, "InvalidRequest");
    let function = RunningFunction::start(FUNCTION, &cloud, &[("ONLOOKER_TOPIC", ""), ("ONLOOKER_BUS", "")]);
    let (kind, message) = function.invoke(event("DeleteBucket")).unwrap_err();
    assert_eq!(kind, "InvalidConfiguration");
    assert!(message.contains("`ONLOOKER_TOPIC`") && message.contains("`ONLOOKER_BUS`"), "{message}");
}

#[test]
fn a_failed_notification_is_sent_on_retry() {
    let cloud = FakeAws::start();
    let denial = "User: x is not authorized to perform: SNS:Publish";
    cloud.inject_faults(move |request| {
        let denied = request.operation() == "Publish";
        denied.then(|| HttpFault::Respond(HttpResponse::query_error(403, "AuthorizationError", denial)))
    });
    let function = RunningFunction::start(FUNCTION, &cloud, &VARIABLES);
    let (kind, message) = function.invoke(event("DeleteBucket")).unwrap_err();
    assert_eq!(kind, "AccessDenied");
    assert!(message.contains("sns:Publish") && message.contains(denial), "{message}");
    assert_eq!(cloud.state().put_events.len(), 1, "the event is on the bus all the same");
    cloud.inject_faults(|_| None);
    function.invoke(event("DeleteBucket")).unwrap();
    let state = cloud.state();
    assert_eq!((state.published.len(), state.put_events.len()), (1, 1));
}
