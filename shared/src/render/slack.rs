//! Messages for an incoming webhook of Slack, in Block Kit.
//!
//! Enters: a [`Notification`]. Leaves: the JSON that Slack takes. Laws: no text of a record is markup, a mention or a link; each block is
//! within Slack's limits, and a text that is cut says so.
//!
//! Limits: 150 characters in a header, 3,000 in a section, 50 blocks
//! (<https://docs.slack.dev/reference/block-kit/blocks/section-block>, read 2026-11). `&`, `<` and `>` are escaped as
//! <https://docs.slack.dev/messaging/formatting-message-text> says; a code block has no other markup, and ends at three backticks.

use serde_json::{Value, json};

use super::webhook::left_out_note;
use crate::{
    escape::{is_hidden, push_code_point},
    ports::Notification,
};

/// Most characters of a header.
const MAX_HEADER_CHARS: usize = 150;

/// Most characters of a section, with its escapes and the marks of its code block.
const MAX_SECTION_CHARS: usize = 3_000;

/// Sections of one message: enough for the longest alert, and within 50 blocks.
const MAX_SECTIONS: usize = 8;

/// Characters of a section that its code block takes.
const MARKS: usize = "```\n\n```".len();

/// The message.
pub fn message(notification: &Notification) -> Value {
    let header: String = escape_plain(&notification.subject).chars().take(MAX_HEADER_CHARS).collect();
    let mut blocks = vec![json!({ "type": "header", "text": { "type": "plain_text", "text": header } })];
    let (sections, left_out) = sections(&notification.text);
    blocks.extend(sections.into_iter().map(|lines| {
        let text = format!("```\n{lines}\n```");
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
    }));
    if left_out > 0 {
        let note = json!({ "type": "plain_text", "text": left_out_note(left_out) });
        blocks.push(json!({ "type": "context", "elements": [note] }));
    }
    json!({ "text": escape(&notification.subject), "blocks": blocks })
}

/// The escaped lines of each section, and the number of lines that do not fit.
fn sections(text: &str) -> (Vec<String>, usize) {
    let (mut sections, mut left_out): (Vec<String>, usize) = (Vec::new(), 0);
    let limit = MAX_SECTION_CHARS - MARKS;
    let lines: Vec<&str> = text.trim_end().lines().collect();
    for (n, line) in lines.iter().enumerate() {
        let line = cut(&escape(line), limit);
        let length = line.chars().count();
        let count = sections.len();
        match sections.last_mut() {
            Some(last) if last.chars().count() + 1 + length <= limit => {
                last.push('\n');
                last.push_str(&line);
            }
            _ if count == MAX_SECTIONS => {
                left_out = lines.len() - n;
                break;
            }
            _ => sections.push(line),
        }
    }
    // A section of blank lines alone would have no text.
    sections.retain(|section| !section.trim().is_empty());
    (sections, left_out)
}

/// A line of at most `limit` characters. One that is longer ends with a note, before an escape that would be cut.
fn cut(line: &str, limit: usize) -> String {
    const NOTE: &str = "... (cut)";
    if line.chars().count() <= limit {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(limit - NOTE.len()).collect();
    for opening in ["&", "\\u{"] {
        let closing = if opening == "&" { ';' } else { '}' };
        if let Some(at) = short.rfind(opening)
            && !short.get(at..).is_some_and(|escape| escape.contains(closing))
        {
            short.truncate(at);
        }
    }
    short + NOTE
}

/// One line of `mrkdwn` in a code block.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '`' => push_code_point(&mut safe, c),
            c if is_hidden(c) => push_code_point(&mut safe, c),
            c => safe.push(c),
        }
    }
    safe
}

/// One line of `plain_text`, which has no markup.
fn escape_plain(text: &str) -> String {
    crate::escape::escape_remaining(text).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::webhook::tests::notification;

    /// The texts of the sections.
    fn section_texts(message: &Value) -> Vec<&str> {
        let blocks = message["blocks"].as_array().unwrap().iter();
        blocks
            .filter(|block| block["type"] == "section")
            .map(|block| block["text"]["text"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn a_message_has_the_subject_as_its_header_and_the_text_as_code() {
        let message = message(&notification("Title\n\nPrincipal    Auditor\n"));
        assert_eq!(
            message["blocks"][0]["text"]["text"],
            "CRITICAL write-succeeded: s3:PutObject by role/Auditor"
        );
        assert_eq!(message["text"], "CRITICAL write-succeeded: s3:PutObject by role/Auditor");
        assert_eq!(section_texts(&message), ["```\nTitle\n\nPrincipal    Auditor\n```"]);
    }

    #[test]
    fn no_value_is_a_mention_a_link_or_the_end_of_the_code_block() {
        let message = message(&notification("<!channel> & <https://evil.example|x> ```\n\u{202e}x"));
        let text = section_texts(&message)[0];
        assert_eq!(
            text,
            "```\n&lt;!channel&gt; &amp; &lt;https://evil.example|x&gt; \\u{60}\\u{60}\\u{60}\n\\u{202e}x\n```"
        );
    }

    #[test]
    fn a_long_text_is_split_and_what_does_not_fit_is_told() {
        let long = format!("{}\n", "x".repeat(400)).repeat(20);
        let whole = message(&notification(&long));
        assert_eq!(section_texts(&whole).concat().matches(&"x".repeat(400)).count(), 20);
        assert!(!whole.to_string().contains("Cut:"));
        let longer = message(&notification(&long.repeat(20)));
        let shown = section_texts(&longer).concat().matches(&"x".repeat(400)).count();
        assert_eq!(section_texts(&longer).len(), MAX_SECTIONS);
        assert!(longer.to_string().contains(&format!("Cut: {} more lines", 400 - shown)), "{longer}");
    }

    proptest! {
        #[test]
        fn every_message_is_within_the_limits_and_without_markup(
            text in "([<>&`\\\\u{}!@#x \\n]|\\PC|\\pC){0,400}", times in 1_usize..60,
        ) {
            let message = message(&notification(&text.repeat(times)));
            let blocks = message["blocks"].as_array().unwrap();
            prop_assert!(blocks.len() <= 50);
            for section in section_texts(&message) {
                prop_assert!(section.chars().count() <= 3_000);
                let inner = section.strip_prefix("```\n").unwrap().strip_suffix("\n```").unwrap();
                prop_assert!(!inner.contains(['<', '>', '`']));
                prop_assert!(inner.split('&').skip(1).all(|rest| ["amp;", "lt;", "gt;"].iter().any(|end| rest.starts_with(end))));
                prop_assert!(!inner.chars().any(|c| c != '\n' && is_hidden(c)));
                prop_assert!(!inner.trim().is_empty());
            }
        }
    }
}
