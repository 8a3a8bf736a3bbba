//! Notifications sent to SNS topics and EventBridge buses.

use onlooker_core::{
    operation::RiskLevel,
    ports::{Notification, NotificationSink, PortErrorKind},
};
use serde_json::json;

use super::AwsFixture;

fn notification(kind: &'static str) -> Notification {
    Notification {
        id: "1".to_owned(),
        detail_type: kind,
        severity: RiskLevel::High,
        subject: "Auditor wrote".to_owned(),
        text: "Auditor wrote\nto a bucket".to_owned(),
        detail: json!({ "principal": "Auditor" }),
        deduplication_key: "1".to_owned(),
        deduplication_seconds: 0,
    }
}

#[test]
fn a_message_has_its_severity_as_an_attribute() {
    let fixture = AwsFixture::new();
    fixture
        .aws
        .topic("arn:aws:sns:eu-west-1:111122223333:alerts")
        .send(&notification("Read-Only Violation Detected"))
        .unwrap();
    let published = &fixture.fake_aws.state().published[0];
    assert_eq!(published["TopicArn"], "arn:aws:sns:eu-west-1:111122223333:alerts");
    assert_eq!(published["Subject"], "Auditor wrote");
    assert_eq!(published["Message"], "Auditor wrote\nto a bucket");
    assert_eq!(published["MessageAttributes.entry.1.Name"], "severity");
    assert_eq!(published["MessageAttributes.entry.1.Value.StringValue"], "HIGH");
}

#[test]
fn a_rejected_put_events_entry_is_an_error() {
    let fixture = AwsFixture::new();
    let bus = fixture.aws.event_bus("security");
    bus.send(&notification("Read-Only Violation Detected")).unwrap();
    let event = fixture.fake_aws.state().put_events[0].clone();
    assert_eq!(event["Source"], "onlooker");
    assert_eq!(event["DetailType"], "Read-Only Violation Detected");
    assert_eq!(event["EventBusName"], "security");
    assert_eq!(event["Detail"], r#"{"principal":"Auditor"}"#);
    let error = bus.send(&notification("Rejected")).unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Throttled);
    assert_eq!(
        error.to_string(),
        "cannot put an event (events:PutEvents) on `security`: ThrottlingException: too many of them"
    );
}
