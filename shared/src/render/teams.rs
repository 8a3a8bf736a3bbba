//! Messages for a workflow of Microsoft Teams, as an Adaptive Card.
//!
//! Enters: a [`Notification`]. Leaves: the JSON that the workflow "Post to a channel when a webhook request is received" takes. Laws: no
//! text of a record is markup, because every text is a `TextRun`, in which Teams reads no Markdown; the message is within 28 KB, and a
//! text that is cut says so.
//!
//! Sources: <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using> (envelope, 28 KB) and
//! <https://adaptivecards.io/explorer/TextRun.html>, read 2026-11.

use serde_json::{Value, json};

use super::webhook::{fitting_lines, left_out_note};
use crate::{escape::escape_remaining, operation::RiskLevel, ports::Notification};

/// Most bytes of a message: 28 KB, less the envelope, the subject and the note about what is cut.
const MAX_MESSAGE_BYTES: usize = 28 * 1_024;
const RESERVED_BYTES: usize = 2_048;

/// Most characters of the subject.
const MAX_SUBJECT_CHARS: usize = 150;

/// The message.
pub fn message(notification: &Notification) -> Value {
    let subject: String = escape_remaining(&notification.subject).chars().take(MAX_SUBJECT_CHARS).collect();
    let style = json!({ "size": "Medium", "weight": "Bolder", "color": color(notification.severity) });
    let mut body = vec![block(&subject, &style, "Default")];
    let limit = MAX_MESSAGE_BYTES - RESERVED_BYTES;
    let plain = json!({});
    let safe: Vec<String> =
        notification.text.trim_end().lines().map(|line| escape_remaining(line).into_owned()).collect();
    let safe = safe.join("\n");
    // Each block takes its bytes and a comma.
    let (lines, left_out) =
        fitting_lines(&safe, limit, |line| block(line, &plain, "Medium").to_string().len() + 1);
    // A block without a text is not valid, and a gap says the same.
    let mut after_gap = false;
    for line in lines {
        if line.trim().is_empty() {
            after_gap = true;
            continue;
        }
        body.push(block(line, &plain, if after_gap { "Medium" } else { "None" }));
        after_gap = false;
    }
    if left_out > 0 {
        body.push(block(&left_out_note(left_out), &json!({ "italic": true }), "Medium"));
    }
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": { "width": "Full" },
        "body": body,
    });
    let attachment = json!({
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": null,
        "content": card,
    });
    json!({ "type": "message", "attachments": [attachment] })
}

/// A line of text, in which Teams reads no markup.
fn block(text: &str, style: &Value, spacing: &str) -> Value {
    let mut run = json!({ "type": "TextRun", "text": text, "fontType": "Monospace" });
    if let (Value::Object(run), Value::Object(style)) = (&mut run, style) {
        run.extend(style.clone());
    }
    json!({ "type": "RichTextBlock", "spacing": spacing, "inlines": [run] })
}

/// Color of the subject.
const fn color(severity: RiskLevel) -> &'static str {
    match severity {
        RiskLevel::Critical | RiskLevel::High => "Attention",
        RiskLevel::Medium => "Warning",
        RiskLevel::Low => "Default",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{escape::is_hidden, render::webhook::tests::notification};

    /// The texts of the blocks, the subject first.
    fn texts(message: &Value) -> Vec<&str> {
        let body = message["attachments"][0]["content"]["body"].as_array().unwrap();
        body.iter().map(|block| block["inlines"][0]["text"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_message_is_a_card_with_the_subject_and_each_line() {
        let message = message(&notification("Title\n\nPrincipal    Auditor\n"));
        assert_eq!(message["type"], "message");
        let attachment = &message["attachments"][0];
        assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
        assert_eq!(attachment["content"]["type"], "AdaptiveCard");
        assert_eq!(
            texts(&message),
            ["CRITICAL write-succeeded: s3:PutObject by role/Auditor", "Title", "Principal    Auditor"]
        );
        assert_eq!(attachment["content"]["body"][2]["spacing"], "Medium");
    }

    #[test]
    fn no_text_is_in_an_element_that_reads_markdown() {
        let message = message(&notification("[click](https://evil.example) **bold** <at>all</at>"));
        assert_eq!(texts(&message)[1], "[click](https://evil.example) **bold** <at>all</at>");
        assert!(!message.to_string().contains("\"TextBlock\""), "{message}");
    }

    #[test]
    fn a_text_that_does_not_fit_says_so() {
        let message = message(&notification(&format!("{}\n", "x".repeat(400)).repeat(100)));
        let shown = texts(&message).iter().filter(|text| text.starts_with('x')).count();
        assert!(texts(&message).last().unwrap().starts_with(&format!("Cut: {} more lines", 100 - shown)));
        assert!((30..100).contains(&shown), "{shown}");
    }

    proptest! {
        #[test]
        fn every_message_is_within_28_kilobytes(text in "([\"\\\\x \\n]|\\PC|\\pC){0,400}", times in 1_usize..100) {
            let message = message(&notification(&text.repeat(times)));
            prop_assert!(message.to_string().len() <= 28 * 1_024);
            for text in texts(&message) {
                prop_assert!(!text.trim().is_empty() && !text.chars().any(is_hidden));
            }
        }
    }
}
