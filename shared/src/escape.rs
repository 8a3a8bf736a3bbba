//! Escapes untrusted text for a reader.
//!
//! Enters: any text, such as a session name from a record or a file name. Leaves: one line of characters that each
//! take at least one column. Laws: two different texts stay different; text without a hidden character and without
//! `\u{` is returned unchanged.
//!
//! A hidden character is written as its code point in hex, such as `\u{1b}`. A backslash before `u{` is written as
//! `\u{5c}`, so that no text can imitate an escape. Every output hides the same characters; JSON has its own escape
//! for them, and [`crate::render::escape`] adds what CSV and Markdown need.

use std::{borrow::Cow, fmt::Write as _};

use unicode_width::UnicodeWidthChar;

/// The text with every hidden character escaped, and every `\u{` that is not an escape.
///
/// Combining marks are escaped too, because a mark changes the character before it: a name such as `rôle`, with the
/// accent as a character of its own, is shown as `ro\u{302}le`.
pub fn escape_hidden(text: &str) -> Cow<'_, str> {
    escape_chars(text, |rest, c| is_hidden(c) || rest.starts_with("\\u{"))
}

/// Text of which some parts are escaped already, such as the message of an error: every hidden character is escaped,
/// and no escape is escaped again.
pub fn escape_remaining(text: &str) -> Cow<'_, str> {
    escape_chars(text, |_, c| is_hidden(c))
}

/// Escapes the characters that are chosen, by the text that begins with them.
fn escape_chars(text: &str, is_chosen: impl Fn(&str, char) -> bool) -> Cow<'_, str> {
    let mut escaped: Option<String> = None;
    for (at, c) in text.char_indices() {
        let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
        if is_chosen(rest, c) {
            let escaped = escaped.get_or_insert_with(|| before.to_owned());
            push_code_point(escaped, c);
        } else if let Some(escaped) = &mut escaped {
            escaped.push(c);
        }
    }
    escaped.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Appends the escape of a character.
pub(crate) fn push_code_point(text: &mut String, c: char) {
    // Writing to a `String` does not fail.
    let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
}

/// Whether a character is hidden: it controls, reorders, takes no column of its own, or is blank and not a space.
///
/// These are the control characters (C0, DEL, C1), white space other than the space, the characters without a width
/// (zero-width spaces and joiners, combining marks, variation selectors), noncharacters, and the tables below.
pub fn is_hidden(c: char) -> bool {
    if matches!(c, ' '..='~') {
        return false;
    }
    c.is_control()
        || c.is_whitespace()
        || is_format(c)
        || is_ignorable(c)
        || is_noncharacter(c)
        || c.width().is_none_or(|columns| columns == 0)
}

/// Category `Cf` of Unicode 16.0: bidirectional controls, joiners, marks of annotations and of numbers.
const fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}')
}

/// `Default_Ignorable_Code_Point` of Unicode 16.0 outside of `Cf`, and the blank Braille pattern.
const fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}

/// The 66 noncharacters of Unicode, which no text should have and XML forbids in part.
const fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || (c as u32) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hidden_characters_are_escaped() {
        for (text, wanted) in [
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\nb\u{9b}", "a\\u{a}b\\u{9b}"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
            ("ro\u{302}le", "ro\\u{302}le"),
            ("a\u{3164}\u{115f}\u{a0}b", "a\\u{3164}\\u{115f}\\u{a0}b"),
            ("\u{fdd0}a\u{fffe}\u{10ffff}", "\\u{fdd0}a\\u{fffe}\\u{10ffff}"),
        ] {
            assert_eq!(escape_hidden(text), wanted);
        }
    }

    #[test]
    fn an_escape_in_the_text_is_told_from_an_escaped_character() {
        assert_eq!(escape_hidden("\\u{1b}"), "\\u{5c}u{1b}");
        assert_eq!(escape_hidden("\u{1b}"), "\\u{1b}");
        assert_eq!(escape_remaining("a\\u{1b}b\u{1b}"), "a\\u{1b}b\\u{1b}");
    }

    #[test]
    fn ordinary_text_is_borrowed_and_unchanged() {
        for text in
            ["", "arn:aws:iam::111122223333:role/team/Auditor", "rôle/日本", "C:\\users\\x", "监査 🙂"]
        {
            assert!(matches!(escape_hidden(text), Cow::Borrowed(same) if same == text), "{text}");
            assert!(matches!(escape_remaining(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    /// Characters that must be hidden: controls, and by block what moves, reorders, joins or takes no column.
    fn must_be_hidden(c: char) -> bool {
        let controls_a_terminal = c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
        let has_no_column = matches!(c, '\u{115f}' | '\u{3164}' | '\u{ffa0}' | '\u{206a}'..='\u{206f}')
            || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0080}'..='\u{e0fff}')
            || c.width().unwrap_or(0) == 0;
        let is_blank = c.is_whitespace() && c != ' ' || c == '\u{2800}';
        controls_a_terminal || has_no_column || is_blank
    }

    #[test]
    fn every_character_that_misleads_a_reader_is_hidden() {
        for c in ('\0'..=char::MAX).filter(|c| must_be_hidden(*c)) {
            assert!(is_hidden(c), "U+{:04X}", u32::from(c));
            let text = String::from(c);
            assert_eq!(escape_hidden(&text), format!("\\u{{{:x}}}", u32::from(c)));
            assert_eq!(escape_remaining(&text), escape_hidden(&text));
        }
    }

    #[test]
    fn letters_digits_and_signs_are_not_hidden() {
        let shown = |range: std::ops::RangeInclusive<char>| range.into_iter().find(|c| is_hidden(*c));
        for range in
            [' '..='~', '¡'..='¬', '®'..='ÿ', 'Ā'..='ƿ', 'Α'..='Ρ', 'А'..='я', 'ぁ'..='ゖ', '一'..='龥']
        {
            assert_eq!(shown(range), None);
        }
    }

    proptest! {
        #[test]
        fn no_hidden_character_remains_and_no_text_is_lost(text in "(\\PC|\\pC|\\\\u\\{|[a-f0-9}]){0,20}") {
            let safe = escape_hidden(&text);
            prop_assert!(!safe.chars().any(is_hidden));
            prop_assert!(!escape_remaining(&text).chars().any(is_hidden));
            let mut read = String::new();
            let mut rest = &*safe;
            while let Some((before, after)) = rest.split_once("\\u{") {
                let (code, after) = after.split_once('}').unwrap();
                read.push_str(before);
                read.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
                rest = after;
            }
            prop_assert_eq!(read + rest, text);
        }
    }
}
