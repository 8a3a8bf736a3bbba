//! Text from elsewhere, made safe to show on a terminal.
//!
//! Enters: any text. Leaves: the same text on one line, with what would move the cursor, change colours or turn the
//! reading direction written out. Law: text without such characters comes back as it is.

use std::borrow::Cow;

/// The text with control, direction and zero-width characters written as `\u{…}`.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match is_hidden(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Control characters, and those of Unicode's bidirectional algorithm and of no width.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(plain("rôle/日本"), "rôle/日本");
        assert_eq!(plain("\u{1b}[2J"), "\\u{1b}[2J");
        assert_eq!(plain("a\nb\u{9b}"), "a\\nb\\u{9b}");
        assert_eq!(plain("\u{202e}txt.exe"), "\\u{202e}txt.exe");
    }
}
