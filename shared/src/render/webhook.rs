//! What is posted to a webhook, and the JSON document of a generic one.
//!
//! Enters: a [`Notification`] and the kind of the webhook. Leaves: JSON. Law: a generic webhook gets what the event bus gets, under the
//! same names, with the version of this shape.

use serde_json::{Value, json};

use super::{slack, teams};
use crate::{config::WebhookKind, ports::Notification};

/// `source` of events and of posted documents.
pub const SOURCE: &str = "onlooker";

/// Version of the document of a generic webhook. The first number changes when a reader of the old shape would be misled.
pub const WEBHOOK_VERSION: &str = "1.0";

/// The document to post.
pub fn payload(kind: WebhookKind, notification: &Notification) -> Value {
    match kind {
        WebhookKind::Slack => slack::message(notification),
        WebhookKind::Teams => teams::message(notification),
        WebhookKind::Generic => document(notification),
    }
}

/// The document of a generic webhook: `source`, `detail-type` and `detail` are those of the event on the bus.
pub fn document(notification: &Notification) -> Value {
    json!({
        "schema_version": WEBHOOK_VERSION,
        "id": notification.id,
        "source": SOURCE,
        "detail-type": notification.detail_type,
        "severity": notification.severity.as_str(),
        "subject": notification.subject,
        "text": notification.text,
        "detail": notification.detail,
    })
}

/// Lines of a text that fit, and how many do not. `cost` is what a line takes of the limit.
pub(super) fn fitting_lines<'t>(
    text: &'t str,
    limit: usize,
    cost: impl Fn(&str) -> usize,
) -> (Vec<&'t str>, usize) {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let mut used = 0;
    let fitting = lines.iter().take_while(|line| {
        used += cost(line);
        used <= limit
    });
    let shown: Vec<&str> = fitting.copied().collect();
    let left_out = lines.len() - shown.len();
    (shown, left_out)
}

/// What a message says of lines that it does not have.
pub(super) fn left_out_note(left_out: usize) -> String {
    let lines = if left_out == 1 { "line is" } else { "lines are" };
    format!(
        "Cut: {left_out} more {lines} not shown here. The topic, the event bus and the reports have all of it."
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::operation::RiskLevel;

    /// A notification with this text.
    pub fn notification(text: &str) -> Notification {
        Notification {
            id: "id".to_owned(),
            detail_type: "Read-Only Violation Detected",
            severity: RiskLevel::Critical,
            subject: "CRITICAL write-succeeded: s3:PutObject by role/Auditor".to_owned(),
            text: text.to_owned(),
            detail: json!({ "version": "1.0", "operation": "s3:PutObject" }),
            deduplication_key: "id".to_owned(),
            deduplication_seconds: 0,
        }
    }

    #[test]
    fn a_generic_webhook_gets_what_the_bus_gets() {
        let document = payload(WebhookKind::Generic, &notification("a\nb"));
        assert_eq!(document["schema_version"], "1.0");
        assert_eq!(document["source"], "onlooker");
        assert_eq!(document["detail-type"], "Read-Only Violation Detected");
        assert_eq!(document["severity"], "CRITICAL");
        assert_eq!(document["detail"], notification("").detail);
    }

    #[test]
    fn lines_are_kept_whole_up_to_the_limit() {
        let (shown, left_out) = fitting_lines("aa\nbb\ncc\n", 5, |line| line.len() + 1);
        assert_eq!((shown, left_out), (vec!["aa"], 2));
        assert_eq!(fitting_lines("", 5, str::len), (vec![], 0));
        assert!(left_out_note(1).contains("1 more line is"));
    }
}
