//! Announcements.

use onlooker_core::{
    operation::RiskLevel,
    ports::{Notification, NotificationSink, PortErrorKind},
};
use serde_json::json;

use super::Place;

fn news(kind: &'static str) -> Notification {
    Notification {
        id: "1".to_owned(),
        detail_type: kind,
        severity: RiskLevel::High,
        subject: "Auditor wrote".to_owned(),
        text: "Auditor wrote\nto a bucket".to_owned(),
        detail: json!({ "principal": "Auditor" }),
    }
}

#[test]
fn a_message_carries_its_severity_to_filter_by() {
    let place = Place::new();
    place
        .aws
        .topic("arn:aws:sns:eu-west-1:111122223333:alerts")
        .send(&news("Read-Only Violation Detected"))
        .unwrap();
    let published = &place.cloud.state().published[0];
    assert_eq!(published["TopicArn"], "arn:aws:sns:eu-west-1:111122223333:alerts");
    assert_eq!(published["Subject"], "Auditor wrote");
    assert_eq!(published["Message"], "Auditor wrote\nto a bucket");
    assert_eq!(published["MessageAttributes.entry.1.Name"], "severity");
    assert_eq!(published["MessageAttributes.entry.1.Value.StringValue"], "HIGH");
}

#[test]
fn an_event_the_bus_refused_is_an_error_although_the_call_succeeded() {
    let place = Place::new();
    let bus = place.aws.event_bus("security");
    bus.send(&news("Read-Only Violation Detected")).unwrap();
    let event = place.cloud.state().put[0].clone();
    assert_eq!(event["Source"], "onlooker");
    assert_eq!(event["DetailType"], "Read-Only Violation Detected");
    assert_eq!(event["EventBusName"], "security");
    assert_eq!(event["Detail"], r#"{"principal":"Auditor"}"#);
    let error = bus.send(&news("Refused")).unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Throttled);
    assert_eq!(
        error.to_string(),
        "cannot put an event on (events:PutEvents) `security`: ThrottlingException: too many of them"
    );
}
