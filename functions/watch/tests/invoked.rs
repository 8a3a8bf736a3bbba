//! The function as Lambda runs it: one alert for each event, and none for a duplicate.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use onlooker_core::time::Time;
use serde_json::{Value, json};
use test_support::fake_aws::{
    ACCOUNT, FakeAws,
    event_history::{WATCH_AUDITOR, call_record},
    lambda::{RunningFunction, TOPIC},
};

const FUNCTION: &str = env!("CARGO_BIN_EXE_watch");

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
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
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
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR, ("ONLOOKER_LOG", "debug")]);
    assert_eq!(function.invoke(event("ListBuckets")), Ok(response(0, 0)));
    assert!(cloud.table().is_empty());
    assert_eq!(function.metrics(1)[0]["alerts"], 0);
}

#[test]
fn an_event_without_an_alert_writes_nothing_to_the_log() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    for _ in 0..3 {
        assert_eq!(function.invoke(event("ListBuckets")), Ok(response(0, 0)));
    }
    assert_eq!(function.invoke(event("DeleteBucket")), Ok(response(1, 2)));
    // The metrics of the alert are the only ones.
    assert_eq!(function.metrics(1)[0]["alerts"], 1);
    assert_eq!(function.log(), "");
}

#[test]
fn an_event_not_from_cloudtrail_is_an_error() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    function.invoke_failing(json!({ "hello": "world" }), "InvalidRequest");
    let function = RunningFunction::start(FUNCTION, &cloud, &[("ONLOOKER_TOPIC", ""), ("ONLOOKER_BUS", "")]);
    let message = function.invoke_failing(event("DeleteBucket"), "InvalidConfiguration");
    assert!(message.contains("`ONLOOKER_TOPIC`") && message.contains("`ONLOOKER_BUS`"), "{message}");
}

#[test]
fn a_failed_notification_is_sent_on_retry() {
    let cloud = FakeAws::start();
    let denial = cloud.deny("sns:Publish");
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let message = function.invoke_failing(event("DeleteBucket"), "AccessDenied");
    assert!(message.contains("sns:Publish") && message.contains(&denial), "{message}");
    assert_eq!(cloud.state().put_events.len(), 1, "the event is on the bus all the same");
    cloud.end_faults();
    function.invoke(event("DeleteBucket")).unwrap();
    let state = cloud.state();
    assert_eq!((state.published.len(), state.put_events.len()), (1, 1));
}
