//! Text tables for people.
//!
//! Enters: rows of cells. Leaves: lines with aligned columns. Laws: a cell has the same meaning without its color;
//! untrusted text cannot move the cursor or imitate a column.

use std::io::{self, IsTerminal as _, Write};

use console::measure_text_width;
use onlooker_core::{
    escape::escape_hidden,
    operation::{OperationType, RiskLevel},
};

use crate::args::GlobalArgs;

/// The meaning of a color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellTone {
    /// A cell without special meaning.
    Plain,
    /// A cell of the heading.
    Strong,
    /// A cell that says something good.
    Good,
    /// A cell that needs attention.
    Warn,
    /// A cell that says something bad.
    Bad,
    /// A cell of less importance.
    Faint,
}

impl CellTone {
    /// The tone of an operation type.
    pub const fn for_operation_type(operation_type: OperationType) -> Self {
        match operation_type {
            OperationType::ReadOnly => Self::Good,
            OperationType::Privileged | OperationType::Unknown => Self::Warn,
            OperationType::Mutating => Self::Bad,
        }
    }

    /// The tone of a risk level.
    pub const fn for_risk(risk: RiskLevel) -> Self {
        match risk {
            RiskLevel::Low => Self::Plain,
            RiskLevel::Medium | RiskLevel::High => Self::Warn,
            RiskLevel::Critical => Self::Bad,
        }
    }

    /// The text in its color, if colors are enabled.
    pub fn paint(self, colored: bool, text: &str) -> String {
        let code = match self {
            Self::Strong => "1",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Faint => "2",
            Self::Plain => return text.to_owned(),
        };
        if colored && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub struct TextCell {
    text: String,
    tone: CellTone,
}

impl TextCell {
    /// A cell. Its text may be untrusted.
    pub fn new(text: &str, tone: CellTone) -> Self {
        Self { text: escape_hidden(text).into_owned(), tone }
    }

    /// A cell without a color.
    pub fn plain(text: &str) -> Self {
        Self::new(text, CellTone::Plain)
    }
}

/// The properties of standard output.
#[derive(Clone, Copy, Debug)]
pub struct ScreenSettings {
    /// Whether colors are enabled.
    pub colored: bool,
    /// Columns of the terminal; none if standard output is not a terminal.
    pub width: Option<usize>,
}

impl ScreenSettings {
    /// The properties of the current standard output.
    pub fn of(global: &GlobalArgs) -> Self {
        let stdout = io::stdout();
        let columns = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        Self {
            colored: global.color.enables_color_on(&stdout),
            width: stdout.is_terminal().then(|| columns.unwrap_or(100)),
        }
    }
}

/// Column widths. They only grow, so that rows that are printed later are aligned too.
#[derive(Clone, Debug, Default)]
pub struct ColumnWidths {
    widths: Vec<usize>,
}

impl ColumnWidths {
    /// Widens the columns for a row.
    pub fn fit(&mut self, row: &[TextCell]) {
        self.widths.resize(self.widths.len().max(row.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(row) {
            *width = (*width).max(measure_text_width(&cell.text));
        }
    }

    /// Prints a row. A last cell that does not fit the screen is printed on its own line, indented.
    pub fn print(&self, out: &mut dyn Write, screen: ScreenSettings, row: &[TextCell]) -> io::Result<()> {
        const GAP: usize = 2;
        let Some((last, front)) = row.split_last() else { return writeln!(out) };
        let mut line = String::new();
        let mut used = 0;
        for (cell, width) in front.iter().zip(&self.widths) {
            line.push_str(&cell.tone.paint(screen.colored, &cell.text));
            let free = width.saturating_sub(measure_text_width(&cell.text)) + GAP;
            line.extend(std::iter::repeat_n(' ', free));
            used += width + GAP;
        }
        let text = last.tone.paint(screen.colored, &last.text);
        let is_over = screen.width.is_some_and(|width| used + measure_text_width(&last.text) > width);
        // An empty cell needs no line of its own.
        match is_over && !front.is_empty() && !last.text.is_empty() {
            true => writeln!(out, "{}\n    {text}", line.trim_end()),
            false => writeln!(out, "{}", format!("{line}{text}").trim_end()),
        }
    }
}

/// The text as lines of at most `width` columns, broken at spaces; a longer word has a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let Some(line) = lines.last_mut() else { break };
        match measure_text_width(line) {
            0 => line.push_str(word),
            used if used + 1 + measure_text_width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Prints a complete list of rows.
pub fn print(out: &mut dyn Write, screen: ScreenSettings, rows: &[Vec<TextCell>]) -> io::Result<()> {
    let mut columns = ColumnWidths::default();
    rows.iter().for_each(|row| columns.fit(row));
    rows.iter().try_for_each(|row| columns.print(out, screen, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(screen: ScreenSettings, rows: &[Vec<TextCell>]) -> String {
        let mut out = Vec::new();
        print(&mut out, screen, rows).expect("writing to a vector succeeds");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn columns_line_up_with_and_without_color() {
        let rows = [
            vec![TextCell::new("a", CellTone::Bad), TextCell::plain("x")],
            vec![TextCell::new("long\u{1b}[2J", CellTone::Good), TextCell::plain("")],
        ];
        let plain = printed(ScreenSettings { colored: false, width: None }, &rows);
        assert_eq!(plain, "a              x\nlong\\u{1b}[2J\n");
        let colored = printed(ScreenSettings { colored: true, width: None }, &rows);
        assert_eq!(console::strip_ansi_codes(&colored), plain);
    }

    #[test]
    fn a_text_breaks_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a longer-than-five b", 5), ["a", "longer-than-five", "b"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn a_last_cell_that_does_not_fit_wraps() {
        let rows = [vec![TextCell::plain("first"), TextCell::plain("a long reason")]];
        assert_eq!(
            printed(ScreenSettings { colored: false, width: Some(12) }, &rows),
            "first\n    a long reason\n"
        );
        let rows_without = [vec![TextCell::plain("longer than the screen"), TextCell::plain("")]];
        let narrow = ScreenSettings { colored: false, width: Some(12) };
        assert_eq!(printed(narrow, &rows_without), "longer than the screen\n", "no empty line");
        assert_eq!(
            printed(ScreenSettings { colored: false, width: Some(40) }, &rows),
            "first  a long reason\n"
        );
    }
}
