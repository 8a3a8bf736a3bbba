//! An issued report and its findings as JSON lines, for queries over many reports.
//!
//! Enters: a report in short, and its findings. Leaves: one JSON object a line, for the report or for each finding. Laws: every line says which
//! report it is of, so that of several revisions the newest can be chosen; no line holds a character that a terminal
//! would obey; order is the report's own.

use serde::Serialize;

use super::json::escape_hidden;
use crate::{current_status::ReportBrief, finding::Finding, score::Status, time::Time};

/// A finding with the report it is of.
#[derive(Serialize)]
struct FindingLine<'a> {
    report_id: &'a str,
    revision: u32,
    since: Time,
    until: Time,
    generated_at: Time,
    status: Option<Status>,
    #[serde(flatten)]
    finding: &'a Finding,
}

/// A line for each of the findings of a report.
///
/// # Errors
/// When a finding cannot be written as JSON.
pub fn finding_lines(report: &ReportBrief, findings: &[Finding]) -> Result<String, serde_json::Error> {
    let mut lines = String::new();
    for finding in findings {
        let line = FindingLine {
            report_id: &report.id,
            revision: report.revision,
            since: report.since,
            until: report.until,
            generated_at: report.generated_at,
            status: report.status,
            finding,
        };
        lines.push_str(&escape_hidden(&serde_json::to_string(&line)?));
    }
    Ok(lines)
}

/// A line for a report.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn summary_line(report: &ReportBrief) -> Result<String, serde_json::Error> {
    Ok(escape_hidden(&serde_json::to_string(report)?))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::render::{escape::is_hidden, sample};

    #[test]
    fn each_finding_is_one_line_that_round_trips_and_names_its_report() {
        for (name, report) in sample::all() {
            let reported = ReportBrief::from_report(&report, Time(0), Time(3_600), "key");
            assert_eq!(
                serde_json::from_str::<ReportBrief>(&summary_line(&reported).unwrap()).unwrap(),
                reported,
                "{name}"
            );
            let lines = finding_lines(&reported, &report.result.findings).unwrap();
            assert!(!lines.chars().any(|c| c != '\n' && is_hidden(c)), "{name}");
            assert_eq!(lines.lines().count(), report.result.findings.len(), "{name}");
            for (line, finding) in lines.lines().zip(&report.result.findings) {
                let line: Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["report_id"], report.id.as_str());
                assert_eq!(serde_json::from_value::<Finding>(line).unwrap(), *finding, "{name}");
            }
        }
    }
}
