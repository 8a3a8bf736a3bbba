//! What watched principals could do, tried and did.
//!
//! Enters: a report. Leaves: a section with one line for each watched principal, the worst first, and one with the
//! numbers of the worst. Laws: the three marks of a capability stand in fixed places and say the same without colour;
//! where policies were not read, a question mark stands for the grants; what nobody could, tried or did is named.

use super::{
    TerminalStyle,
    page::{Section, Tone, columns, cut, hanging, left, paint, right},
    principals::names,
};
use crate::{
    render::{
        escape,
        figures::{counted, thousands},
        matrix::{self, RowState, Tolerated, overall, worst_first},
    },
    report::{Matrix, MatrixRow, PrincipalSummary, ReportResult},
};

/// Columns of the three marks, and of a column at least: with a gap after it.
const MARKS: usize = 3;

/// Columns a name needs at least; what policies say gives way.
const NAME: usize = 16;

/// Columns in which most names stand whole.
const WELL: usize = 44;

/// The sections, if anybody is watched and was seen.
pub(super) fn sections(result: &ReportResult, style: &TerminalStyle) -> Vec<Section> {
    let all = worst_first(result);
    let Some((worst, matrix)) = all.first() else { return Vec::new() };
    let known = all.iter().filter(|(_, matrix)| matrix.is_known()).count();
    let mut title = "Could, tried, did".to_owned();
    if known == 0 {
        title.push_str(" (no policies were read: what could be done is not known)");
    } else if known < all.len() {
        title = format!(
            "{title} (policies read of {} of {})",
            thousands(known as u64),
            thousands(all.len() as u64)
        );
    }
    let strip = Strip::of(&all, style);
    let rows = all
        .iter()
        .zip(&strip.names)
        .map(|((principal, matrix), name)| vec![strip.line(name, principal, matrix)].into());
    let mut sections = vec![Section {
        title,
        apart: true,
        head: vec![strip.head()],
        rows: rows.collect(),
        tail: nobody(&all, style),
        least: 3,
        ..Section::default()
    }];
    sections.extend(numbers(worst, matrix, style));
    sections
}

/// The lines of all principals, one below the other.
struct Strip<'a> {
    style: &'a TerminalStyle,
    names: Vec<String>,
    name: usize,
    /// Columns of what policies say; none where there is no room.
    says: usize,
    /// Columns of each capability, the gap included.
    wide: usize,
    /// Names of the capabilities anybody could use, tried or used.
    used: Vec<&'a str>,
}

impl<'a> Strip<'a> {
    fn of(all: &[(&'a PrincipalSummary, &'a Matrix)], style: &'a TerminalStyle) -> Self {
        let mut used: Vec<&str> = Vec::new();
        for row in all.iter().flat_map(|(_, matrix)| matrix.filled()) {
            if !used.contains(&row.name.as_str()) {
                used.push(&row.name);
            }
        }
        let order = |name: &&str| {
            let rows = all.iter().flat_map(|(_, matrix)| &matrix.capabilities);
            rows.map(|row| row.name.as_str()).position(|other| other == *name)
        };
        used.sort_by_key(order);
        let known = all.iter().any(|(_, matrix)| matrix.is_known());
        let says =
            all.iter().filter(|_| known).map(|(_, matrix)| columns(says(matrix).0) + 2).max().unwrap_or(0);
        let room = |wide: usize, says: usize| style.width.saturating_sub(2 + says + wide * used.len());
        let (wide, says) =
            [(MARKS + 5, says, WELL), (MARKS + 2, says, NAME), (MARKS + 1, says, NAME), (MARKS + 1, 0, 0)]
                .into_iter()
                .find(|(wide, says, name)| room(*wide, *says) >= name + 2)
                .map_or((MARKS + 1, 0), |(wide, says, _)| (wide, says));
        let principals: Vec<&PrincipalSummary> = all.iter().map(|(principal, _)| *principal).collect();
        let names = names(&principals, room(wide, says).saturating_sub(2));
        let name = names.iter().map(|name| columns(name)).max().unwrap_or(0) + 2;
        Self { style, names, name, says, wide, used }
    }

    fn head(&self) -> String {
        let legend = ["○ could  × tried in vain  ● did", "○ could × tried ● did", "○ × ●"];
        let room = (self.name + self.says).saturating_sub(2);
        let legend = legend.into_iter().find(|legend| columns(legend) <= room).unwrap_or("");
        let mut line = format!("  {}", left(legend, self.name + self.says));
        for name in &self.used {
            let word = escape::terminal(short(name)).to_uppercase();
            line.push_str(&left(&cut_hard(&word, self.wide - 1), self.wide));
        }
        paint(self.style.colour, Tone::Faint, line.trim_end())
    }

    fn line(&self, name: &str, principal: &PrincipalSummary, matrix: &Matrix) -> String {
        let tolerated = Tolerated::of(principal, matrix);
        let mut line = format!("  {}", left(name, self.name));
        if self.says > 0 {
            let (word, tone) = says(matrix);
            line.push_str(&paint(self.style.colour, tone, &left(word, self.says)));
        }
        for name in &self.used {
            let row = matrix.capabilities.iter().find(|row| row.name == *name);
            let (marks, tone) =
                row.map_or((" ".repeat(MARKS), matrix::Tone::None), |row| (marks(row), row.tone(tolerated)));
            line.push_str(&paint(self.style.colour, toned(tone), &left(&marks, self.wide)));
        }
        line
    }
}

/// Could, tried, did, each in its place.
fn marks(row: &MatrixRow) -> String {
    let could = row.could.as_ref().map(|could| could.total() > 0);
    let tried = row.tried > 0 || row.failed > 0;
    if could == Some(false) && !tried && row.did == 0 {
        return "–".to_owned();
    }
    let could = could.map_or('?', |could| if could { '○' } else { '·' });
    [could, if tried { '×' } else { '·' }, if row.did > 0 { '●' } else { '·' }].into_iter().collect()
}

/// The name of a capability where there is room for some letters only.
fn short(name: &str) -> &str {
    match name {
        "read_data" => "data",
        "read_secrets" => "secrets",
        "mint_credentials" => "mint",
        "run_code" => "code",
        "share_outward" => "share",
        "spend_money" => "money",
        "privileged" => "priv",
        other => other,
    }
}

fn cut_hard(word: &str, width: usize) -> String {
    let mut used = 0;
    word.chars()
        .take_while(|c| {
            used += columns(&c.to_string());
            used <= width
        })
        .collect()
}

fn says(matrix: &Matrix) -> (&'static str, Tone) {
    matrix.overall_status.map_or(("not read", Tone::Faint), |status| {
        let (word, tone, _) = overall(status);
        (word, toned(tone))
    })
}

/// What nobody could, tried or did.
fn nobody(all: &[(&PrincipalSummary, &Matrix)], style: &TerminalStyle) -> Vec<String> {
    let mut empty: Vec<String> = Vec::new();
    for (_, matrix) in all {
        let filled = |name: &str| all.iter().any(|(_, matrix)| matrix.filled().any(|row| row.name == name));
        for row in matrix.capabilities.iter().filter(|row| !filled(&row.name)) {
            let label = escape::terminal(&row.label());
            if !empty.contains(&label) {
                empty.push(label);
            }
        }
    }
    let known = all.iter().all(|(_, matrix)| matrix.is_known());
    let what = if known { "  nobody could, tried or did: " } else { "  nobody tried or did: " };
    if empty.is_empty() { Vec::new() } else { hanging(what, &empty.join(", "), style.width, 1) }
}

/// The numbers of one principal, the gravest first.
fn numbers(principal: &PrincipalSummary, matrix: &Matrix, style: &TerminalStyle) -> Option<Section> {
    let tolerated = Tolerated::of(principal, matrix);
    let mut rows: Vec<&MatrixRow> = matrix.filled().collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.tone(tolerated), row.state())));
    let header = ["", "COULD", "TRIED", "DID", ""].map(str::to_owned);
    let cells: Vec<[String; 5]> = rows.iter().map(|row| cells(row)).collect();
    let mut widths = [0; 4];
    for row in cells.iter().chain([&header]) {
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = (*width).max(columns(cell)).min(24);
        }
    }
    let also = [
        (matrix.escalation_paths.len(), "escalation path", "escalation paths"),
        (matrix.ungranted.len(), "operation without a grant", "operations without a grant"),
        (matrix.through.len(), "role it acted through", "roles it acted through"),
    ];
    let also = also.iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| {
        format!("{} {}", thousands(*count as u64), if *count == 1 { one } else { many })
    });
    let also: Vec<String> = also.collect();
    let lines = rows
        .iter()
        .zip(&cells)
        .map(|(row, cells)| vec![line(cells, &widths, Some(toned(row.tone(tolerated))), style)].into());
    let also = if also.is_empty() { String::new() } else { format!(": {}", also.join(", ")) };
    let name = names(&[principal], style.width / 2);
    (!rows.is_empty()).then(|| Section {
        title: format!("{}{also}", name.concat()),
        apart: true,
        head: vec![paint(style.colour, Tone::Faint, &line(&header, &widths, None, style))],
        rows: lines.collect(),
        fades: true,
        yields: 20,
        ..Section::default()
    })
}

/// Sign and name, grants, refused and failed calls, calls that succeeded, what it comes to.
fn cells(row: &MatrixRow) -> [String; 5] {
    let and = |number: u64, more: u64| match more {
        0 => thousands(number),
        more => format!("{} +{}", thousands(number), thousands(more)),
    };
    let could =
        row.could.as_ref().map_or_else(|| "?".to_owned(), |could| and(could.granted, could.conditional));
    let mut comes_to = row.state().text().to_owned();
    if row.through > 0 && row.state() != RowState::Through {
        comes_to = format!("{comes_to}; {} through roles", counted(row.through, "call"));
    }
    let name = format!("{} {}", row.state().sign(), escape::terminal(&row.label()));
    [name, could, and(row.tried, row.failed), thousands(row.did), comes_to]
}

fn line(cells: &[String; 5], widths: &[usize; 4], tone: Option<Tone>, style: &TerminalStyle) -> String {
    let [name, could, tried, did, comes_to] = cells;
    let [name_width, numbers @ ..] = widths;
    let mut line = format!("  {}", left(name, *name_width));
    for (cell, width) in [could, tried, did].into_iter().zip(numbers) {
        line.push_str("  ");
        line.push_str(&right(cell, *width));
    }
    let comes_to = cut(comes_to, style.width.saturating_sub(columns(&line) + 2));
    format!("{line}  {}", tone.map_or_else(|| comes_to.clone(), |tone| paint(style.colour, tone, &comes_to)))
}

const fn toned(tone: matrix::Tone) -> Tone {
    match tone {
        matrix::Tone::Good => Tone::Good,
        matrix::Tone::None | matrix::Tone::Note => Tone::Faint,
        matrix::Tone::Warn => Tone::Warn,
        matrix::Tone::Bad => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{
        sample,
        terminal::{SCREEN, terminal},
    };

    const STYLE: TerminalStyle = TerminalStyle { colour: false, width: 100 };

    #[test]
    fn each_mark_has_its_place() {
        let report = sample::non_compliant();
        let sections = sections(&report.result, &STYLE);
        let line = |name: &str| {
            let rows = sections[0].rows.iter().flat_map(|row| &row.lines);
            rows.filter(|line| line.contains(name)).map(|line| line.split_whitespace().collect()).next()
        };
        let agent: Vec<&str> = line("ReleaseNotesAgent").unwrap();
        assert_eq!(agent[2..], ["○·●", "○·●", "○··", "○·●", "○··", "··●", "○··", "○×●", "–"]);
        let pipeline: Vec<&str> = line("ReadOnlyPipeline").unwrap();
        assert_eq!(pipeline[3..], ["?×●", "?··", "?··", "?··", "?··", "?··", "?··", "?×·", "?··"]);
    }

    #[test]
    fn of_many_watched_principals_the_worst_are_shown_and_the_others_counted() {
        let mut report = sample::non_compliant();
        let agent = report.result.principals[3].clone();
        let auditor = report.result.principals[0].clone();
        report.result.principals = (0..60)
            .map(|n| {
                let mut one = if n == 41 { agent.clone() } else { auditor.clone() };
                one.arn = format!("arn:aws:iam::111122223333:role/r{n:02}").into();
                one
            })
            .collect();
        let text = terminal(&report, &STYLE, &[]);
        assert!(text.lines().count() <= SCREEN, "{text}");
        let (_, matrix) = text.split_once("Could, tried, did  (").unwrap();
        assert!(
            matrix.starts_with(|c: char| c.is_ascii_digit()) && matrix.contains(" of 60 shown)"),
            "{text}"
        );
        assert!(matrix.lines().nth(2).unwrap().contains("role/r41"), "{text}");
    }

    #[test]
    fn a_report_without_watched_principals_has_no_such_section() {
        assert!(sections(&sample::discovery().result, &STYLE).is_empty());
    }
}
