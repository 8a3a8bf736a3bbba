//! SNS and EventBridge as [`NotificationSink`]s.
//!
//! Enters: a notification. Leaves: an SNS message for people, or an EventBridge event for programs. Law: an event
//! that the bus rejected is an error, although the call succeeded.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types::MessageAttributeValue;

use super::{
    error::{failure_kind, port_error, sdk_error},
    session::AwsSession,
};
use onlooker_core::{
    ports::{Notification, NotificationSink, PortError, PortErrorKind},
    render::webhook::SOURCE,
};

const PUBLISH: &str = "publish (sns:Publish) to";
const PUT_EVENTS: &str = "put an event (events:PutEvents) on";

/// Maximum number of characters of a subject, and most bytes of a message, that SNS accepts:
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.
const MAX_SUBJECT_CHARS: usize = 99;
const MAX_MESSAGE_BYTES: usize = 262_144;

/// An SNS topic. The severity is a message attribute for subscription filters.
#[derive(Clone, Debug)]
pub struct SnsTopic {
    aws: AwsSession,
    arn: String,
}

impl SnsTopic {
    pub(super) const fn new(aws: AwsSession, arn: String) -> Self {
        Self { aws, arn }
    }
}

impl NotificationSink for SnsTopic {
    fn name(&self) -> &'static str {
        "sns"
    }

    fn send(&self, notification: &Notification) -> Result<(), PortError> {
        let severity =
            MessageAttributeValue::builder().data_type("String").string_value(notification.severity.as_str());
        let severity = severity
            .build()
            .map_err(|error| port_error(PUBLISH, &self.arn, PortErrorKind::Other, error.to_string()))?;
        let publish = self
            .aws
            .sns()
            .publish()
            .topic_arn(&self.arn)
            .subject(email_subject(&notification.subject))
            .message(truncate(&notification.text, MAX_MESSAGE_BYTES))
            .message_attributes("severity", severity);
        let done = self.aws.block_on(publish.send());
        done.map(|_| ()).map_err(|error| sdk_error(PUBLISH, &self.arn, &error))
    }
}

/// An EventBridge bus as a notification sink.
#[derive(Clone, Debug)]
pub struct EventBus {
    aws: AwsSession,
    name: String,
}

impl EventBus {
    pub(super) const fn new(aws: AwsSession, name: String) -> Self {
        Self { aws, name }
    }
}

impl NotificationSink for EventBus {
    fn name(&self) -> &'static str {
        "eventbridge"
    }

    fn send(&self, notification: &Notification) -> Result<(), PortError> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(notification.detail_type)
            .detail(notification.detail.to_string());
        let put = self.aws.eventbridge().put_events().entries(entry.build());
        let done =
            self.aws.block_on(put.send()).map_err(|error| sdk_error(PUT_EVENTS, &self.name, &error))?;
        if done.failed_entry_count == 0 {
            return Ok(());
        }
        let entries = done.entries.unwrap_or_default();
        let rejected = entries
            .into_iter()
            .find(|entry| entry.error_code.is_some())
            .unwrap_or_else(|| aws_sdk_eventbridge::types::PutEventsResultEntry::builder().build());
        let code = rejected.error_code.unwrap_or_else(|| "rejected".to_owned());
        // The bus responded, so an unknown code is an error of another kind.
        let said = format!("{code}: {}", rejected.error_message.unwrap_or_default());
        Err(port_error(PUT_EVENTS, &self.name, failure_kind(&code, 400), said))
    }
}

/// A subject for e-mail: printable ASCII of limited length.
fn email_subject(text: &str) -> String {
    let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.trim_start().chars().take(MAX_SUBJECT_CHARS).map(printable).collect()
}

/// At most the first `most` bytes of a text, cut at a character boundary.
fn truncate(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_printable_ascii_of_limited_length() {
        assert_eq!(
            email_subject(" Auditor wrote\nin eu-west-1 \u{2014} now"),
            "Auditor wrote?in eu-west-1 ? now"
        );
        assert_eq!(email_subject(&"a".repeat(200)).len(), 99);
        assert_eq!(truncate("aé", 2), "a");
        assert_eq!(truncate("aé", 9), "aé");
    }
}
