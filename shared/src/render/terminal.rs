//! The report on one screen.
//!
//! Enters: a [`Report`], the width of the screen, whether it shows colours, and where the whole report lies. Leaves: at
//! most 40 lines. Laws: no line is wider than the screen; no text out of a record controls the terminal; whatever a
//! colour says, a word or a sign says too; what is left out is said.

mod map;
mod matrix;
mod page;
mod principals;

use page::{Section, Tone, columns, cut, hanging, left, page, paint, right, some_of};

use super::{
    escape,
    figures::{control_state, counted, percent, short_hash, span, thousands},
};
use crate::{
    finding::Severity,
    report::{Mode, Report, ReportResult},
    score::{RiskBand, Status},
    standard::ControlState,
};

/// Lines of one screen.
const SCREEN: usize = 40;

/// Columns below which nothing can be laid out.
const NARROWEST: usize = 60;

/// How the terminal shows text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalStyle {
    /// It understands ANSI colours, and they are wanted.
    pub colour: bool,
    /// Its columns; fewer than 60 count as 60.
    pub width: usize,
}

/// A summary of the report for a screen. `files` are the paths at which more of it can be read.
pub fn terminal(report: &Report, style: &TerminalStyle, files: &[String]) -> String {
    let style = &TerminalStyle { width: style.width.max(NARROWEST), ..*style };
    let result = &report.result;
    let mut sections = vec![head(report, style), facts(report, style), map::section(&result.coverage, style)];
    sections.extend(principals::sections(result, style));
    sections.extend(matrix::sections(result, style));
    let lists = [findings(result, style), actions(result, style), not_looked_at(result, style)];
    sections.extend(lists.into_iter().flatten());
    sections.extend(read_more(style, files));
    page(sections, SCREEN, style.width, style.colour)
}

fn head(report: &Report, style: &TerminalStyle) -> Section {
    let result = &report.result;
    let (word, tone) = match result.status() {
        None if result.mode == Mode::Discovery => ("DISCOVERY", Tone::Strong),
        None => ("NO STATUS", Tone::Warn),
        Some(status @ Status::Compliant) => (status.as_str(), Tone::Good),
        Some(status @ Status::InsufficientEvidence) => (status.as_str(), Tone::Warn),
        Some(status @ Status::NonCompliant) => (status.as_str(), Tone::Bad),
    };
    let basis = &result.basis;
    let about = format!(
        "  report {} · catalog {} · Onlooker {}",
        short_hash(&report.id),
        basis.catalog_version,
        basis.onlooker_version
    );
    let about = right(&escape::terminal(&about), style.width.saturating_sub(columns(word)));
    let mut head = vec![paint(style.colour, tone, word) + &paint(style.colour, Tone::Faint, &about)];
    head.extend(hanging("  ", &escape::terminal(&result.summary.statement), style.width, 3));
    Section { head, ..Section::default() }
}

fn facts(report: &Report, style: &TerminalStyle) -> Section {
    let result = &report.result;
    let totals = &result.totals;
    let mut head = Vec::new();
    let mut fact = |name: &str, tone: Option<Tone>, strong: &str, text: &str| {
        let room = style.width.saturating_sub(12 + columns(strong));
        let strong = tone.map_or_else(|| strong.to_owned(), |tone| paint(style.colour, tone, strong));
        let name = paint(style.colour, Tone::Strong, &left(name, 12));
        head.push(format!("{name}{strong}{}", cut(text, room)));
    };
    if result.mode == Mode::Proof {
        let compliance = result.compliance;
        let text = format!(
            "  {} of {} permitted, {} blocked",
            thousands(compliance.permitted),
            counted(compliance.calls, "watched call"),
            thousands(totals.blocked),
        );
        fact("Compliance", Some(Tone::Strong), &percent(compliance.score), &text);
    }
    if let Some(risk) = &result.risk {
        let tone = match risk.level {
            RiskBand::Low => Tone::Good,
            RiskBand::Medium => Tone::Warn,
            RiskBand::High => Tone::Bad,
        };
        let parts = risk.components.iter().filter(|part| part.count > 0);
        let parts = parts.map(|part| {
            format!("{} × {} ({})", thousands(part.count), part.name.replace('_', " "), part.points)
        });
        let parts: Vec<String> = parts.map(|part| escape::terminal(&part)).collect();
        let score = format!("{} of 100, {}", risk.score, risk.level.as_str());
        fact(
            "Risk",
            Some(tone),
            &score,
            &format!("  {}", some_of(&parts, style.width.saturating_sub(14 + columns(&score)))),
        );
    }
    let period = result.period().map_or_else(
        || "none".to_owned(),
        |period| format!("{} ({})", span(period), counted(period.hours().into(), "hour")),
    );
    fact("Period", None, "", &period);
    let evidence = format!(
        "{}, {}, {}, {}, {}",
        counted(totals.events, "event"),
        counted(totals.operations, "API call"),
        counted(totals.principals, "principal"),
        counted(totals.accounts, "account"),
        counted(totals.regions, "region"),
    );
    fact("Evidence", None, "", &evidence);
    let holes = [
        (totals.unreadable, counted(totals.unreadable, "unreadable piece")),
        (totals.conflicting, counted(totals.conflicting, "conflicting event")),
        (totals.unknown, counted(totals.unknown, "unknown call")),
        (report.run.duplicates, counted(report.run.duplicates, "duplicate")),
        (
            report.run.objects_kept,
            format!("evidence of {} kept from earlier sweeps", counted(report.run.objects_kept, "object")),
        ),
        (report.run.outside_period, format!("{} outside the period", thousands(report.run.outside_period))),
    ];
    let holes: Vec<String> =
        holes.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
    if !holes.is_empty() {
        let tone = (totals.unreadable + totals.conflicting > 0).then_some(Tone::Warn);
        let holes = some_of(&holes, style.width.saturating_sub(12));
        fact("", tone, &holes, "");
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
            &escape::terminal(&format!("{} ({})", states.join(", "), result.standard_title)),
        );
    }
    Section { head, ..Section::default() }
}

fn findings(result: &ReportResult, style: &TerminalStyle) -> Option<Section> {
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let counts = severities.iter().filter_map(|severity| {
        let count = result.findings.iter().filter(|finding| finding.severity == *severity).count() as u64;
        (count > 0).then(|| format!("{} {}", thousands(count), severity.as_str().to_lowercase()))
    });
    let title = format!("Findings ({})", counts.collect::<Vec<_>>().join(", "));
    let digits = result.findings.iter().map(|finding| columns(&thousands(finding.count))).max().unwrap_or(0);
    let rows = result.findings.iter().map(|finding| {
        let tone = match finding.severity {
            Severity::Critical | Severity::High => Tone::Bad,
            Severity::Medium => Tone::Warn,
            Severity::Low | Severity::Info => Tone::Faint,
        };
        let who = finding.principal.as_deref().map(|arn| principals::short(&escape::terminal(arn)));
        let parts = [Some(escape::terminal(&finding.title)), who, Some(escape::terminal(&finding.subject))];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        let count = format!("{} ×", thousands(finding.count));
        let severity = paint(style.colour, tone, &left(finding.severity.as_str(), 8));
        let count = right(&count, digits + 2);
        let room = style.width.saturating_sub(14 + columns(&count));
        vec![format!("  {severity}  {count}  {}", cut(&parts.join(" · "), room))]
    });
    (!result.findings.is_empty()).then(|| Section {
        title,
        apart: true,
        rows: rows.map(Into::into).collect(),
        least: 2,
        ..Section::default()
    })
}

fn actions(result: &ReportResult, style: &TerminalStyle) -> Option<Section> {
    let actions = &result.summary.immediate_actions;
    (!actions.is_empty()).then(|| Section {
        title: "Do first".to_owned(),
        apart: true,
        rows: actions
            .iter()
            .enumerate()
            .map(|(n, action)| {
                hanging(&format!("  {}. ", n + 1), &escape::terminal(action), style.width, 2).into()
            })
            .collect(),
        least: 1,
        ..Section::default()
    })
}

fn not_looked_at(result: &ReportResult, style: &TerminalStyle) -> Option<Section> {
    let rows =
        result.not_looked_at.iter().map(|text| hanging("  - ", &escape::terminal(text), style.width, 2));
    (!result.not_looked_at.is_empty()).then(|| Section {
        title: "Not looked at".to_owned(),
        rows: rows.map(Into::into).collect(),
        least: 1,
        yields: 3,
        ..Section::default()
    })
}

fn read_more(style: &TerminalStyle, files: &[String]) -> Option<Section> {
    let files = files.iter().map(|file| escape::terminal(file)).collect::<Vec<_>>().join(", ");
    let lines = hanging("Read more  ", &files, style.width, 2);
    let head: Vec<String> = lines.iter().map(|line| paint(style.colour, Tone::Strong, line)).collect();
    (!files.is_empty()).then(|| Section { head, ..Section::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn files() -> Vec<String> {
        ["onlooker-demo/report.html", "onlooker-demo/report.json"].map(str::to_owned).to_vec()
    }

    fn without_colour(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or("").to_owned();
        parts.fold(first, |plain, part| plain + part.split_once('m').unwrap().1)
    }

    #[test]
    fn every_sample_fits_every_screen() {
        for (name, report) in sample::all() {
            for width in [60, 80, 100, 132, 250] {
                let text = terminal(&report, &TerminalStyle { colour: false, width }, &files());
                let lines: Vec<&str> = text.lines().collect();
                assert!(lines.len() <= SCREEN, "{name} at {width}: {} lines\n{text}", lines.len());
                let wide = lines.iter().find(|line| columns(line) > width);
                assert_eq!(wide, None, "{name} at {width}");
                assert!(!text.chars().any(|c| c != '\n' && escape::is_hidden(c)), "{name} at {width}");
            }
        }
    }

    #[test]
    fn colour_changes_nothing_that_is_read() {
        for (name, report) in sample::all() {
            let plain = terminal(&report, &TerminalStyle { colour: false, width: 100 }, &files());
            let colour = terminal(&report, &TerminalStyle { colour: true, width: 100 }, &files());
            let trimmed: Vec<String> =
                without_colour(&colour).lines().map(|line| line.trim_end().to_owned()).collect();
            assert_eq!(trimmed, plain.lines().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn a_screen_that_is_too_narrow_still_shows_the_result() {
        let text = terminal(&sample::non_compliant(), &TerminalStyle { colour: false, width: 1 }, &[]);
        assert!(text.contains("NON_COMPLIANT") && text.contains("99.78"), "{text}");
    }

    #[test]
    fn reports_have_the_screen_they_had() {
        for (name, report) in sample::all() {
            let style = TerminalStyle { colour: false, width: 100 };
            insta::assert_snapshot!(format!("terminal_{name}"), terminal(&report, &style, &files()));
        }
        let report = sample::non_compliant();
        let narrow = terminal(&report, &TerminalStyle { colour: false, width: 80 }, &files());
        insta::assert_snapshot!("terminal_80_columns", narrow);
        let colour = terminal(&report, &TerminalStyle { colour: true, width: 100 }, &files());
        insta::assert_snapshot!("terminal_colour", colour.replace('\u{1b}', "ESC"));
    }
}
