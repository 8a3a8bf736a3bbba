//! The report on one screen.
//!
//! Enters: a [`Report`], the width of the screen, whether it shows colors, and the paths of the full report. Leaves:
//! at most 40 lines. Laws: no line is wider than the screen; no text from a record controls the terminal; a word or a
//! symbol says what a color says; the count of what is left out is shown.

mod coverage_map;
mod matrix;
mod page;
mod principals;
mod reasons;

use page::{
    ScreenSection, ScreenTone, align_left, align_right, display_width, join_fitting, page, paint, truncate,
    wrap_hanging,
};

use super::format::{control_state, count_noun, format_period, percent, short_hash, thousands};
use super::{Format, RenderedFile};
use crate::{
    controls::ControlState,
    coverage::{Coverage, ExpectedPart},
    escape::escape_hidden,
    finding::Severity,
    report::{Report, ReportMode, ReportResult, ReportRun},
    score::{RiskBand, Status},
};

/// The format, without color and 100 columns wide. [`terminal`] takes the style of a screen.
pub const FORMAT: Format = Format {
    name: "terminal",
    help: "One screen of text",
    fits_standard_output: true,
    render: |report| {
        let bytes = terminal(report, &TerminalStyle { color: false, width: 100 }, &[]).into_bytes();
        Ok(vec![RenderedFile { name: "report.txt", media_type: "text/plain; charset=utf-8", bytes }])
    },
};

/// Maximum number of lines of the report on the terminal.
const MAX_LINES: usize = 40;

/// Fewest columns of a layout.
const MIN_WIDTH: usize = 60;

/// How the terminal shows text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalStyle {
    /// Whether to use ANSI colors.
    pub color: bool,
    /// Columns of the terminal; fewer than 60 count as 60.
    pub width: usize,
}

/// A summary of the report for a screen. `files` are the paths at which more of it can be read.
pub fn terminal(report: &Report, style: &TerminalStyle, files: &[String]) -> String {
    let style = &TerminalStyle { width: style.width.max(MIN_WIDTH), ..*style };
    let result = &report.result;
    let mut sections = vec![
        status_section(report, style),
        facts_section(report, style),
        coverage_map::section(&result.coverage, style),
    ];
    sections.extend(principals::sections(result, style));
    sections.extend(reasons::section(result, style));
    sections.extend(matrix::sections(result, style));
    let lists = [
        findings_section(result, style),
        top_actions_section(result, style),
        limitations_section(result, style),
    ];
    sections.extend(lists.into_iter().flatten());
    sections.extend(files_section(style, files));
    page(sections, MAX_LINES, style.width, style.color)
}

fn status_section(report: &Report, style: &TerminalStyle) -> ScreenSection {
    let result = &report.result;
    let (word, tone) = match result.status() {
        None if result.mode == ReportMode::Discovery => ("DISCOVERY", ScreenTone::Heading),
        None => ("NO STATUS", ScreenTone::Warn),
        Some(status @ Status::Compliant) => (status.as_str(), ScreenTone::Good),
        Some(status @ Status::InsufficientEvidence) => (status.as_str(), ScreenTone::Warn),
        Some(status @ Status::NonCompliant) => (status.as_str(), ScreenTone::Bad),
    };
    let inputs = &result.inputs;
    let about = format!(
        "  report {} · catalog {} · Onlooker {}",
        short_hash(&report.id),
        inputs.catalog_version,
        inputs.onlooker_version
    );
    let about = align_right(&escape_hidden(&about), style.width.saturating_sub(display_width(word)));
    let mut head = vec![paint(style.color, tone, word) + &paint(style.color, ScreenTone::Faint, &about)];
    head.extend(wrap_hanging("  ", &escape_hidden(&result.summary.statement), style.width, 3));
    let lines = inferred(&result.coverage)
        .map(|text| wrap_hanging("Inferred    ", &text, style.width, 2))
        .unwrap_or_default();
    head.extend(lines.iter().map(|line| paint(style.color, ScreenTone::Warn, line)));
    ScreenSection { header: head, ..ScreenSection::default() }
}

fn facts_section(report: &Report, style: &TerminalStyle) -> ScreenSection {
    let result = &report.result;
    let totals = &result.totals;
    let mut head = Vec::new();
    let mut fact = |name: &str, tone: Option<ScreenTone>, strong: &str, text: &str| {
        let room = style.width.saturating_sub(12 + display_width(strong));
        let strong = tone.map_or_else(|| strong.to_owned(), |tone| paint(style.color, tone, strong));
        let name = paint(style.color, ScreenTone::Heading, &align_left(name, 12));
        head.push(format!("{name}{strong}{}", truncate(text, room)));
    };
    if result.mode == ReportMode::Proof {
        let compliance = result.compliance;
        let text = format!(
            "  {} of {} permitted, {} blocked",
            thousands(compliance.permitted),
            count_noun(compliance.calls, "watched call"),
            thousands(totals.blocked),
        );
        fact("Compliance", Some(ScreenTone::Heading), &percent(compliance.score), &text);
    }
    if let Some(overrides) = &result.summary.overrides {
        fact("Overrides", Some(ScreenTone::Warn), overrides.sentence().trim_end_matches('.'), "");
    }
    let unseen = &result.summary.unseen_watches;
    if !unseen.is_empty() {
        let what = format!("{} without a principal: ", count_noun(unseen.len() as u64, "watch entry"));
        let names: Vec<String> = unseen.iter().map(|pattern| escape_hidden(pattern).into_owned()).collect();
        let names = join_fitting(&names, style.width.saturating_sub(12 + display_width(&what)));
        fact("Not seen", Some(ScreenTone::Warn), &what, &names);
    }
    if let Some(risk) = &result.risk {
        let tone = match risk.level {
            RiskBand::Low => ScreenTone::Good,
            RiskBand::Medium => ScreenTone::Warn,
            RiskBand::High => ScreenTone::Bad,
        };
        let parts = risk.components.iter().filter(|part| part.count > 0);
        let parts = parts.map(|part| {
            format!("{} × {} ({})", thousands(part.count), part.name.replace('_', " "), part.points)
        });
        let parts: Vec<String> = parts.map(|part| escape_hidden(&part).into_owned()).collect();
        let score = format!("{} of 100, {}", risk.score, risk.level.as_str());
        fact(
            "Risk",
            Some(tone),
            &score,
            &format!("  {}", join_fitting(&parts, style.width.saturating_sub(14 + display_width(&score)))),
        );
    }
    let period = result.period().map_or_else(
        || "none".to_owned(),
        |period| format!("{} ({})", format_period(period), count_noun(period.hours().into(), "hour")),
    );
    fact("Period", None, "", &period);
    let evidence = format!(
        "{}, {}, {}, {}, {}",
        count_noun(totals.events, "event"),
        count_noun(totals.operations, "API call"),
        count_noun(totals.principals, "principal"),
        count_noun(totals.accounts, "account"),
        count_noun(totals.regions, "region"),
    );
    fact("Evidence", None, "", &evidence);
    let problems = [
        (totals.unreadable_evidence, count_noun(totals.unreadable_evidence, "unreadable piece")),
        (totals.conflicting_events, count_noun(totals.conflicting_events, "conflicting event")),
        (totals.unknown, count_noun(totals.unknown, "unknown call")),
        (report.run.duplicates, count_noun(report.run.duplicates, "duplicate")),
        (
            report.run.log_files_reused,
            format!("{} not read again", count_noun(report.run.log_files_reused, "log file")),
        ),
        (report.run.outside_period, format!("{} outside the period", thousands(report.run.outside_period))),
    ];
    let problems: Vec<String> =
        problems.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
    if !problems.is_empty() {
        let tone = (totals.unreadable_evidence + totals.conflicting_events > 0).then_some(ScreenTone::Warn);
        let problems = join_fitting(&problems, style.width.saturating_sub(12));
        fact("", tone, &problems, "");
    }
    if let Some(first) = report.run.unreadable.first() {
        let name = first.file.rsplit('/').next().unwrap_or_default();
        let text = format!("{} in {}", escape_hidden(&first.reason), escape_hidden(name));
        let more = totals.unreadable_evidence.saturating_sub(1);
        let more = if more > 0 { format!(" (+{})", thousands(more)) } else { String::new() };
        let room = style.width.saturating_sub(12 + display_width(&more));
        fact("Unreadable", Some(ScreenTone::Warn), &(truncate(&text, room) + &more), "");
    }
    let not_read = files_not_read(&report.run);
    if !not_read.is_empty() {
        let tone = (report.run.excluded_files > 0).then_some(ScreenTone::Warn);
        fact("Not read", tone, &join_fitting(&not_read, style.width.saturating_sub(12)), "");
    }
    if !result.controls.is_empty() {
        let states = [ControlState::Fail, ControlState::NoEvidence, ControlState::Pass];
        let states = states.map(|state| {
            let count = result.controls.iter().filter(|control| control.state == state).count() as u64;
            format!("{} {}", thousands(count), control_state(state))
        });
        fact(
            "Controls",
            None,
            "",
            &escape_hidden(&format!("{} ({})", states.join(", "), result.standard_title)),
        );
    }
    ScreenSection { header: head, ..ScreenSection::default() }
}

/// What was inferred from the evidence, and what to set; the limitations say what follows.
fn inferred(coverage: &Coverage) -> Option<String> {
    let is_inferred = |part| coverage.inferred_parts.contains(&part);
    let period = match (is_inferred(ExpectedPart::Since), is_inferred(ExpectedPart::Until)) {
        (true, true) => Some(("period", "--since, --until")),
        (true, false) => Some(("start", "--since")),
        (false, true) => Some(("end", "--until")),
        (false, false) => None,
    };
    let accounts = is_inferred(ExpectedPart::Accounts).then_some(("accounts", "coverage.accounts"));
    let regions = is_inferred(ExpectedPart::Regions).then_some(("regions", "coverage.regions"));
    let parts = || [accounts, regions, period].into_iter().flatten();
    let names: Vec<&str> = parts().map(|(name, _)| name).collect();
    let settings: Vec<&str> = parts().map(|(_, setting)| setting).collect();
    (!names.is_empty()).then(|| format!("{}; set {}", names.join(", "), settings.join(", ")))
}

/// What was not read of the files that were found: the excluded files, with the globs, and the skipped ones, by what
/// they seem to be.
fn files_not_read(run: &ReportRun) -> Vec<String> {
    let globs = run.exclude.iter().map(|glob| escape_hidden(glob)).collect::<Vec<_>>().join(", ");
    let excluded = (!run.exclude.is_empty())
        .then(|| format!("{} excluded by {globs}", count_noun(run.excluded_files, "file")));
    let skipped: u64 = run.skipped.values().sum();
    let mut kinds: Vec<String> = run
        .skipped
        .iter()
        .map(|(kind, count)| format!("{} {}", escape_hidden(kind), thousands(*count)))
        .collect();
    if let Some(first) = kinds.first_mut() {
        *first = format!("{} skipped: {first}", count_noun(skipped, "file"));
    }
    excluded.into_iter().chain(kinds).collect()
}

fn findings_section(result: &ReportResult, style: &TerminalStyle) -> Option<ScreenSection> {
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let counts = severities.iter().filter_map(|severity| {
        let count = result.findings.iter().filter(|finding| finding.severity == *severity).count() as u64;
        (count > 0).then(|| format!("{} {}", thousands(count), severity.as_str().to_lowercase()))
    });
    let title = format!("Findings ({})", counts.collect::<Vec<_>>().join(", "));
    let digits =
        result.findings.iter().map(|finding| display_width(&thousands(finding.count))).max().unwrap_or(0);
    let rows = result.findings.iter().map(|finding| {
        let tone = match finding.severity {
            Severity::Critical | Severity::High => ScreenTone::Bad,
            Severity::Medium => ScreenTone::Warn,
            Severity::Low | Severity::Info => ScreenTone::Faint,
        };
        let title = escape_hidden(&finding.title).into_owned();
        let name = finding.principal.as_deref().map(|arn| principals::short_name(&escape_hidden(arn)));
        let name = name.filter(|name| !title.contains(name.rsplit('/').next().unwrap_or(name)));
        let subject =
            Some(escape_hidden(&finding.subject).into_owned()).filter(|subject| !title.contains(&**subject));
        let parts: Vec<String> = [Some(title), name, subject].into_iter().flatten().collect();
        let count = format!("{} ×", thousands(finding.count));
        let severity = paint(style.color, tone, &align_left(finding.severity.as_str(), 8));
        let count = align_right(&count, digits + 2);
        let room = style.width.saturating_sub(14 + display_width(&count));
        vec![format!("  {severity}  {count}  {}", truncate(&parts.join(" · "), room))]
    });
    (!result.findings.is_empty()).then(|| ScreenSection {
        title,
        spaced: true,
        rows: rows.map(Into::into).collect(),
        min_rows: 2,
        ..ScreenSection::default()
    })
}

fn top_actions_section(result: &ReportResult, style: &TerminalStyle) -> Option<ScreenSection> {
    let actions = &result.summary.top_actions;
    (!actions.is_empty()).then(|| ScreenSection {
        title: "Top actions".to_owned(),
        spaced: true,
        rows: actions
            .iter()
            .enumerate()
            .map(|(n, action)| {
                wrap_hanging(&format!("  {}. ", n + 1), &escape_hidden(action), style.width, 2).into()
            })
            .collect(),
        min_rows: 1,
        ..ScreenSection::default()
    })
}

fn limitations_section(result: &ReportResult, style: &TerminalStyle) -> Option<ScreenSection> {
    let rows =
        result.limitations.iter().map(|text| wrap_hanging("  - ", &escape_hidden(text), style.width, 2));
    (!result.limitations.is_empty()).then(|| ScreenSection {
        title: "Limitations".to_owned(),
        rows: rows.map(Into::into).collect(),
        min_rows: 1,
        shrink_priority: 3,
        ..ScreenSection::default()
    })
}

fn files_section(style: &TerminalStyle, files: &[String]) -> Option<ScreenSection> {
    let files = files.iter().map(|file| escape_hidden(file)).collect::<Vec<_>>().join(", ");
    let lines = wrap_hanging("Full report  ", &files, style.width, 2);
    let head: Vec<String> = lines.iter().map(|line| paint(style.color, ScreenTone::Heading, line)).collect();
    (!files.is_empty()).then(|| ScreenSection { header: head, ..ScreenSection::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn files() -> Vec<String> {
        ["onlooker-demo/report.html", "onlooker-demo/report.json"].map(str::to_owned).to_vec()
    }

    fn without_color(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or("").to_owned();
        parts.fold(first, |plain, part| plain + part.split_once('m').unwrap().1)
    }

    #[test]
    fn every_sample_fits_every_screen_width() {
        for (name, report) in sample::all() {
            for width in [60, 80, 100, 132, 250] {
                let text = terminal(&report, &TerminalStyle { color: false, width }, &files());
                let lines: Vec<&str> = text.lines().collect();
                assert!(lines.len() <= MAX_LINES, "{name} at {width}: {} lines\n{text}", lines.len());
                let wide = lines.iter().find(|line| display_width(line) > width);
                assert_eq!(wide, None, "{name} at {width}");
                assert!(!text.chars().any(|c| c != '\n' && crate::escape::is_hidden(c)), "{name} at {width}");
            }
        }
    }

    #[test]
    fn color_does_not_change_the_text() {
        for (name, report) in sample::all() {
            let plain = terminal(&report, &TerminalStyle { color: false, width: 100 }, &files());
            let color = terminal(&report, &TerminalStyle { color: true, width: 100 }, &files());
            let trimmed: Vec<String> =
                without_color(&color).lines().map(|line| line.trim_end().to_owned()).collect();
            assert_eq!(trimmed, plain.lines().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn a_screen_that_is_too_narrow_still_shows_the_result() {
        let text = terminal(&sample::non_compliant(), &TerminalStyle { color: false, width: 1 }, &[]);
        assert!(text.contains("NON_COMPLIANT") && text.contains("99.78"), "{text}");
    }

    #[test]
    fn terminal_matches_the_snapshots() {
        for (name, report) in sample::all() {
            let style = TerminalStyle { color: false, width: 100 };
            insta::assert_snapshot!(format!("terminal_{name}"), terminal(&report, &style, &files()));
        }
        let report = sample::non_compliant();
        let narrow = terminal(&report, &TerminalStyle { color: false, width: 80 }, &files());
        insta::assert_snapshot!("terminal_80_columns", narrow);
        let color = terminal(&report, &TerminalStyle { color: true, width: 100 }, &files());
        insta::assert_snapshot!("terminal_color", color.replace('\u{1b}', "ESC"));
    }
}
