//! What watched principals could do, tried and did.
//!
//! Enters: a report. Leaves: a section with one line for each watched principal, the worst first, and one with the
//! numbers of the worst. Laws: the three marks of a capability stand in fixed places and say the same without color;
//! where policies were not read, a question mark stands for the grants; what nobody could, tried or did is named.

use super::{
    TerminalStyle,
    page::{
        ScreenSection, ScreenTone, align_left, align_right, display_width, paint, truncate, wrap_hanging,
    },
    principals::distinct_names,
};
use crate::{
    render::{
        escape,
        format::{count_noun, thousands},
        matrix::{self, MatrixRowState, ToleratedAccess, overall_status_text, worst_first},
    },
    report::{AccessMatrix, MatrixRow, PrincipalSummary, ReportResult},
};

/// Columns of the three marks, and of a column at least: with a gap after it.
const MARKS_WIDTH: usize = 3;

/// Columns a name needs at least; what policies say gives way.
const MIN_NAME_WIDTH: usize = 16;

/// Columns in which most names stand whole.
const FULL_NAME_WIDTH: usize = 44;

/// The sections, if anybody is watched and was seen.
pub(super) fn sections(result: &ReportResult, style: &TerminalStyle) -> Vec<ScreenSection> {
    let all = worst_first(result);
    let Some((worst, matrix)) = all.first() else { return Vec::new() };
    let known = all.iter().filter(|(_, matrix)| matrix.has_policies()).count();
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
    let strip = OverviewLayout::of(&all, style);
    let rows = all
        .iter()
        .zip(&strip.names)
        .map(|((principal, matrix), name)| vec![strip.line(name, principal, matrix)].into());
    let mut sections = vec![ScreenSection {
        title,
        spaced: true,
        header: vec![strip.header()],
        rows: rows.collect(),
        footer: unused_by_all_line(&all, style),
        min_rows: 3,
        ..ScreenSection::default()
    }];
    sections.extend(worst_principal_section(worst, matrix, style));
    sections
}

/// The lines of all principals, one below the other.
struct OverviewLayout<'a> {
    style: &'a TerminalStyle,
    names: Vec<String>,
    name_width: usize,
    /// Columns of what policies say; none where there is no room.
    status_width: usize,
    /// Columns of each capability, the gap included.
    column_width: usize,
    /// Names of the capabilities anybody could use, tried or used.
    capabilities: Vec<&'a str>,
}

impl<'a> OverviewLayout<'a> {
    fn of(all: &[(&'a PrincipalSummary, &'a AccessMatrix)], style: &'a TerminalStyle) -> Self {
        let mut used: Vec<&str> = Vec::new();
        for row in all.iter().flat_map(|(_, matrix)| matrix.nonempty_rows()) {
            if !used.contains(&row.name.as_str()) {
                used.push(&row.name);
            }
        }
        let order = |name: &&str| {
            let rows = all.iter().flat_map(|(_, matrix)| &matrix.capabilities);
            rows.map(|row| row.name.as_str()).position(|other| other == *name)
        };
        used.sort_by_key(order);
        let known = all.iter().any(|(_, matrix)| matrix.has_policies());
        let says = all
            .iter()
            .filter(|_| known)
            .map(|(_, matrix)| display_width(policy_status(matrix).0) + 2)
            .max()
            .unwrap_or(0);
        let room = |wide: usize, says: usize| style.width.saturating_sub(2 + says + wide * used.len());
        let (wide, says) = [
            (MARKS_WIDTH + 5, says, FULL_NAME_WIDTH),
            (MARKS_WIDTH + 2, says, MIN_NAME_WIDTH),
            (MARKS_WIDTH + 1, says, MIN_NAME_WIDTH),
            (MARKS_WIDTH + 1, 0, 0),
        ]
        .into_iter()
        .find(|(wide, says, name)| room(*wide, *says) >= name + 2)
        .map_or((MARKS_WIDTH + 1, 0), |(wide, says, _)| (wide, says));
        let principals: Vec<&PrincipalSummary> = all.iter().map(|(principal, _)| *principal).collect();
        let names = distinct_names(&principals, room(wide, says).saturating_sub(2));
        let name = names.iter().map(|name| display_width(name)).max().unwrap_or(0) + 2;
        Self { style, names, name_width: name, status_width: says, column_width: wide, capabilities: used }
    }

    fn header(&self) -> String {
        let legend = ["○ could  × tried in vain  ● did", "○ could × tried ● did", "○ × ●"];
        let room = (self.name_width + self.status_width).saturating_sub(2);
        let legend = legend.into_iter().find(|legend| display_width(legend) <= room).unwrap_or("");
        let mut line = format!("  {}", align_left(legend, self.name_width + self.status_width));
        for name in &self.capabilities {
            let word = escape::terminal(short_capability(name)).to_uppercase();
            line.push_str(&align_left(&truncate_hard(&word, self.column_width - 1), self.column_width));
        }
        paint(self.style.color, ScreenTone::Faint, line.trim_end())
    }

    fn line(&self, name: &str, principal: &PrincipalSummary, matrix: &AccessMatrix) -> String {
        let tolerated = ToleratedAccess::of(principal, matrix);
        let mut line = format!("  {}", align_left(name, self.name_width));
        if self.status_width > 0 {
            let (word, tone) = policy_status(matrix);
            line.push_str(&paint(self.style.color, tone, &align_left(word, self.status_width)));
        }
        for name in &self.capabilities {
            let row = matrix.capabilities.iter().find(|row| row.name == *name);
            let (marks, tone) = row.map_or((" ".repeat(MARKS_WIDTH), matrix::MatrixTone::None), |row| {
                (row_marks(row), row.tone(tolerated))
            });
            line.push_str(&paint(
                self.style.color,
                screen_tone(tone),
                &align_left(&marks, self.column_width),
            ));
        }
        line
    }
}

/// Could, tried, did, each in its place.
fn row_marks(row: &MatrixRow) -> String {
    let could = row.granted.as_ref().map(|could| could.total() > 0);
    let tried = row.denied > 0 || row.failed > 0;
    if could == Some(false) && !tried && row.used == 0 {
        return "–".to_owned();
    }
    let could = could.map_or('?', |could| if could { '○' } else { '·' });
    [could, if tried { '×' } else { '·' }, if row.used > 0 { '●' } else { '·' }].into_iter().collect()
}

/// The name of a capability where there is room for some letters only.
fn short_capability(name: &str) -> &str {
    match name {
        "read_data" => "data",
        "read_secrets" => "secrets",
        "issue_credentials" => "mint",
        "run_code" => "code",
        "expose_resource" => "share",
        "incur_cost" => "money",
        "privileged" => "priv",
        other => other,
    }
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

/// What nobody could, tried or did.
fn unused_by_all_line(all: &[(&PrincipalSummary, &AccessMatrix)], style: &TerminalStyle) -> Vec<String> {
    let mut empty: Vec<String> = Vec::new();
    for (_, matrix) in all {
        let filled =
            |name: &str| all.iter().any(|(_, matrix)| matrix.nonempty_rows().any(|row| row.name == name));
        for row in matrix.capabilities.iter().filter(|row| !filled(&row.name)) {
            let label = escape::terminal(&row.label());
            if !empty.contains(&label) {
                empty.push(label);
            }
        }
    }
    let known = all.iter().all(|(_, matrix)| matrix.has_policies());
    let what = if known { "  nobody could, tried or did: " } else { "  nobody tried or did: " };
    if empty.is_empty() { Vec::new() } else { wrap_hanging(what, &empty.join(", "), style.width, 1) }
}

/// The numbers of one principal, the gravest first.
fn worst_principal_section(
    principal: &PrincipalSummary,
    matrix: &AccessMatrix,
    style: &TerminalStyle,
) -> Option<ScreenSection> {
    let tolerated = ToleratedAccess::of(principal, matrix);
    let mut rows: Vec<&MatrixRow> = matrix.nonempty_rows().collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.tone(tolerated), row.state())));
    let header = ["", "COULD", "TRIED", "DID", ""].map(str::to_owned);
    let cells: Vec<[String; 5]> = rows.iter().map(|row| cells(row)).collect();
    let mut widths = [0; 4];
    for row in cells.iter().chain([&header]) {
        for (cell, width) in row.iter().zip(&mut widths) {
            *width = (*width).max(display_width(cell)).min(24);
        }
    }
    let also = [
        (matrix.escalation_paths.len(), "escalation path", "escalation paths"),
        (matrix.ungranted_operations.len(), "operation without a grant", "operations without a grant"),
        (matrix.role_chains.len(), "role it acted through", "roles it acted through"),
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

/// Sign and name, grants, refused and failed calls, calls that succeeded, what it comes to.
fn cells(row: &MatrixRow) -> [String; 5] {
    let and = |number: u64, more: u64| match more {
        0 => thousands(number),
        more => format!("{} +{}", thousands(number), thousands(more)),
    };
    let could = row
        .granted
        .as_ref()
        .map_or_else(|| "?".to_owned(), |could| and(could.unconditional, could.conditional));
    let mut comes_to = row.state().text().to_owned();
    if row.through_roles > 0 && row.state() != MatrixRowState::UsedThroughRoles {
        comes_to = format!("{comes_to}; {} through roles", count_noun(row.through_roles, "call"));
    }
    let name = format!("{} {}", row.state().symbol(), escape::terminal(&row.label()));
    [name, could, and(row.denied, row.failed), thousands(row.used), comes_to]
}

fn line(cells: &[String; 5], widths: &[usize; 4], tone: Option<ScreenTone>, style: &TerminalStyle) -> String {
    let [name, could, tried, did, comes_to] = cells;
    let [name_width, numbers @ ..] = widths;
    let mut line = format!("  {}", align_left(name, *name_width));
    for (cell, width) in [could, tried, did].into_iter().zip(numbers) {
        line.push_str("  ");
        line.push_str(&align_right(cell, *width));
    }
    let comes_to = truncate(comes_to, style.width.saturating_sub(display_width(&line) + 2));
    format!("{line}  {}", tone.map_or_else(|| comes_to.clone(), |tone| paint(style.color, tone, &comes_to)))
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
        terminal::{MAX_LINES, terminal},
    };

    const STYLE: TerminalStyle = TerminalStyle { color: false, width: 100 };

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
