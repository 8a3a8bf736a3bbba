//! The report for a terminal: on one screen, or whole.
//!
//! Enters: a [`Report`], the width of the screen, whether it shows colors, how much of the report it shows, and where to
//! read more. Leaves: at most 40 lines, or the whole report. Laws: no line is wider than the screen; no text from a record
//! controls the terminal; a word or a symbol says what a color says; the count of what is left out is shown, and the whole
//! report leaves nothing out.

mod controls;
mod coverage_map;
mod findings;
mod legend;
mod matrix;
mod page;
mod principals;
mod reasons;

use page::{
    ScreenSection, ScreenTone, align_left, align_right, display_width, join_fitting, page, paint, truncate,
    wrap_hanging,
};

use super::format::{
    control_state, count_noun, format_period, missing_log_files, percent, short_hash, thousands,
};
use super::{Format, RenderedFile};
use crate::{
    controls::ControlState,
    coverage::{Coverage, ExpectedPart},
    escape::escape_hidden,
    report::{Report, ReportMode, ReportResult, ReportRun},
    score::{RiskBand, Status},
};

/// Unreadable pieces that the whole report names.
const MAX_UNREADABLE: usize = 20;

/// The format: the whole report, without color and 100 columns wide. [`terminal`] takes the style of a screen.
pub const FORMAT: Format = Format {
    name: "terminal",
    help: "Text: one screen on a terminal, the whole report in a file or pipe",
    fits_standard_output: true,
    render: |report| {
        let style = TerminalStyle { color: false, width: 100, extent: ScreenExtent::Whole };
        let bytes = terminal(report, &style, &[]).into_bytes();
        Ok(vec![RenderedFile { name: "report.txt", media_type: "text/plain; charset=utf-8", bytes }])
    },
};

/// Maximum number of lines of the report on one screen.
const MAX_LINES: usize = 40;

/// How much of the report is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScreenExtent {
    /// At most 40 lines: the most severe first, with the counts of what is left out.
    #[default]
    OneScreen,
    /// Everything.
    Whole,
}

/// Fewest columns of a layout.
const MIN_WIDTH: usize = 60;

/// How the terminal shows text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalStyle {
    /// Whether to use ANSI colors.
    pub color: bool,
    /// Columns of the terminal; fewer than 60 count as 60.
    pub width: usize,
    /// How much of the report is shown.
    pub extent: ScreenExtent,
}

impl TerminalStyle {
    /// Whether nothing is left out.
    const fn is_whole(&self) -> bool {
        matches!(self.extent, ScreenExtent::Whole)
    }

    /// Most lines of a text that takes this many on one screen.
    const fn lines(&self, on_one_screen: usize) -> usize {
        if self.is_whole() { usize::MAX } else { on_one_screen }
    }
}

/// The report as text. `more` is where more of it can be read: paths and commands.
pub fn terminal(report: &Report, style: &TerminalStyle, more: &[String]) -> String {
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
        findings::section(result, style),
        top_actions_section(result, style),
        controls::section(result, style),
        limitations_section(result, style),
        legend::section(result, style),
    ];
    sections.extend(lists.into_iter().flatten());
    sections.extend(read_more_section(style, more));
    page(sections, style.lines(MAX_LINES), style.width, style.color)
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
    let about = escape_hidden(&about);
    let faint = |text: &str| paint(style.color, ScreenTone::Faint, text);
    let room = style.width.saturating_sub(display_width(word));
    let word = paint(style.color, tone, word);
    let mut head = match style.is_whole() && display_width(&about) > room {
        true => {
            let lines = wrap_hanging("  ", about.trim_start(), style.width, usize::MAX);
            std::iter::once(word).chain(lines.iter().map(|line| faint(line))).collect()
        }
        false => vec![word + &faint(&align_right(&about, room))],
    };
    head.extend(wrap_hanging("  ", &escape_hidden(&result.summary.statement), style.width, style.lines(3)));
    let lines = inferred(&result.coverage)
        .map(|text| wrap_hanging("Inferred    ", &text, style.width, style.lines(2)))
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
        let name = align_left(name, 12);
        if style.is_whole() && 12 + display_width(strong) + display_width(text) > style.width {
            // Wrapping keeps no double space.
            let text = text.strip_prefix("  ").map_or_else(|| text.to_owned(), |rest| format!(": {rest}"));
            let mut lines = wrap_hanging(&name, &format!("{strong}{text}"), style.width, usize::MAX);
            if let (Some(first), Some(tone)) = (lines.first_mut(), tone) {
                *first = first.replacen(strong, &paint(style.color, tone, strong), 1);
            }
            if let Some(first) = lines.first_mut() {
                *first = first.replacen(&*name, &paint(style.color, ScreenTone::Heading, &name), 1);
            }
            return head.extend(lines);
        }
        let strong = tone.map_or_else(|| strong.to_owned(), |tone| paint(style.color, tone, strong));
        let name = paint(style.color, ScreenTone::Heading, &name);
        head.push(format!("{name}{strong}{}", truncate(text, room)));
    };
    let fitting = |parts: &[String], room: usize| match style.is_whole() {
        true => parts.join(", "),
        false => join_fitting(parts, room),
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
        let names = fitting(&names, style.width.saturating_sub(12 + display_width(&what)));
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
            &format!("  {}", fitting(&parts, style.width.saturating_sub(14 + display_width(&score)))),
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
    let missing_files = missing_log_files(result);
    let problems = [
        (
            totals.unreadable_evidence,
            format!("{} of evidence", count_noun(totals.unreadable_evidence, "unreadable piece")),
        ),
        (totals.conflicting_events, count_noun(totals.conflicting_events, "conflicting event")),
        (missing_files, format!("{} missing", count_noun(missing_files, "listed log file"))),
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
        let is_bad = totals.unreadable_evidence + totals.conflicting_events + missing_files > 0;
        let tone = is_bad.then_some(ScreenTone::Warn);
        let problems = fitting(&problems, style.width.saturating_sub(12));
        fact("", tone, &problems, "");
    }
    let named = if style.is_whole() { MAX_UNREADABLE } else { 1 };
    let last = report.run.unreadable.len().min(named);
    for (n, position) in (1..).zip(report.run.unreadable.iter().take(named)) {
        let name = position.file.rsplit('/').next().unwrap_or_default();
        let text = format!("{} in {}", escape_hidden(&position.reason), escape_hidden(name));
        let more = totals.unreadable_evidence.saturating_sub(last as u64);
        let more = if more > 0 && n == last { format!(" (+{})", thousands(more)) } else { String::new() };
        let room = style.width.saturating_sub(12 + display_width(&more));
        let text = if style.is_whole() { text } else { truncate(&text, room) };
        fact(if n == 1 { "Unreadable" } else { "" }, Some(ScreenTone::Warn), &(text + &more), "");
    }
    let not_read = files_not_read(&report.run);
    if !not_read.is_empty() {
        let tone = (report.run.excluded_files > 0).then_some(ScreenTone::Warn);
        fact("Not read", tone, &fitting(&not_read, style.width.saturating_sub(12)), "");
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

/// The most urgent actions; in the whole report one for each rule with findings.
fn top_actions_section(result: &ReportResult, style: &TerminalStyle) -> Option<ScreenSection> {
    let all = result.recommendations.iter();
    let all = all.map(|one| format!("{}: {}", one.title, one.action)).collect::<Vec<_>>();
    let (title, actions) = match style.is_whole() {
        true => ("Recommendations", &all),
        false => ("Top actions", &result.summary.top_actions),
    };
    (!actions.is_empty()).then(|| ScreenSection {
        title: title.to_owned(),
        spaced: true,
        rows: actions
            .iter()
            .enumerate()
            .map(|(n, action)| {
                let number = format!("  {}. ", n + 1);
                wrap_hanging(&number, &escape_hidden(action), style.width, style.lines(2)).into()
            })
            .collect(),
        min_rows: 1,
        ..ScreenSection::default()
    })
}

fn limitations_section(result: &ReportResult, style: &TerminalStyle) -> Option<ScreenSection> {
    let rows = result
        .limitations
        .iter()
        .map(|text| wrap_hanging("  - ", &escape_hidden(text), style.width, style.lines(2)));
    (!result.limitations.is_empty()).then(|| ScreenSection {
        title: "Limitations".to_owned(),
        spaced: style.is_whole(),
        rows: rows.map(Into::into).collect(),
        min_rows: 1,
        shrink_priority: 3,
        ..ScreenSection::default()
    })
}

fn read_more_section(style: &TerminalStyle, more: &[String]) -> Option<ScreenSection> {
    let more = more.iter().map(|place| escape_hidden(place)).collect::<Vec<_>>().join(", ");
    let lines = wrap_hanging("Read more  ", &more, style.width, style.lines(2));
    let head: Vec<String> = lines.iter().map(|line| paint(style.color, ScreenTone::Heading, line)).collect();
    let spaced = style.is_whole();
    (!more.is_empty()).then(|| ScreenSection { header: head, spaced, ..ScreenSection::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    const PLAIN: TerminalStyle = TerminalStyle { color: false, width: 100, extent: ScreenExtent::OneScreen };

    /// Every sample, with controls that say what they show.
    fn samples() -> Vec<(&'static str, Report)> {
        let mut all: Vec<_> = sample::all().into_iter().collect();
        for control in all.iter_mut().flat_map(|(_, report)| &mut report.result.controls) {
            control.shows = Some(format!("What is shown of this: {}", control.title));
            control.does_not_show = Some(format!("What is not shown of this: {}", control.evidence));
        }
        all
    }

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
        for (name, report) in samples() {
            for width in [60, 80, 100, 132, 250] {
                for extent in [ScreenExtent::OneScreen, ScreenExtent::Whole] {
                    let style = TerminalStyle { width, extent, ..PLAIN };
                    let text = terminal(&report, &style, &files());
                    let lines: Vec<&str> = text.lines().collect();
                    let most = style.lines(MAX_LINES);
                    assert!(lines.len() <= most, "{name} at {width}: {} lines\n{text}", lines.len());
                    let wide = lines.iter().find(|line| display_width(line) > width);
                    assert_eq!(wide, None, "{name} at {width}");
                    assert!(
                        !text.chars().any(|c| c != '\n' && crate::escape::is_hidden(c)),
                        "{name} at {width}"
                    );
                    assert!(!text.contains("\n\n\n"), "{name} at {width}: two empty lines");
                }
            }
        }
    }

    #[test]
    fn the_whole_report_leaves_nothing_out() {
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        for (name, report) in samples() {
            for width in [60, 100] {
                let style = TerminalStyle { width, extent: ScreenExtent::Whole, ..PLAIN };
                let text = terminal(&report, &style, &files());
                assert!(!text.contains(" shown)"), "{name} at {width}: {text}");
                let found = squeezed(&text);
                let result = &report.result;
                let parts = (result.findings.iter().flat_map(|one| [&one.title, &one.description]))
                    .chain(result.limitations.iter())
                    .chain(result.controls.iter().flat_map(|one| [&one.id, &one.title, &one.evidence]))
                    .chain(result.controls.iter().flat_map(|one| [&one.shows, &one.does_not_show]).flatten())
                    .chain(result.recommendations.iter().map(|one| &one.action))
                    .chain([&result.summary.statement]);
                for part in parts {
                    let wanted = squeezed(&escape_hidden(part));
                    assert!(found.contains(&wanted), "{name} at {width}: {part}\n{text}");
                }
                for principal in &result.principals {
                    let (arn, shown) =
                        (escape_hidden(&principal.arn), principals::short_name(&principal.arn));
                    let is_listed = result.mode == ReportMode::Discovery || principal.watched_as.is_some();
                    let is_named =
                        [&*arn, &*escape_hidden(&shown)].iter().any(|one| found.contains(&squeezed(one)));
                    assert!(is_named || !is_listed, "{name} at {width}: {arn}\n{text}");
                }
            }
        }
    }

    #[test]
    fn color_does_not_change_the_text() {
        for (name, report) in samples() {
            for extent in [ScreenExtent::OneScreen, ScreenExtent::Whole] {
                let plain = terminal(&report, &TerminalStyle { extent, ..PLAIN }, &files());
                let color = terminal(&report, &TerminalStyle { color: true, extent, ..PLAIN }, &files());
                let trimmed: Vec<String> =
                    without_color(&color).lines().map(|line| line.trim_end().to_owned()).collect();
                assert_eq!(trimmed, plain.lines().collect::<Vec<_>>(), "{name}");
            }
        }
    }

    #[test]
    fn a_screen_that_is_too_narrow_still_shows_the_result() {
        let text = terminal(&sample::non_compliant(), &TerminalStyle { width: 1, ..PLAIN }, &[]);
        assert!(text.contains("NON_COMPLIANT") && text.contains("99.78"), "{text}");
    }

    #[test]
    fn terminal_matches_the_snapshots() {
        for (name, report) in sample::all() {
            insta::assert_snapshot!(format!("terminal_{name}"), terminal(&report, &PLAIN, &files()));
        }
        let report = sample::non_compliant();
        let narrow = terminal(&report, &TerminalStyle { width: 80, ..PLAIN }, &files());
        insta::assert_snapshot!("terminal_80_columns", narrow);
        let whole = TerminalStyle { width: 80, extent: ScreenExtent::Whole, ..PLAIN };
        insta::assert_snapshot!("terminal_whole", terminal(&report, &whole, &files()));
        let color = terminal(&report, &TerminalStyle { color: true, ..PLAIN }, &files());
        insta::assert_snapshot!("terminal_color", color.replace('\u{1b}', "ESC"));
    }
}
