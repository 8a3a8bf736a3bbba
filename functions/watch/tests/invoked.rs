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
    json!({ "schema_version": "1.0", "events": 1, "alerts": alerts, "notifications_sent": notifications_sent })
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

/// A configuration with a webhook at the metadata service, of which nothing is sent.
const BLOCKED_WEBHOOK: &str = r#"
[[watch]]
principal = "arn:aws:iam::*:role/Auditor"
[[alerts.webhook]]
name = "blocked"
kind = "slack"
url = "https://169.254.169.254/services/tOkEn"
"#;

#[test]
fn a_webhook_at_an_address_that_is_not_public_stops_no_other_sink_and_is_told_without_its_url() {
    let cloud = FakeAws::start();
    cloud.state().bucket("settings").put("onlooker.toml", BLOCKED_WEBHOOK);
    let file = ("ONLOOKER_CONFIG", "s3://settings/onlooker.toml");
    let function = RunningFunction::start(FUNCTION, &cloud, &[file]);
    for _ in 0..2 {
        let message = function.invoke_failing(event("DeleteBucket"), "NotificationFailed");
        assert!(
            message.contains("through webhook-blocked")
                && message.contains("`169.254.169.254` has the address 169.254.169.254, which is not public"),
            "{message}"
        );
    }
    let log = function.log();
    let shown = format!("{:?}{log}{:?}", cloud.latest_run("watch"), cloud.table());
    assert!(!shown.contains("tOkEn") && log.contains("NotificationFailed"), "{shown}");
    // The others sent it once, although the function ran twice.
    let state = cloud.state();
    assert_eq!((state.published.len(), state.put_events.len()), (1, 1));
}

#[test]
fn settings_of_alerts_limit_what_is_sent_and_metrics_count_the_rest() {
    let cloud = FakeAws::start();
    let deduplicated = [WATCH_AUDITOR, ("ONLOOKER_ALERTS_DEDUPLICATION_SECONDS", "3600")];
    let function = RunningFunction::start(FUNCTION, &cloud, &deduplicated);
    assert_eq!(function.invoke(event("DeleteBucket")), Ok(response(1, 2)));
    let mut another = event("DeleteBucket");
    another["detail"]["eventID"] = "00000000-0000-4000-8000-00000000abcd".into();
    assert_eq!(function.invoke(another), Ok(response(1, 0)));
    assert_eq!(function.metrics(2)[1]["notifications_repeated"], 2);
    let collecting = [WATCH_AUDITOR, ("ONLOOKER_ALERTS_DIGEST_MINUTES", "1440")];
    let function = RunningFunction::start(FUNCTION, &cloud, &collecting);
    assert_eq!(function.invoke(event("PutBucketPolicy")), Ok(response(1, 0)));
    assert_eq!(function.metrics(1)[0]["alerts_collected"], 1);
    let state = cloud.state();
    assert_eq!((state.published.len(), state.put_events.len()), (1, 1));
    drop(state);
    assert!(cloud.table().keys().any(|(partition, _)| partition == "NOTIFICATION#digest"));
}
