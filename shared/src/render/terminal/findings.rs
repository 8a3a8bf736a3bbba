//! The findings.
//!
//! Enters: a report. Leaves: a section with a row for each finding, most severe first. Law: the whole report has the
//! description and the sample events of each finding.

use super::{
    TerminalStyle,
    page::{
        ScreenRow, ScreenSection, ScreenTone, align_left, align_right, display_width, paint, truncate,
        wrap_hanging,
    },
    principals,
};
use crate::{
    escape::escape_hidden,
    finding::{Finding, Severity, phrases},
    render::format::thousands,
    report::ReportResult,
};

/// Resources that a finding names.
const MAX_RESOURCES: usize = 5;

/// Columns of the severity.
const SEVERITY_WIDTH: usize = 8;

/// The section; `None` without findings.
pub(super) fn section(result: &ReportResult, style: &TerminalStyle) -> Option<ScreenSection> {
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let counts = severities.iter().filter_map(|severity| {
        let count = result.findings_of(*severity);
        (count > 0).then(|| format!("{} {}", thousands(count), severity.as_str().to_lowercase()))
    });
    let title = format!("Findings ({})", counts.collect::<Vec<_>>().join(", "));
    let digits =
        result.findings.iter().map(|finding| display_width(&thousands(finding.count))).max().unwrap_or(0);
    let rows = result.findings.iter().map(|finding| row(finding, digits, style));
    (!result.findings.is_empty()).then(|| ScreenSection {
        title,
        spaced: true,
        rows: rows.collect(),
        min_rows: 2,
        last_rows: 1,
        ..ScreenSection::default()
    })
}

fn row(finding: &Finding, digits: usize, style: &TerminalStyle) -> ScreenRow {
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
    let severity = align_left(finding.severity.as_str(), SEVERITY_WIDTH);
    let count = align_right(&format!("{} ×", thousands(finding.count)), digits + 2);
    if !style.is_whole() {
        let room = style.width.saturating_sub(6 + SEVERITY_WIDTH + display_width(&count));
        let severity = paint(style.color, tone, &severity);
        return vec![format!("  {severity}  {count}  {}", truncate(&parts.join(" · "), room))].into();
    }
    let first = format!("  {severity}  {count}  ");
    let mut lines = wrap_hanging(&first, &parts.join(" · "), style.width, usize::MAX);
    if let Some(line) = lines.first_mut() {
        *line = line.replacen(&severity, &paint(style.color, tone, &severity), 1);
    }
    let indent = " ".repeat(2 + SEVERITY_WIDTH + 2);
    let events = finding.sample_event_ids.join(", ");
    let origins = finding.origins.iter().map(phrases::origin).collect::<Vec<_>>().join("; ");
    // Whoever names a resource may choose its name, so it is quoted.
    let resources = phrases::quote_some(finding.resources.iter().map(|arn| &**arn), MAX_RESOURCES);
    let seen = match (finding.first_seen, finding.last_seen) {
        (Some(first), Some(last)) if first == last => format!("at {first}"),
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => String::new(),
    };
    let about = [
        ("", &finding.description),
        ("", &seen),
        ("on ", &resources),
        ("from ", &origins),
        ("events ", &events),
    ];
    for (name, text) in about.into_iter().filter(|(_, text)| !text.is_empty()) {
        let first = format!("{indent}{name}");
        let text = wrap_hanging(&first, &escape_hidden(text), style.width, usize::MAX);
        lines.extend(text.iter().map(|line| paint(style.color, ScreenTone::Faint, line)));
    }
    lines.into()
}
