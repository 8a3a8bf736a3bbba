//! The function as Lambda runs it: an event in, an alert out, once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use onlooker_core::time::Time;
use serde_json::{Value, json};
use test_support::cloud::{ACCOUNT, Answer, Cloud, Fault, lambda::Function, trail::call};

const FUNCTION: &str = env!("CARGO_BIN_EXE_watch");
const WATCHED: [(&str, &str); 1] = [("ONLOOKER_WATCH", "arn:aws:iam::*:role/Auditor")];

fn event(name: &str) -> Value {
    let time = Time::parse("2027-01-30T05:00:00Z").unwrap();
    json!({
        "version": "0", "id": "e", "detail-type": "AWS API Call via CloudTrail", "source": "aws.s3",
        "account": ACCOUNT, "time": "2027-01-30T05:00:00Z", "region": "eu-west-1", "resources": [],
        "detail": call(7, time, "eu-west-1", name),
    })
}

#[test]
fn a_write_is_notified_once_on_the_topic_and_the_bus() {
    let cloud = Cloud::start();
    let function = Function::start(FUNCTION, &cloud, &WATCHED);
    assert_eq!(function.invoke(event("DeleteBucket")), Ok(json!({ "events": 1, "alerts": 1, "told": 2 })));
    assert_eq!(function.invoke(event("DeleteBucket")), Ok(json!({ "events": 1, "alerts": 1, "told": 0 })));
    let state = cloud.state();
    assert_eq!((state.published.len(), state.put.len()), (1, 1));
    assert_eq!(state.published[0]["TopicArn"], "arn:aws:sns:eu-west-1:111122223333:news");
    assert_eq!(state.put[0]["DetailType"], "Read-Only Violation Detected");
    assert_eq!(state.put[0]["EventBusName"], "news");
    let severity = &state.published[0]["MessageAttributes.entry.1.Value.StringValue"];
    let detail: Value = serde_json::from_str(state.put[0]["Detail"].as_str().unwrap()).unwrap();
    assert!(["LOW", "MEDIUM", "HIGH", "CRITICAL"].contains(&severity.as_str()));
    assert!(detail.to_string().contains("DeleteBucket"), "{detail}");
}

#[test]
fn a_read_is_neither_alerted_nor_recorded() {
    let cloud = Cloud::start();
    let function = Function::start(FUNCTION, &cloud, &WATCHED);
    assert_eq!(function.invoke(event("ListBuckets")), Ok(json!({ "events": 1, "alerts": 0, "told": 0 })));
    assert!(cloud.state().tables["t"].is_empty());
    assert_eq!(function.metrics()[0]["alerts"], 0);
}

#[test]
fn an_event_not_from_cloudtrail_is_an_error() {
    let cloud = Cloud::start();
    let function = Function::start(FUNCTION, &cloud, &WATCHED);
    let (kind, _) = function.invoke(json!({ "hello": "world" })).unwrap_err();
    assert_eq!(kind, "InvalidRequest");
    let function = Function::start(FUNCTION, &cloud, &[("ONLOOKER_TOPIC", ""), ("ONLOOKER_BUS", "")]);
    let (kind, message) = function.invoke(event("DeleteBucket")).unwrap_err();
    assert_eq!(kind, "InvalidConfiguration");
    assert!(message.contains("nobody would be told"), "{message}");
}

#[test]
fn a_failed_notification_is_sent_on_retry() {
    let cloud = Cloud::start();
    let said = "User: x is not authorized to perform: SNS:Publish";
    cloud.plan(move |request| {
        let denied = request.operation() == "Publish";
        denied.then(|| Fault::Answer(Answer::query_error(403, "AuthorizationError", said)))
    });
    let function = Function::start(FUNCTION, &cloud, &WATCHED);
    let (kind, message) = function.invoke(event("DeleteBucket")).unwrap_err();
    assert_eq!(kind, "AccessDenied");
    assert!(message.contains("sns:Publish") && message.contains(said), "{message}");
    assert_eq!(cloud.state().put.len(), 1, "the bus was told all the same");
    cloud.plan(|_| None);
    function.invoke(event("DeleteBucket")).unwrap();
    let state = cloud.state();
    assert_eq!((state.published.len(), state.put.len()), (1, 1));
}
