//! What watched principals could do, tried and did.
//!
//! Enters: a report. Leaves: a section with one line for each watched principal, most severe first, and a section
//! with the counts of the first one. Laws: the three marks of a capability have fixed positions and say the same
//! without color; where policies were not read, a question mark stands for the grants; capabilities that no watched
//! principal could use, tried or used are listed.

use std::collections::BTreeSet;

use super::{
    TerminalStyle,
    page::{
        ScreenSection, ScreenTone, align_left, align_right, display_width, paint, truncate, wrap_hanging,
    },
    principals::distinct_names,
};
use crate::{
    escape::escape_hidden,
    render::{
        format::{count_noun, thousands},
        matrix::{self, MatrixRowState, ToleratedAccess, overall_status_text, worst_first},
    },
    report::{AccessMatrix, MatrixRow, PrincipalSummary, ReportResult},
};

/// Columns of the three marks, and fewest columns of a capability.
const MARKS_WIDTH: usize = 3;

/// Fewest columns of a name; the permissions status is dropped first.
const MIN_NAME_WIDTH: usize = 16;

/// Columns in which most names fit in full.
const FULL_NAME_WIDTH: usize = 44;

/// The sections; empty without a matrix.
pub(super) fn sections(result: &ReportResult, style: &TerminalStyle) -> Vec<ScreenSection> {
    let all = worst_first(result);
    if all.is_empty() {
        return Vec::new();
    }
    let known = all.iter().filter(|(_, matrix)| matrix.has_policies()).count();
    let mut title = "Could, tried, did".to_owned();
    if known == 0 {
        title.push_str(" (no policies were read, so permissions are unknown)");
    } else if known < all.len() {
        title = format!(
            "{title} (policies of {} of {} principals read)",
            thousands(known as u64),
            thousands(all.len() as u64)
        );
    }
    let layout = OverviewLayout::of(&all, style);
    let rows = all
        .iter()
        .zip(&layout.names)
        .map(|((principal, matrix), name)| vec![layout.line(name, principal, matrix)].into());
    let mut sections = vec![ScreenSection {
        title,
        spaced: true,
        header: layout.header(),
        rows: rows.collect(),
        footer: unused_by_all_line(&all, style),
        min_rows: 3,
        ..ScreenSection::default()
    }];
    let detailed = if style.is_whole() { &*all } else { all.get(..1).unwrap_or_default() };
    sections.extend(
        detailed.iter().filter_map(|(principal, matrix)| principal_section(principal, matrix, style)),
    );
    sections
}

/// The headings of the capabilities with grants or calls, each with its meaning.
pub(super) fn headings(result: &ReportResult) -> Vec<(String, String)> {
    let mut headings: Vec<(String, String)> = Vec::new();
    for row in worst_first(result).iter().flat_map(|(_, matrix)| matrix.nonempty_rows()) {
        let word = heading(row);
        if !headings.iter().any(|(known, _)| *known == word) {
            headings.push((word, meaning(row)));
        }
    }
    headings
}

/// What a capability lets its caller do.
fn meaning(row: &MatrixRow) -> String {
    let text = match row.name.as_str() {
        "read" => "read configuration",
        "read_data" => "read data of customers",
        "read_secrets" => "read secrets",
        "issue_credentials" => "issue credentials",
        "run_code" => "run code",
        "expose_resource" => "share a resource with others",
        "privilege_escalation" => "obtain more permissions",
        "mutate" => "change state",
        "incur_cost" => "spend money",
        _ => return row.label().to_string(),
    };
    text.to_owned()
}

/// The layout of the lines of all principals.
struct OverviewLayout<'a> {
    style: &'a TerminalStyle,
    names: Vec<String>,
    name_width: usize,
    /// Columns of the permissions status; zero where there is no room.
    status_width: usize,
    /// Capabilities with grants or calls, each with the columns of its heading.
    capabilities: Vec<(&'a MatrixRow, usize)>,
    /// Columns between two capabilities.
    gap: usize,
}

impl<'a> OverviewLayout<'a> {
    fn of(all: &[(&'a PrincipalSummary, &'a AccessMatrix)], style: &'a TerminalStyle) -> Self {
        let mut used: Vec<&MatrixRow> = Vec::new();
        for row in all.iter().flat_map(|(_, matrix)| matrix.nonempty_rows()) {
            if !used.iter().any(|known| known.name == row.name) {
                used.push(row);
            }
        }
        let order = |row: &&MatrixRow| {
            let rows = all.iter().flat_map(|(_, matrix)| &matrix.capabilities);
            rows.map(|row| row.name.as_str()).position(|other| other == row.name)
        };
        used.sort_by_key(order);
        let known = all.iter().any(|(_, matrix)| matrix.has_policies());
        let status = all
            .iter()
            .filter(|_| known)
            .map(|(_, matrix)| display_width(policy_status(matrix).0) + 2)
            .max()
            .unwrap_or(0);
        // A heading is the whole word, or so many letters of it.
        let width = |row: &MatrixRow, most: usize| display_width(&heading(row)).min(most).max(MARKS_WIDTH);
        let room = |most: usize, gap: usize, status: usize| {
            let columns: usize = used.iter().map(|row| width(row, most) + gap).sum();
            style.width.saturating_sub(2 + status + columns)
        };
        let (most, gap, status) = [
            (usize::MAX, 2, status, FULL_NAME_WIDTH),
            (usize::MAX, 1, status, MIN_NAME_WIDTH),
            (MARKS_WIDTH + 1, 1, status, MIN_NAME_WIDTH),
            (MARKS_WIDTH, 1, status, MIN_NAME_WIDTH),
        ]
        .into_iter()
        .find(|(most, gap, status, name)| room(*most, *gap, *status) >= name + 2)
        .map_or((MARKS_WIDTH, 1, 0), |(most, gap, status, _)| (most, gap, status));
        let principals: Vec<&PrincipalSummary> = all.iter().map(|(principal, _)| *principal).collect();
        let names = distinct_names(&principals, room(most, gap, status).saturating_sub(2));
        let name = names.iter().map(|name| display_width(name)).max().unwrap_or(0) + 2;
        let capabilities = used.iter().map(|row| (*row, width(row, most))).collect();
        Self { style, names, name_width: name, status_width: status, capabilities, gap }
    }

    /// The headings, and a legend of what does not fit.
    fn header(&self) -> Vec<String> {
        let legend =
            ["○ could  × tried, did not succeed  ● did", "○ could  × tried  ● did", "○ could × tried ● did"];
        let room = (self.name_width + self.status_width).saturating_sub(2);
        let fitting = legend.into_iter().find(|legend| display_width(legend) <= room);
        let mut line =
            format!("  {}", align_left(fitting.unwrap_or(""), self.name_width + self.status_width));
        let mut cut = Vec::new();
        if fitting.is_none() {
            cut.extend(legend.last().map(|legend| (*legend).to_owned()));
        }
        for (row, width) in &self.capabilities {
            let word = heading(row);
            let shown = truncate_hard(&word, *width);
            if shown != word {
                cut.push(format!("{shown} {}", escape_hidden(&row.label())));
            }
            line.push_str(&align_left(&shown, width + self.gap));
        }
        let mut lines = vec![line.trim_end().to_owned()];
        if !cut.is_empty() {
            lines.extend(wrap_hanging("  ", &cut.join(", "), self.style.width, self.style.lines(3)));
        }
        lines.iter().map(|line| paint(self.style.color, ScreenTone::Faint, line)).collect()
    }

    fn line(&self, name: &str, principal: &PrincipalSummary, matrix: &AccessMatrix) -> String {
        let tolerated = ToleratedAccess::of(principal, matrix);
        let mut line = format!("  {}", align_left(name, self.name_width));
        if self.status_width > 0 {
            let (word, tone) = policy_status(matrix);
            line.push_str(&paint(self.style.color, tone, &align_left(word, self.status_width)));
        }
        for (column, width) in &self.capabilities {
            let row = matrix.capabilities.iter().find(|row| row.name == column.name);
            let (marks, tone) = row.map_or((" ".repeat(MARKS_WIDTH), matrix::MatrixTone::None), |row| {
                (row_marks(row), row.tone(tolerated))
            });
            line.push_str(&paint(self.style.color, screen_tone(tone), &align_left(&marks, width + self.gap)));
        }
        line
    }
}

/// The marks for could, tried and did, each in its position.
fn row_marks(row: &MatrixRow) -> String {
    let granted = row.granted.as_ref().map(|granted| granted.total() > 0);
    let tried = row.denied > 0 || row.failed > 0;
    if granted == Some(false) && !tried && row.used == 0 {
        return "–".to_owned();
    }
    let granted = granted.map_or('?', |granted| if granted { '○' } else { '·' });
    [granted, if tried { '×' } else { '·' }, if row.used > 0 { '●' } else { '·' }].into_iter().collect()
}

/// The heading of a capability: one word.
fn heading(row: &MatrixRow) -> String {
    let word = match row.name.as_str() {
        "read_data" => "data",
        "read_secrets" => "secrets",
        "issue_credentials" => "creds",
        "run_code" => "code",
        "expose_resource" => "expose",
        "privilege_escalation" => "escalate",
        "incur_cost" => "cost",
        other => other,
    };
    escape_hidden(word).to_uppercase()
}

fn truncate_hard(word: &str, width: usize) -> String {
    let mut used = 0;
    word.chars()
        .take_while(|c| {
            used += display_width(&c.to_string());
            used <= width
        })
        .collect()
}

fn policy_status(matrix: &AccessMatrix) -> (&'static str, ScreenTone) {
    matrix.overall_status.map_or(("not read", ScreenTone::Faint), |status| {
        let (word, tone, _) = overall_status_text(status);
        (word, screen_tone(tone))
    })
}

/// The capabilities that no watched principal could use, tried or used.
fn unused_by_all_line(all: &[(&PrincipalSummary, &AccessMatrix)], style: &TerminalStyle) -> Vec<String> {
    let mut empty: Vec<String> = Vec::new();
    let filled: BTreeSet<&str> =
        all.iter().flat_map(|(_, matrix)| matrix.nonempty_rows()).map(|row| row.name.as_str()).collect();
    for (_, matrix) in all {
        for row in matrix.capabilities.iter().filter(|row| !filled.contains(row.name.as_str())) {
            let label = escape_hidden(&row.label()).into_owned();
            if !empty.contains(&label) {
                empty.push(label);
            }
        }
    }
    let known = all.iter().all(|(_, matrix)| matrix.has_policies());
    let what = if known { "  not granted, not used: " } else { "  not used: " };
    if empty.is_empty() {
        return Vec::new();
    }
    wrap_hanging(what, &empty.join(", "), style.width, style.lines(1))
}

/// The counts of one principal, most severe first.
fn principal_section(
    principal: &PrincipalSummary,
    matrix: &AccessMatrix,
    style: &TerminalStyle,
) -> Option<ScreenSection> {
    let tolerated = ToleratedAccess::of(principal, matrix);
    let mut rows: Vec<&MatrixRow> = matrix.nonempty_rows().collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.tone(tolerated), row.state())));
    let header = ["", "GRANTED", "DENIED", "USED", ""].map(str::to_owned);
    let cells: Vec<[String; 5]> = rows.iter().map(|row| cells(row)).collect();
    let mut widths = [0; 4];
    for row in cells.iter().chain([&header]) {
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = (*width).max(display_width(cell)).min(24);
        }
    }
    let also = [
        (matrix.escalation_paths.len(), "privilege escalation path", "privilege escalation paths"),
        (
            matrix.ungranted_operations.len(),
            "operation used without a grant",
            "operations used without a grant",
        ),
        (matrix.role_chains.len(), "role chain", "role chains"),
    ];
    let also = also.iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| {
        format!("{} {}", thousands(*count as u64), if *count == 1 { one } else { many })
    });
    let also: Vec<String> = also.collect();
    let lines = rows
        .iter()
        .zip(&cells)
        .map(|(row, cells)| vec![line(cells, &widths, Some(screen_tone(row.tone(tolerated))), style)].into());
    let also = if also.is_empty() { String::new() } else { format!(": {}", also.join(", ")) };
    let name = distinct_names(&[principal], style.width / 2);
    (!rows.is_empty()).then(|| ScreenSection {
        title: format!("{}{also}", name.concat()),
        spaced: true,
        header: vec![paint(style.color, ScreenTone::Faint, &line(&header, &widths, None, style))],
        rows: lines.collect(),
        droppable: true,
        shrink_priority: 20,
        ..ScreenSection::default()
    })
}

/// Symbol and name, grants (`unconditional +conditional`), calls without success (`denied +failed`), calls that
/// succeeded, state.
fn cells(row: &MatrixRow) -> [String; 5] {
    let and = |number: u64, more: u64| match more {
        0 => thousands(number),
        more => format!("{} +{}", thousands(number), thousands(more)),
    };
    let granted = row
        .granted
        .as_ref()
        .map_or_else(|| "?".to_owned(), |granted| and(granted.unconditional, granted.conditional));
    let mut state = row.state().text().to_owned();
    if row.through_roles > 0 && row.state() != MatrixRowState::UsedThroughRoles {
        state = format!("{state}; {} through roles", count_noun(row.through_roles, "call"));
    }
    let name = format!("{} {}", row.state().symbol(), escape_hidden(&row.label()));
    [name, granted, and(row.denied, row.failed), thousands(row.used), state]
}

fn line(cells: &[String; 5], widths: &[usize; 4], tone: Option<ScreenTone>, style: &TerminalStyle) -> String {
    let [name, granted, denied, used, state] = cells;
    let [name_width, numbers @ ..] = widths;
    let mut line = format!("  {}", align_left(name, *name_width));
    for (cell, width) in [granted, denied, used].into_iter().zip(numbers) {
        line.push_str("  ");
        line.push_str(&align_right(cell, *width));
    }
    let state = truncate(state, style.width.saturating_sub(display_width(&line) + 2));
    format!("{line}  {}", tone.map_or_else(|| state.clone(), |tone| paint(style.color, tone, &state)))
}

const fn screen_tone(tone: matrix::MatrixTone) -> ScreenTone {
    match tone {
        matrix::MatrixTone::Good => ScreenTone::Good,
        matrix::MatrixTone::None | matrix::MatrixTone::Note => ScreenTone::Faint,
        matrix::MatrixTone::Warn => ScreenTone::Warn,
        matrix::MatrixTone::Bad => ScreenTone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{
        sample,
        terminal::{MAX_LINES, ScreenExtent, terminal},
    };

    const STYLE: TerminalStyle = TerminalStyle { color: false, width: 100, extent: ScreenExtent::OneScreen };

    #[test]
    fn each_mark_has_a_fixed_position() {
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
    fn the_worst_principals_are_shown_and_the_rest_counted() {
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
        assert!(text.lines().count() <= MAX_LINES, "{text}");
        let (_, matrix) = text.split_once("Could, tried, did  (").unwrap();
        assert!(
            matrix.starts_with(|c: char| c.is_ascii_digit()) && matrix.contains(" of 60 shown)"),
            "{text}"
        );
        assert!(matrix.lines().nth(2).unwrap().contains("role/r41"), "{text}");
    }

    #[test]
    fn a_report_without_watched_principals_has_no_matrix_section() {
        assert!(sections(&sample::discovery().result, &STYLE).is_empty());
    }
}
