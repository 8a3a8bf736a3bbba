//! The result of a gate as JUnit XML and as SARIF.
//!
//! Enters: a [`GateResult`]. Leaves: text. Laws: each check is one test case, which passes, fails or is an error if the evidence does
//! not suffice; each failing check and finding is one result of SARIF with a rule of the driver. Both formats are written by what
//! writes those of a report.

use serde_json::json;

use super::{
    json_value::visible,
    junit::suite::{JunitCase, JunitOutcome, JunitSuite, document},
    sarif::log::{SarifLevel, SarifLog, SarifResult},
};
use crate::{
    finding::Severity,
    gate::{GateCheck, GateOutcome, GateResult},
};

/// The result as JUnit XML: one suite, one case for each check.
pub fn junit(result: &GateResult) -> String {
    let case = |check: &GateCheck| JunitCase {
        class: "onlooker.gate",
        name: check.name.to_owned(),
        outcome: match check.outcome {
            GateOutcome::Passed => JunitOutcome::Passed(check.detail.clone()),
            GateOutcome::Failed => JunitOutcome::Failed(check.detail.clone(), findings(result, check.name)),
            GateOutcome::InsufficientEvidence => JunitOutcome::Error(check.detail.clone()),
        },
    };
    document(&[JunitSuite {
        name: "onlooker gate",
        timestamp: None,
        properties: Vec::new(),
        cases: result.checks.iter().map(case).collect(),
    }])
}

/// The findings that fail a check, one in each line.
fn findings(result: &GateResult, check: &str) -> Vec<String> {
    let failing = result.failing_findings.iter().filter(|_| check == "findings");
    failing.map(|one| format!("{} {}: {}", one.severity.as_str(), one.id, one.title)).collect()
}

/// The result as SARIF 2.1.0. `location` is the URI of the report, relative to the repository, which is where each result is.
pub fn sarif(result: &GateResult, location: &str) -> String {
    let mut log = SarifLog::default();
    let mut add = |rule: &str, level: SarifLevel, text: &str, fingerprint: &str| {
        log.add_result(&SarifResult {
            rule,
            level,
            text,
            fingerprint,
            uri: location,
            principal: None,
            properties: None,
        });
    };
    for check in result.checks.iter().filter(|check| check.outcome != GateOutcome::Passed) {
        let id = format!("gate-{}", check.name);
        add(&id, SarifLevel::Error, &check.detail, &id);
    }
    for finding in &result.failing_findings {
        let level = if finding.severity >= Severity::High { SarifLevel::Error } else { SarifLevel::Warning };
        add(&finding.id, level, &finding.title, &finding.fingerprint);
    }
    log.into_text(json!({
        "properties": { "outcome": result.outcome.as_str(), "report": visible(result.report.as_str().into()) },
    }))
}
