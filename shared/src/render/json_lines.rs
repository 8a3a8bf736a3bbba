//! A published report and its findings as JSON lines, for queries over many reports.
//!
//! Enters: a report in short, and its findings. Leaves: one JSON object a line, for the report or for each finding.
//! Laws: every line names its report and revision, so that a query can select the newest revision; every line has every
//! key, with `null` for what is absent; no line holds a
//! character that controls a terminal; the order is that of the report.

use serde::Serialize;

use super::json::escape_json;
use crate::{current_status::ReportBrief, finding::Finding, score::Status, time::Time};

/// A finding with its report.
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

/// One line for each finding of a report.
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
        lines.push_str(&escape_json(serde_json::to_string(&line)?));
    }
    Ok(lines)
}

/// One line for a report.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn summary_line(report: &ReportBrief) -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string(report)?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::{escape::is_hidden, render::sample};

    /// A reader such as DuckDB takes the columns from the first lines, and drops a key that comes later.
    #[test]
    fn every_line_has_the_same_keys() {
        let mut keys = BTreeSet::new();
        for (_, report) in sample::all() {
            let reported = ReportBrief::from_report(&report, Time(0), Time(3_600), "key");
            let lines = finding_lines(&reported, &report.result.findings).unwrap();
            for line in lines.lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                keys.insert((true, line.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>()));
            }
            let summary: Value = serde_json::from_str(&summary_line(&reported).unwrap()).unwrap();
            keys.insert((false, summary.as_object().unwrap().keys().cloned().collect()));
        }
        assert_eq!(keys.len(), 2, "one set of keys for findings, one for reports: {keys:?}");
    }

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
                // Origins are in the run of a report.
                let without = Finding { origins: Vec::new(), ..finding.clone() };
                assert_eq!(serde_json::from_value::<Finding>(line).unwrap(), without, "{name}");
            }
        }
    }
}
