//! Escapes hostile text for HTML.
//!
//! Enters: any text. Leaves: text that is safe between tags and in a quoted attribute, with hidden characters as
//! [`crate::escape`] writes them. Law: the output holds none of `< > & " '` except in entities, and no hidden
//! character.

use std::fmt::{self, Write};

use askama::filters::Escaper;

use crate::escape::escape_hidden;

/// Maximum number of characters shown of a value; the rest is given as a number.
pub const MAX_VALUE_CHARS: usize = 4_096;

/// The escaper of all templates.
#[derive(Clone, Copy, Debug, Default)]
pub struct HtmlEscaper;

impl Escaper for HtmlEscaper {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        if text.len() <= MAX_VALUE_CHARS && text.bytes().all(is_plain) {
            return dest.write_str(text);
        }
        let end = text.char_indices().nth(MAX_VALUE_CHARS).map_or(text.len(), |(at, _)| at);
        let (shown, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        for c in escape_hidden(shown).chars() {
            write_char(&mut dest, c)?;
        }
        match rest.chars().count() {
            0 => Ok(()),
            more => write!(dest, "⟨{more} more characters⟩"),
        }
    }
}

fn write_char<W: Write>(dest: &mut W, c: char) -> fmt::Result {
    match c {
        '<' => dest.write_str("&lt;"),
        '>' => dest.write_str("&gt;"),
        '&' => dest.write_str("&amp;"),
        '"' => dest.write_str("&quot;"),
        '\'' => dest.write_str("&#39;"),
        _ => dest.write_char(c),
    }
}

/// Printable ASCII without a meaning in HTML or in an escape.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'' | b'\\')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::escape::is_hidden;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        HtmlEscaper.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escaped(r#"<b a="1" c='2'>&"#), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
    }

    #[test]
    fn hidden_characters_are_written_out() {
        assert_eq!(escaped("a\u{202e}b\u{0}\n\\u{1b}"), "a\\u{202e}b\\u{0}\\u{a}\\u{5c}u{1b}");
        assert_eq!(escaped("e\u{301}"), "e\\u{301}");
    }

    #[test]
    fn ordinary_text_is_unchanged() {
        for text in ["Zürich-Prüfer", "é", "監査ロール", "مدقق"] {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn long_text_is_truncated_with_a_count() {
        assert!(escaped(&"x".repeat(MAX_VALUE_CHARS + 7)).ends_with("x⟨7 more characters⟩"));
    }

    proptest! {
        #[test]
        fn no_markup_or_hidden_character_remains(text in any::<String>()) {
            let out = escaped(&text);
            prop_assert!(!out.contains(['<', '>', '"', '\'']));
            prop_assert!(!out.chars().any(is_hidden));
        }
    }
}
