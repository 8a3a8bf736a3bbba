//! Escapes hostile text for HTML.
//!
//! Enters: any text. Leaves: text that is safe between tags and in a quoted attribute, with every invisible character
//! written out, such as `⟨U+202E⟩`. Law: the output holds none of `< > & " '` except in entities, and no character
//! that is invisible or changes the direction of its neighbors.

use std::fmt::{self, Write};

use askama::filters::Escaper;

/// Maximum number of characters shown of a value; the rest is given as a number.
pub const MAX_VALUE_CHARS: usize = 4_096;

/// Combining marks that may follow each other; more would cover the lines above and below.
const MAX_COMBINING_MARKS: usize = 2;

/// The escaper of all templates.
#[derive(Clone, Copy, Debug, Default)]
pub struct HtmlEscaper;

impl Escaper for HtmlEscaper {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        if text.len() <= MAX_VALUE_CHARS && text.bytes().all(is_plain) {
            return dest.write_str(text);
        }
        let mut marks = 0;
        let mut rest = text.chars();
        for c in rest.by_ref().take(MAX_VALUE_CHARS) {
            marks = if is_mark(c) { marks + 1 } else { 0 };
            if marks > MAX_COMBINING_MARKS || is_invisible(c) {
                write!(dest, "⟨U+{:04X}⟩", u32::from(c))?;
            } else {
                write_char(&mut dest, c)?;
            }
        }
        match rest.count() {
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

/// Printable ASCII without a meaning in HTML.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'')
}

/// Combining marks by block (Unicode 16.0, `Blocks.txt`).
const fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Controls, separators other than the space, and in Unicode 16.0 category `Cf`, `Default_Ignorable_Code_Point` and
/// the blank Braille pattern.
fn is_invisible(c: char) -> bool {
    c.is_control() || (c.is_whitespace() && c != ' ') || is_format(c) || is_ignorable(c)
}

const fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}')
}

const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
    fn invisible_characters_are_written_out() {
        assert_eq!(escaped("a\u{202e}b\u{0}\n\u{200b}"), "a⟨U+202E⟩b⟨U+0000⟩⟨U+000A⟩⟨U+200B⟩");
    }

    #[test]
    fn ordinary_text_in_any_script_is_unchanged() {
        for text in ["Zürich-Prüfer", "é́", "監査ロール", "مدقق"] {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn stacked_combining_marks_are_limited() {
        assert_eq!(escaped("e\u{301}\u{301}\u{301}"), "e\u{301}\u{301}⟨U+0301⟩");
    }

    #[test]
    fn long_text_is_truncated_with_a_count() {
        assert!(escaped(&"x".repeat(MAX_VALUE_CHARS + 7)).ends_with("x⟨7 more characters⟩"));
    }

    proptest! {
        #[test]
        fn no_markup_or_invisible_character_remains(text in any::<String>()) {
            let out = escaped(&text);
            prop_assert!(!out.contains(['<', '>', '"', '\'']));
            prop_assert!(!out.chars().any(is_invisible));
        }
    }
}
