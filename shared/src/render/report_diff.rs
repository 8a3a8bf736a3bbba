//! The difference of two reports as text, as JSON and as Markdown.
//!
//! Enters: [`ReportDifference`]. Leaves: text. Laws: JSON is valid by the schema in `docs/report-diff.schema.json`; no text of a
//! report forms markup or controls a terminal; a long list states how much is left out.

use std::fmt::Write as _;

use super::{
    Format, RenderedFile,
    escape::{markdown as prose, markdown_code as code},
    format::{format_period, percent, short_hash, thousands},
    json::{MEDIA_TYPE, escape_json},
    markdown::{MarkdownPage, PageLimits, fit},
};
use crate::{
    escape::escape_hidden,
    period::Period,
    report::{DifferenceResult, FindingChange, FindingLine, OperationVerdict, ReportDifference},
    score::Status,
};

/// What an operation is that a report does not list: a report lists what is not a plain read.
const UNLISTED: &str = "a plain read or not called";

/// Every format of a difference, in the order of the help.
pub const FORMATS: &[&Format<ReportDifference>] = &[&JSON, &MARKDOWN, &TERMINAL];

/// JSON.
pub const JSON: Format<ReportDifference> = Format {
    name: "json",
    help: "The complete difference, for programs; its schema is published",
    fits_standard_output: true,
    render: |difference| Ok(one_file("report-diff.json", MEDIA_TYPE, json(difference)?)),
};

/// Markdown.
pub const MARKDOWN: Format<ReportDifference> = Format {
    name: "markdown",
    help: "For a ticket or a pull request",
    fits_standard_output: true,
    render: |difference| Ok(one_file("report-diff.md", "text/markdown; charset=utf-8", markdown(difference))),
};

/// Text.
pub const TERMINAL: Format<ReportDifference> = Format {
    name: "terminal",
    help: "For this screen",
    fits_standard_output: true,
    render: |difference| Ok(one_file("report-diff.txt", "text/plain; charset=utf-8", text(difference))),
};

fn one_file(name: &'static str, media_type: &'static str, text: String) -> Vec<RenderedFile> {
    vec![RenderedFile { name, media_type, bytes: text.into_bytes() }]
}

/// The difference as indented JSON with a newline at its end.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json(difference: &ReportDifference) -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(difference)?))
}

/// The schema of [`json`] as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&ReportDifference::schema())?))
}

/// What a result means, in a sentence.
pub const fn sentence(result: DifferenceResult) -> &'static str {
    match result {
        DifferenceResult::NotWorse => "no watched principal has a worse status",
        DifferenceResult::LessEvidence => "a watched principal that was proven to be read-only is no longer",
        DifferenceResult::NewViolation => "a watched principal breaks the promise that did not before",
    }
}

/// The difference as text: the reports, then what changed, one line each.
pub fn text(difference: &ReportDifference) -> String {
    let [before, after] = difference.reports.each_ref().map(|id| short_hash(&escape_hidden(id)));
    let [earlier, later] = difference.periods.map(period_text);
    let mut text = format!("report  {before} -> {after}\nperiod  {earlier} -> {later}\n");
    text.push_str(&changes_text(difference, UNLISTED));
    let _ = writeln!(text, "result  {}", sentence(difference.result()));
    text
}

/// What changed, one line each. `unlisted` says what an operation is that is in one of the reports alone.
pub fn changes_text(difference: &ReportDifference, unlisted: &str) -> String {
    if difference.is_empty() {
        return "nothing changes\n".to_owned();
    }
    // Writing to a `String` does not fail.
    let mut text = String::new();
    for (name, change) in figures(difference) {
        let _ = writeln!(text, "{name}  {change}");
    }
    for (principal, change) in &difference.principals {
        let _ = writeln!(text, "principal  {}  {}", escape_hidden(principal), status_change(*change));
    }
    for (operation, verdicts) in &difference.operations {
        let _ = writeln!(
            text,
            "operation  {}  {}",
            escape_hidden(operation),
            verdict_change(*verdicts, unlisted)
        );
    }
    for (sign, findings) in [("new", &difference.new_findings), ("gone", &difference.gone_findings)] {
        for finding in findings {
            let _ = writeln!(text, "{sign} finding  {}", finding_text(finding));
        }
    }
    for change in &difference.changed_findings {
        let _ =
            writeln!(text, "changed finding  {}  {}", finding_text(&change.finding), finding_change(change));
    }
    text
}

/// The status and the scores that differ.
fn figures(difference: &ReportDifference) -> Vec<(&'static str, String)> {
    let mut figures = Vec::new();
    if let Some(change) = difference.status {
        figures.push(("status", status_change(change)));
    }
    let scores = [("score", difference.compliance_scores, ""), ("risk", difference.risk_scores, " of 100")];
    for (name, [before, after], unit) in scores.into_iter().filter(|(_, [before, after], _)| before != after)
    {
        let shown = |score: Option<f64>| match unit {
            "" => percent(score),
            unit => score.map_or_else(|| "–".to_owned(), |score| format!("{score}{unit}")),
        };
        figures.push((name, format!("{} -> {}", shown(before), shown(after))));
    }
    figures
}

fn status_change([before, after]: [Option<Status>; 2]) -> String {
    let word = |status: Option<Status>| status.map_or("none", Status::as_str);
    format!("{} -> {}", word(before), word(after))
}

fn verdict_change(verdicts: [Option<OperationVerdict>; 2], unlisted: &str) -> String {
    let [before, after] = verdicts.map(|verdict| {
        verdict.map_or_else(
            || unlisted.to_owned(),
            |verdict| format!("{} {}", verdict.operation_type.as_str(), verdict.risk_level.as_str()),
        )
    });
    format!("{before} -> {after}")
}

fn finding_text(finding: &FindingLine) -> String {
    format!(
        "{}  {}  {}",
        finding.severity.as_str(),
        escape_hidden(&finding.title),
        escape_hidden(&finding.subject)
    )
}

fn finding_change(change: &FindingChange) -> String {
    let ([was, is], [before, after]) = (change.severities, change.counts);
    let severity = if was == is { String::new() } else { format!("{} -> {}, ", was.as_str(), is.as_str()) };
    format!("{severity}{} -> {}", thousands(before), thousands(after))
}

fn period_text(period: Option<Period>) -> String {
    period.map_or_else(|| "none".to_owned(), format_period)
}

/// The difference as Markdown.
pub fn markdown(difference: &ReportDifference) -> String {
    let mut page = MarkdownPage::new(PageLimits::FULL);
    page.line(format_args!("# Onlooker: two reports\n\nResult: {}.\n", sentence(difference.result())));
    let [before, after] = &difference.reports;
    let [earlier, later] = difference.periods.map(period_text);
    let ids = [code(&short_hash(before)), code(&short_hash(after))];
    let mut rows =
        vec![["Report".to_owned(), ids.join(" → ")], ["Period".to_owned(), format!("{earlier} → {later}")]];
    rows.extend(
        figures(difference).into_iter().map(|(name, change)| [name.to_owned(), change.replace("->", "→")]),
    );
    page.table(["", ""], rows.into_iter());
    if difference.is_empty() {
        page.line("\nNothing changes.");
    }
    if !difference.principals.is_empty() {
        page.title(format_args!("Principals ({})", difference.principals.len()));
        let change = |change: &[Option<Status>; 2]| {
            change.map(|status| status.map_or_else(|| "none".to_owned(), |status| code(status.as_str())))
        };
        let rows = difference.principals.iter().map(|(arn, statuses)| {
            let [before, after] = change(statuses);
            [code(arn), before, after]
        });
        page.table(["Principal", "Before", "After"], rows);
    }
    for (title, findings) in
        [("New findings", &difference.new_findings), ("Gone findings", &difference.gone_findings)]
    {
        if !findings.is_empty() {
            page.title(format_args!("{title} ({})", findings.len()));
            page.table(["Severity", "Finding", "Principal", "Subject"], findings.iter().map(finding_cells));
        }
    }
    if !difference.changed_findings.is_empty() {
        page.title(format_args!("Changed findings ({})", difference.changed_findings.len()));
        let rows = difference.changed_findings.iter().map(|change| {
            let [severity, title, principal, subject] = finding_cells(&change.finding);
            [severity, title, principal, subject, finding_change(change).replace("->", "→")]
        });
        page.table(["Severity", "Finding", "Principal", "Subject", "Change"], rows);
    }
    if !difference.operations.is_empty() {
        page.title(format_args!("Operations ({})", difference.operations.len()));
        let rows = difference.operations.iter().map(|(name, verdicts)| {
            [code(name), prose(&verdict_change(*verdicts, UNLISTED).replace("->", "to"))]
        });
        page.table(["Operation", "Classification"], rows);
    }
    fit(page)
}

fn finding_cells(finding: &FindingLine) -> [String; 4] {
    [
        finding.severity.as_str().to_owned(),
        prose(&finding.title),
        finding.principal.as_deref().map_or_else(String::new, code),
        if finding.subject.is_empty() { String::new() } else { code(&finding.subject) },
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        escape::is_hidden,
        render::{
            json::tests::{assert_schema_is_current, schema_violation},
            sample,
        },
        report::DIFFERENCE_SCHEMA_VERSION,
    };

    fn differences() -> Vec<ReportDifference> {
        let all = sample::all();
        let pairs = all.iter().flat_map(|(_, before)| all.iter().map(move |(_, after)| (before, after)));
        pairs.map(|(before, after)| ReportDifference::between(before, after)).collect()
    }

    #[test]
    fn the_published_schema_of_differences_is_current() {
        assert_schema_is_current("report-diff.schema.json", DIFFERENCE_SCHEMA_VERSION, &schema().unwrap());
    }

    #[test]
    fn every_difference_fits_the_schema_and_round_trips() {
        let schema = serde_json::to_value(ReportDifference::schema()).unwrap();
        for difference in differences() {
            let text = json(&difference).unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(schema_violation(&value, &schema, &schema, "$"), None);
            assert_eq!(serde_json::from_str::<ReportDifference>(&text).unwrap(), difference);
        }
    }

    #[test]
    fn no_format_has_a_hidden_character() {
        for difference in differences() {
            for format in FORMATS {
                let [file] = &*format.files(&difference).unwrap() else { panic!("{}", format.name) };
                let text = str::from_utf8(&file.bytes).unwrap();
                assert_eq!(text.chars().find(|c| *c != '\n' && is_hidden(*c)), None, "{}", format.name);
            }
        }
    }

    #[test]
    fn a_difference_matches_its_snapshots() {
        let difference = ReportDifference::between(&sample::compliant(), &sample::non_compliant());
        insta::assert_snapshot!("report_diff_text", text(&difference));
        insta::assert_snapshot!("report_diff_markdown", markdown(&difference));
    }
}
