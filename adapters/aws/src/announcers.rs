//! SNS and EventBridge as [`Announcer`]s.
//!
//! Enters: news. Leaves: a message for people, an event for programs. Law: an event the bus did not take is an error,
//! although the call succeeded.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sns::types::MessageAttributeValue;

use super::{
    failure::{failed, failure, kind},
    session::Aws,
};
use onlooker_core::ports::{Announcement, Announcer, FailureKind, PortError};

const PUBLISH: &str = "publish to (sns:Publish)";
const PUT: &str = "put an event on (events:PutEvents)";

/// Who sends our events.
const SOURCE: &str = "onlooker";

/// Characters of a subject, and bytes of a message, that SNS takes at most:
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.
const SUBJECT: usize = 99;
const MESSAGE: usize = 262_144;

/// An SNS topic. The severity is a message attribute, to filter by.
#[derive(Clone, Debug)]
pub struct SnsTopic {
    aws: Aws,
    arn: String,
}

impl SnsTopic {
    pub(super) const fn new(aws: Aws, arn: String) -> Self {
        Self { aws, arn }
    }
}

impl Announcer for SnsTopic {
    fn name(&self) -> &'static str {
        "sns"
    }

    fn announce(&self, news: &Announcement) -> Result<(), PortError> {
        let severity =
            MessageAttributeValue::builder().data_type("String").string_value(news.severity.as_str());
        let severity = severity
            .build()
            .map_err(|error| failure(PUBLISH, &self.arn, FailureKind::Other, error.to_string()))?;
        let publish = self
            .aws
            .sns()
            .publish()
            .topic_arn(&self.arn)
            .subject(subject(&news.subject))
            .message(cut(&news.text, MESSAGE))
            .message_attributes("severity", severity);
        let done = self.aws.wait(publish.send());
        done.map(|_| ()).map_err(|error| failed(PUBLISH, &self.arn, &error))
    }
}

/// An EventBridge bus.
#[derive(Clone, Debug)]
pub struct EventBus {
    aws: Aws,
    name: String,
}

impl EventBus {
    pub(super) const fn new(aws: Aws, name: String) -> Self {
        Self { aws, name }
    }
}

impl Announcer for EventBus {
    fn name(&self) -> &'static str {
        "eventbridge"
    }

    fn announce(&self, news: &Announcement) -> Result<(), PortError> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(news.kind)
            .detail(news.detail.to_string());
        let put = self.aws.eventbridge().put_events().entries(entry.build());
        let done = self.aws.wait(put.send()).map_err(|error| failed(PUT, &self.name, &error))?;
        if done.failed_entry_count == 0 {
            return Ok(());
        }
        let entries = done.entries.unwrap_or_default();
        let refused = entries
            .into_iter()
            .find(|entry| entry.error_code.is_some())
            .unwrap_or_else(|| aws_sdk_eventbridge::types::PutEventsResultEntry::builder().build());
        let code = refused.error_code.unwrap_or_else(|| "refused".to_owned());
        // The bus answered, so a code nobody knows is its own trouble.
        let said = format!("{code}: {}", refused.error_message.unwrap_or_default());
        Err(failure(PUT, &self.name, kind(&code, 400), said))
    }
}

/// A subject as e-mail takes it: printable ASCII, not too long.
fn subject(text: &str) -> String {
    let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    text.trim_start().chars().take(SUBJECT).map(printable).collect()
}

/// The first bytes of a text, whole characters only.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_what_e_mail_takes() {
        assert_eq!(subject(" Auditor wrote\nin eu-west-1 \u{2014} now"), "Auditor wrote?in eu-west-1 ? now");
        assert_eq!(subject(&"a".repeat(200)).len(), 99);
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 9), "aé");
    }
}
