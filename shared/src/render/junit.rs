//! The report as JUnit XML, for a page of test results.
//!
//! Enters: a [`Report`]. Leaves: XML. Laws: one case for the status, for each watched principal and for each control; a case without
//! sufficient evidence is an error, never passed or skipped, because readers take a skipped case for a good one.

pub(super) mod suite;

use std::collections::BTreeMap;

use self::suite::{JunitCase, JunitOutcome, JunitSuite, document};
use super::{Format, RenderedFile, format::count_noun};
use crate::{
    controls::{ControlResult, ControlState},
    finding::Finding,
    report::{PrincipalSummary, Report, ReportResult},
    score::Status,
};

/// The format.
pub const FORMAT: Format = Format {
    name: "junit",
    help: "JUnit XML: a test case for each watched principal and control; without evidence it is an error",
    fits_standard_output: true,
    render: |report| {
        let bytes = junit(report).into_bytes();
        Ok(vec![RenderedFile { name: "report.junit.xml", media_type: "application/xml", bytes }])
    },
};

/// Findings that a failed case lists.
const MAX_DETAILS: usize = 100;

/// The report as JUnit XML.
pub fn junit(report: &Report) -> String {
    let result = &report.result;
    let by_fingerprint: BTreeMap<&str, &Finding> =
        result.findings.iter().map(|finding| (&*finding.fingerprint, finding)).collect();
    let watched = result.principals.iter().filter(|principal| principal.watched_as.is_some());
    let suite = |name, properties, cases| JunitSuite {
        name,
        timestamp: Some(report.run.generated_at),
        properties,
        cases,
    };
    let mut facts = vec![("report", report.id.clone()), ("standard", result.standard_title.clone())];
    facts.extend(result.period().map(|period| ("since", period.from.to_string())));
    facts.extend(result.period().map(|period| ("until", period.until.to_string())));
    document(&[
        suite("onlooker status", facts, vec![status(result)]),
        suite(
            "onlooker principals",
            Vec::new(),
            watched.map(|one| principal_case(one, &by_fingerprint)).chain(unlisted(result)).collect(),
        ),
        suite(
            "onlooker controls",
            Vec::new(),
            result.controls.iter().map(|one| control_case(one, &by_fingerprint)).collect(),
        ),
    ])
}

fn status(result: &ReportResult) -> JunitCase {
    let reasons = || result.summary.status_reasons.join("; ");
    let outcome = match result.status() {
        Some(Status::Compliant) => JunitOutcome::Passed(result.summary.statement.clone()),
        Some(Status::NonCompliant) => JunitOutcome::Failed(reasons(), vec![result.summary.statement.clone()]),
        Some(Status::InsufficientEvidence) => JunitOutcome::Error(reasons()),
        None => JunitOutcome::Error("the report has no status, because no principal is watched".to_owned()),
    };
    JunitCase { class: "onlooker.status", name: "status".to_owned(), outcome }
}

/// An error for the watched principals that the report does not list.
fn unlisted(result: &ReportResult) -> Option<JunitCase> {
    let count = result.omitted_watched_principals();
    let why = format!("{} not listed, because there are too many", count_noun(count, "watched principal"));
    let outcome = JunitOutcome::Error(why);
    (count > 0).then(|| JunitCase { class: "onlooker.principal", name: "not listed".to_owned(), outcome })
}

fn principal_case(principal: &PrincipalSummary, findings: &BTreeMap<&str, &Finding>) -> JunitCase {
    let why = || principal.status_reasons.join("; ");
    let outcome = match principal.status {
        Some(Status::Compliant) => {
            JunitOutcome::Passed(format!("{}: {}", count_noun(principal.calls, "call"), why()))
        }
        Some(Status::NonCompliant) => JunitOutcome::Failed(why(), details(&principal.findings, findings)),
        Some(Status::InsufficientEvidence) => JunitOutcome::Error(why()),
        None => JunitOutcome::Error("the principal has no status".to_owned()),
    };
    JunitCase { class: "onlooker.principal", name: principal.arn.to_string(), outcome }
}

fn control_case(control: &ControlResult, findings: &BTreeMap<&str, &Finding>) -> JunitCase {
    let outcome = match control.state {
        ControlState::Pass => JunitOutcome::Passed(control.evidence.clone()),
        ControlState::Fail => {
            JunitOutcome::Failed(control.evidence.clone(), details(&control.findings, findings))
        }
        ControlState::NoEvidence => JunitOutcome::Error(format!("no evidence: {}", control.evidence)),
    };
    JunitCase { class: "onlooker.control", name: format!("{} {}", control.id, control.title), outcome }
}

/// One line for each finding.
fn details(fingerprints: &[String], findings: &BTreeMap<&str, &Finding>) -> Vec<String> {
    let known = fingerprints.iter().filter_map(|fingerprint| findings.get(&**fingerprint));
    let mut lines: Vec<String> = known
        .take(MAX_DETAILS)
        .map(|finding| format!("{} {}: {}", finding.severity.as_str(), finding.id, finding.title))
        .collect();
    if let more @ 1.. = fingerprints.len().saturating_sub(MAX_DETAILS) {
        lines.push(format!("{} more", count_noun(more as u64, "finding")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn the_document_of_each_sample_is_as_reviewed() {
        for (name, report) in sample::all() {
            insta::assert_snapshot!(format!("junit_{name}"), junit(&report));
        }
    }

    #[test]
    fn each_case_has_one_outcome_and_none_is_skipped() {
        for (name, report) in sample::all() {
            let text = junit(&report);
            let cases = text.matches("<testcase ").count();
            let ends = ["<failure ", "<error ", "<system-out>"].map(|end| text.matches(end).count());
            assert_eq!(ends.iter().sum::<usize>(), cases, "{name}");
            assert!(!text.contains("<skipped"), "{name}");
            let watched = report.result.principals.iter().filter(|one| one.watched_as.is_some()).count();
            assert_eq!(cases, 1 + watched + report.result.controls.len(), "{name}");
        }
    }

    #[test]
    fn nothing_passes_without_evidence() {
        let mut report = sample::non_compliant();
        for control in &mut report.result.controls {
            control.state = ControlState::NoEvidence;
        }
        for principal in &mut report.result.principals {
            principal.status = principal.status.map(|_| Status::InsufficientEvidence);
        }
        report.result.summary.overall_compliance = None;
        let text = junit(&report);
        assert_eq!((text.matches("<system-out>").count(), text.matches("<failure ").count()), (0, 0));
        assert_eq!(text.matches("<error ").count(), text.matches("<testcase ").count());
    }

    #[test]
    fn a_case_lists_a_hundred_findings_and_counts_the_others() {
        let report = sample::many_findings(250);
        let findings: BTreeMap<&str, &Finding> =
            report.result.findings.iter().map(|finding| (&*finding.fingerprint, finding)).collect();
        let all: Vec<String> = findings.keys().take(103).map(|key| (*key).to_owned()).collect();
        let lines = details(&all, &findings);
        assert_eq!((lines.len(), lines.last().unwrap().as_str()), (101, "3 findings more"));
    }
}
