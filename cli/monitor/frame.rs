//! The lines of a screen.
//!
//! Enters: sections, and the size of the window. Leaves: lines that fit. Laws: no line is wider than the window, and there are no more
//! lines than it has rows; what does not fit is counted in the last line; a text is the same with and without color.

use console::{measure_text_width, pad_str, truncate_str};

use crate::text_table::CellTone;

/// Columns from which on two sections stand side by side.
const TWO_COLUMNS_FROM: usize = 110;

/// Columns between two sections.
const GAP: usize = 3;

/// Columns of a label.
const LABEL: usize = 11;

/// The size of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameSize {
    /// Columns.
    pub columns: usize,
    /// Rows; `None` if there is no last row.
    pub rows: Option<usize>,
}

/// A row of a section: a label and a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub label: String,
    pub text: RowText,
    pub tone: CellTone,
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq)]
pub enum RowText {
    /// Words, which wrap.
    Words(String),
    /// A bar of a share from 0 to 1, and words after it.
    Bar(f64, String),
}

impl Row {
    /// A row of words.
    pub fn words(label: &str, text: impl Into<String>, tone: CellTone) -> Self {
        Self { label: label.to_owned(), text: RowText::Words(text.into()), tone }
    }

    /// A row with a bar.
    pub fn bar(label: &str, share: f64, text: impl Into<String>, tone: CellTone) -> Self {
        Self { label: label.to_owned(), text: RowText::Bar(share, text.into()), tone }
    }
}

/// A part of the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Place in a narrow window, where the sections stand below each other.
    pub place: u8,
    pub title: String,
    pub tone: CellTone,
    pub rows: Vec<Row>,
}

/// All parts of the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sections {
    /// The heading, in the order in which it is cut.
    pub heading: Vec<(String, CellTone)>,
    /// Sections for the left side of a wide window.
    pub left: Vec<Section>,
    /// Sections for the right side.
    pub right: Vec<Section>,
}

/// A line and its width without colors.
struct Line {
    text: String,
    width: usize,
}

/// The lines of the screen.
pub fn frame(parts: &Sections, size: FrameSize, colored: bool) -> Vec<String> {
    let columns = size.columns.max(20);
    let mut lines = heading(&parts.heading, columns, colored);
    lines.push(String::new());
    if columns >= TWO_COLUMNS_FROM {
        let left_width = (columns - GAP) / 2;
        let right_width = columns - GAP - left_width;
        let (left, right) =
            (column(&parts.left, left_width, colored), column(&parts.right, right_width, colored));
        for n in 0..left.len().max(right.len()) {
            let (mut text, width) =
                left.get(n).map_or((String::new(), 0), |line| (line.text.clone(), line.width));
            if let Some(line) = right.get(n).filter(|line| line.width > 0) {
                text.extend(std::iter::repeat_n(' ', left_width.saturating_sub(width) + GAP));
                text.push_str(&line.text);
            }
            lines.push(text);
        }
    } else {
        let mut all: Vec<Section> = parts.left.iter().chain(&parts.right).cloned().collect();
        all.sort_by_key(|section| section.place);
        lines.extend(column(&all, columns, colored).into_iter().map(|line| line.text));
    }
    cut(lines, size.rows, columns)
}

/// Leaves out the last lines if there are too many, and says how many.
fn cut(mut lines: Vec<String>, rows: Option<usize>, columns: usize) -> Vec<String> {
    let Some(rows) = rows.filter(|rows| lines.len() > *rows) else { return lines };
    let kept = rows.saturating_sub(1);
    let left_out = lines.len() - kept;
    lines.truncate(kept);
    if rows > 0 {
        let more = format!("{left_out} more lines: enlarge the window, or use `onlooker health`");
        lines.push(truncate_str(&more, columns, "…").into_owned());
    }
    lines
}

/// The parts of the heading, on as many lines as they need.
fn heading(parts: &[(String, CellTone)], columns: usize, colored: bool) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = vec![(String::new(), 0)];
    for (text, tone) in parts {
        let text = truncate_str(text, columns, "…");
        let width = measure_text_width(&text);
        let Some((line, used)) = lines.last_mut() else { continue };
        let gap = if *used == 0 { 0 } else { 2 };
        if *used + gap + width > columns {
            lines.push((tone.paint(colored, &text), width));
        } else {
            line.extend(std::iter::repeat_n(' ', gap));
            line.push_str(&tone.paint(colored, &text));
            *used += gap + width;
        }
    }
    lines.into_iter().map(|(line, _)| line).collect()
}

/// Sections below each other.
fn column(sections: &[Section], width: usize, colored: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for section in sections.iter().filter(|section| !section.rows.is_empty()) {
        if !lines.is_empty() {
            lines.push(Line { text: String::new(), width: 0 });
        }
        let title = truncate_str(&section.title, width, "…").into_owned();
        lines.push(Line { width: measure_text_width(&title), text: section.tone.paint(colored, &title) });
        for row in &section.rows {
            lines.extend(row_lines(row, width, colored));
        }
    }
    lines
}

fn row_lines(row: &Row, width: usize, colored: bool) -> Vec<Line> {
    let indent = LABEL + 3;
    let room = width.saturating_sub(indent).max(1);
    let label = pad_str(&row.label, LABEL, console::Alignment::Left, Some("…")).into_owned();
    let texts: Vec<String> = match &row.text {
        RowText::Words(text) => wrap(text, room),
        RowText::Bar(share, text) => bar(*share, text, room),
    };
    let line = |(n, text): (usize, String)| {
        let front = if n == 0 { format!("  {label} ") } else { " ".repeat(indent) };
        let all = measure_text_width(&front) + measure_text_width(&text);
        Line { text: format!("{front}{}", row.tone.paint(colored, &text)), width: all }
    };
    texts.into_iter().enumerate().map(line).collect()
}

/// A bar as wide as the room allows beside its text. Only a whole share fills it, and one that is not 0 shows.
fn bar(share: f64, text: &str, room: usize) -> Vec<String> {
    let width = (room / 2).clamp(6, 30);
    let whole = (1..=width).filter(|n| *n as f64 <= share * width as f64).count();
    let filled = if share > 0.0 { whole.max(1) } else { 0 };
    let drawn = format!("[{}{}]", "█".repeat(filled), "░".repeat(width - filled));
    let one = format!("{drawn} {text}");
    if measure_text_width(&one) <= room {
        return vec![one];
    }
    let mut lines = vec![truncate_str(&drawn, room, "").into_owned()];
    lines.extend(wrap(text, room));
    lines
}

/// Words in lines of at most this width. A longer word is cut.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let word = truncate_str(word, room, "…");
        let width = measure_text_width(&word);
        if used > 0 && used + 1 + width > room {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&word);
        used += width;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Sections {
        let section = |title: &str| Section {
            place: 0,
            title: title.to_owned(),
            tone: CellTone::Strong,
            rows: vec![
                Row::words(
                    "label",
                    "some words that go on and on until no window is wide enough for them all at once",
                    CellTone::Bad,
                ),
                Row::words(
                    "longer than a label",
                    format!("arn:aws:iam::111122223333:role/{}", "x".repeat(300)),
                    CellTone::Plain,
                ),
                Row::bar("bar", 0.306, "245/800, 30.6 % full", CellTone::Good),
                Row::words(
                    "wide",
                    "日本語 日本語 日本語 日本語 日本語 日本語 日本語 日本語",
                    CellTone::Plain,
                ),
            ],
        };
        Sections {
            heading: vec![("ONLOOKER".to_owned(), CellTone::Strong), ("x".repeat(90), CellTone::Plain)],
            left: vec![section("LEFT"), section("LEFT 2")],
            right: vec![section("RIGHT")],
        }
    }

    #[test]
    fn no_line_is_wider_than_the_window_and_no_row_is_beyond_it() {
        for columns in [20, 40, 60, 80, 100, 109, 110, 111, 200, 400] {
            for rows in [None, Some(0), Some(1), Some(2), Some(10), Some(24), Some(60)] {
                for colored in [false, true] {
                    let lines = frame(&parts(), FrameSize { columns, rows }, colored);
                    assert!(rows.is_none_or(|rows| lines.len() <= rows), "{columns} {rows:?}");
                    for line in &lines {
                        assert!(measure_text_width(line) <= columns, "{columns}: {line:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_text_is_the_same_with_and_without_color() {
        for columns in [60, 100, 200] {
            let size = FrameSize { columns, rows: None };
            let colored = frame(&parts(), size, true).join("\n");
            assert_eq!(console::strip_ansi_codes(&colored), frame(&parts(), size, false).join("\n"));
            assert_ne!(colored, frame(&parts(), size, false).join("\n"));
        }
    }

    #[test]
    fn a_bar_is_filled_by_its_share() {
        let of = |share| bar(share, "", 20).join("");
        assert_eq!(of(0.0).matches('█').count(), 0);
        assert_eq!(of(0.306), "[███░░░░░░░] ");
        assert_eq!(of(0.001), "[█░░░░░░░░░] ");
        assert_eq!(of(0.999), "[█████████░] ");
        assert_eq!(of(1.0), "[██████████] ");
        assert_eq!(of(7.0).matches('░').count(), 0);
        assert_eq!(of(f64::NAN).matches('█').count(), 0);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let all = frame(&parts(), FrameSize { columns: 60, rows: None }, false);
        let some = frame(&parts(), FrameSize { columns: 60, rows: Some(10) }, false);
        assert_eq!(some.len(), 10);
        let last = format!("{} more lines:", all.len() - 9);
        assert!(some.last().is_some_and(|line| line.starts_with(&last)), "{some:#?}");
    }
}
