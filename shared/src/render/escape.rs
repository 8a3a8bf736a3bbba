//! Escapes hostile text for CSV, Markdown and fields of limited length.
//!
//! Enters: any text, such as a session name from a record. Leaves: a CSV cell, a Markdown code span,
//! Markdown prose or a short text.
//! Laws: those of [`crate::escape`], on which these escapes are based; a spreadsheet finds no formula in the CSV, and
//! a Markdown reader finds no markup.

use crate::escape::{escape_hidden, push_code_point};

/// A text of at most `most` characters, with hidden characters escaped as in [`escape_hidden`]. A longer text ends with an ellipsis, and
/// not within an escape.
pub fn visible_text(text: &str, most: usize) -> String {
    let safe = escape_hidden(text);
    if safe.chars().count() <= most {
        return safe.into_owned();
    }
    let mut cut: String = safe.chars().take(most.saturating_sub(1)).collect();
    if let Some(at) = cut.rfind("\\u{").filter(|at| !cut.get(*at..).unwrap_or_default().contains('}')) {
        cut.truncate(at);
    }
    cut.push('…');
    cut
}

/// A CSV cell, before quoting.
///
/// Hidden characters are escaped as in [`escape_hidden`], so a record is always one line and no cell begins with a tab or
/// a carriage return. A cell gets an apostrophe in front, which makes it text in a spreadsheet, if its first
/// character except spaces and quotes is one of `= + - @` (also full-width). A cell that begins with an apostrophe
/// gets one too, so that a program recovers every value by dropping one. After a comma or a semicolon, where a
/// spreadsheet with another separator would begin a new cell, such a first character is written as `\u{3d}`.
pub fn csv_cell(text: &str) -> String {
    without_formula(&escape_hidden(text))
}

/// A CSV cell of several values with `|` between them; a `|` within one is written as `\u{7c}`.
pub fn csv_list<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let values = values.into_iter().map(|value| escape_hidden(value.as_ref()).replace('|', "\\u{7c}"));
    without_formula(&values.collect::<Vec<_>>().join("|"))
}

fn without_formula(text: &str) -> String {
    let first = text.chars().find(|c| !c.is_whitespace() && *c != '"');
    let mut safe = String::with_capacity(text.len() + 1);
    if text.starts_with('\'') || first.is_some_and(begins_formula) {
        safe.push('\'');
    }
    let mut cell_may_begin = false;
    for c in text.chars() {
        if cell_may_begin && begins_formula(c) {
            push_code_point(&mut safe, c);
        } else {
            safe.push(c);
        }
        cell_may_begin = matches!(c, ',' | ';') || (cell_may_begin && (c.is_whitespace() || c == '"'));
    }
    safe
}

/// A value as a Markdown code span: nothing inside is markup, a link, a mention or the end of a table cell.
pub fn markdown_code(text: &str) -> String {
    code_span(&escape_hidden(text))
}

fn code_span(safe: &str) -> String {
    if safe.is_empty() {
        return "(empty)".to_owned();
    }
    let mut span = String::with_capacity(safe.len() + 2);
    span.push('`');
    for (at, c) in safe.char_indices() {
        // A Markdown reader drops a space at either end.
        let at_end = at == 0 || at + 1 == safe.len();
        if matches!(c, '`' | '|') || (c == ' ' && at_end) {
            push_code_point(&mut span, c);
        } else {
            span.push(c);
        }
    }
    span.push('`');
    span
}

/// Prose in Markdown. Plain words and the punctuation between them are unchanged; every other run of characters, such
/// as an ARN, an operation, `<b>` or `https://`, becomes a code span. Text between two backticks is one code span.
pub fn markdown(text: &str) -> String {
    let safe = escape_hidden(text);
    let paired = safe.matches('`').count().is_multiple_of(2);
    let mut prose = String::with_capacity(safe.len());
    for (n, piece) in safe.split(|c| paired && c == '`').enumerate() {
        if n % 2 == 1 {
            append_separated(&mut prose, &code_span(piece));
            continue;
        }
        for (n, token) in piece.split(' ').enumerate() {
            if n > 0 && !prose.is_empty() && !prose.ends_with(' ') {
                prose.push(' ');
            }
            if !token.is_empty() {
                let first = prose.is_empty();
                append_separated(&mut prose, &escape_token(token, first));
            }
        }
    }
    prose.truncate(prose.trim_end().len());
    prose
}

/// Appends to prose, with a space where two adjacent parts would form other markup.
fn append_separated(prose: &mut String, part: &str) {
    let touching = !prose.is_empty() && !prose.ends_with(' ');
    if touching && !prose.ends_with(is_inert_punctuation) && !part.starts_with(is_inert_punctuation) {
        prose.push(' ');
    }
    prose.push_str(part);
}

/// Punctuation without a meaning in Markdown unless it begins a line.
const fn is_inert_punctuation(c: char) -> bool {
    matches!(c, '(' | ')' | '"' | '\'' | ',' | '.' | ';' | ':' | '?')
}

/// One run of characters without a space.
fn escape_token(token: &str, first: bool) -> String {
    let opened = token.trim_start_matches(['(', '"', '\'']);
    let body = opened.trim_end_matches(|c| is_inert_punctuation(c) && c != '(');
    let (before, after) = (token.strip_suffix(opened).unwrap_or(""), opened.strip_prefix(body).unwrap_or(""));
    let numbers_a_list = first && before.is_empty() && !after.is_empty() && body.parse::<u64>().is_ok();
    if body.is_empty() && first {
        code_span(token)
    } else if body.is_empty() || (is_plain_word(body) && !numbers_a_list) {
        token.to_owned()
    } else {
        format!("{before}{}{after}", code_span(body))
    }
}

/// A word, words joined by a hyphen, slash or apostrophe, or a number: text without a meaning in Markdown.
fn is_plain_word(body: &str) -> bool {
    // GitHub may link seven or more hex digits as a commit.
    if body.len() >= 7 && body.chars().all(|c| c.is_ascii_hexdigit()) {
        return false;
    }
    let number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    if body.strip_suffix('%').unwrap_or(body).split([',', '.', ':']).all(number) {
        return true;
    }
    let joined = body.contains(['-', '/', '\'']);
    let plain = |c: char| c.is_alphabetic() || (!joined && c.is_ascii_digit());
    body.split(['-', '/', '\'']).all(|part| !part.is_empty() && part.chars().all(plain))
}

fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
}

/// Whether a shell takes a text as one word without quotes, and no program takes it as an option.
pub fn is_shell_word(text: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "/=_-.".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_safe)
}

#[cfg(test)]
#[path = "escape_tests.rs"]
mod tests;
