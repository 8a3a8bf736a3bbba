//! Escapes untrusted text for a terminal.
//!
//! Enters: any text. Leaves: the same text on one line, with the characters escaped that could move the cursor,
//! change colors or change the reading direction. Law: text without such characters is returned unchanged.

use std::borrow::Cow;

/// The text with control, direction and zero-width characters as Rust escapes, such as `\n` or `\u{…}`.
pub fn escape_control(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control_or_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_control_or_invisible(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Whether a character is a control character, a bidirectional control of Unicode, or has no width.
fn is_control_or_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escape_control("rôle/日本"), "rôle/日本");
        assert_eq!(escape_control("\u{1b}[2J"), "\\u{1b}[2J");
        assert_eq!(escape_control("a\nb\u{9b}"), "a\\nb\\u{9b}");
        assert_eq!(escape_control("\u{202e}txt.exe"), "\\u{202e}txt.exe");
    }
}
