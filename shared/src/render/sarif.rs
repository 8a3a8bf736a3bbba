//! The findings of a report as SARIF 2.1.0, for a page of code scanning.
//!
//! Enters: a [`Report`]. Leaves: JSON. Laws: every rule is a rule of the driver, with help in Markdown; each finding is one result, at
//! line 1 of `report.json`, because GitHub takes no result without a file; nothing is suppressed or absent; what is more than GitHub
//! takes is left out from the end, which has the least severe findings, and a notification of the run says how much.

pub(super) mod log;

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use self::log::{SarifLevel, SarifLog, SarifResult, literal};
use super::{
    Format, RenderCause, RenderedFile,
    format::serialized_name,
    json_value::{pruned, visible},
};
use crate::{
    finding::{Finding, FindingRule, RULES, Severity, phrases},
    report::{Report, ReportResult},
};

/// The format.
pub const FORMAT: Format = Format {
    name: "sarif",
    help: "SARIF 2.1.0: the findings for a page of code scanning, such as that of GitHub",
    fits_standard_output: true,
    render: |report| {
        let bytes = sarif(report)?.into_bytes();
        Ok(vec![RenderedFile { name: "report.sarif", media_type: "application/sarif+json", bytes }])
    },
};

/// What the reader takes in one run.
#[derive(Clone, Copy)]
struct SarifLimits {
    /// Results of a run.
    results: usize,
    /// Bytes of the file, compressed with gzip.
    compressed_bytes: usize,
}

/// "SARIF support for code scanning", documentation of GitHub as of 2026-09: 25,000 results of a run, 10 MB compressed.
const GITHUB: SarifLimits = SarifLimits { results: 25_000, compressed_bytes: 10_000_000 };

/// GitHub shows a result at the first line of this file: the report that the format `json` writes.
const LOCATION: &str = "report.json";

/// The findings of a report as SARIF.
///
/// # Errors
/// When the text cannot be compressed, which no report is known to cause.
pub fn sarif(report: &Report) -> Result<String, RenderCause> {
    within(report, GITHUB)
}

/// The document with as many findings as the limits allow.
fn within(report: &Report, limits: SarifLimits) -> Result<String, RenderCause> {
    let mut most = report.result.findings.len().min(limits.results);
    loop {
        let text = document(report, most);
        if most == 0 || text.len() <= limits.compressed_bytes || compressed(&text)? <= limits.compressed_bytes
        {
            return Ok(text);
        }
        most = most / 4 * 3;
    }
}

fn compressed(text: &str) -> Result<usize, std::io::Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?.len())
}

fn document(report: &Report, most: usize) -> String {
    let result = &report.result;
    let mut log = SarifLog::default();
    for rule in RULES {
        log.add_rule(rule.id, descriptor(rule));
    }
    for finding in result.findings.iter().take(most) {
        log.add_result(&SarifResult {
            rule: &finding.id,
            level: level(finding.severity),
            text: &format!("{}. {}", finding.title, finding.description),
            fingerprint: &finding.fingerprint,
            uri: LOCATION,
            principal: finding.principal.as_deref(),
            properties: Some(facts(finding)),
        });
    }
    log.into_text(pruned(json!({
        // GitHub keeps the results of other runs, such as those of the gate, apart by this id.
        "automationDetails": { "id": "onlooker/report/" },
        "invocations": [{
            "executionSuccessful": true,
            "startTimeUtc": report.run.started_at,
            "endTimeUtc": report.run.generated_at,
            "toolExecutionNotifications": omission(result, most),
        }],
        "properties": visible(json!({
            "report": report.id,
            "status": result.status(),
            "standard": serialized_name(&result.standard),
            "complianceScore": result.compliance.score,
            "findings": result.findings.len(),
        })),
    })))
}

/// Says how many findings are left out.
fn omission(result: &ReportResult, shown: usize) -> Option<Value> {
    let omitted = result.findings.len().saturating_sub(shown);
    (omitted > 0).then(|| {
        let text = format!(
            "{omitted} of {} findings are left out, the least severe ones, because readers take no more; report.json \
             has all.",
            result.findings.len()
        );
        json!([{ "level": "warning", "message": { "text": text } }])
    })
}

/// What the driver says of a rule. The texts are Onlooker's own.
fn descriptor(rule: &FindingRule) -> Value {
    let help = format!("**What it means.** {}\n\n**What to do.** {}", rule.meaning, rule.action);
    json!({
        "name": pascal_case(rule.id),
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.meaning },
        "help": { "text": rule.action, "markdown": help },
        "defaultConfiguration": { "level": level(rule.severity).as_str() },
        "properties": {
            "tags": ["security", "aws", "least-privilege"],
            "precision": "high",
            "security-severity": security_severity(rule.severity),
        },
    })
}

fn facts(finding: &Finding) -> Value {
    pruned(visible(json!({
        "severity": finding.severity,
        "subject": finding.subject,
        "count": finding.count,
        "firstSeen": finding.first_seen,
        "lastSeen": finding.last_seen,
        "recommendation": finding.recommendation,
        "eventIds": finding.sample_event_ids,
        "resources": finding.resources,
        "origins": finding.origins.iter().map(|origin| literal(&phrases::origin(origin))).collect::<Vec<_>>(),
        "controls": finding.controls,
    })))
}

const fn level(severity: Severity) -> SarifLevel {
    match severity {
        Severity::Critical | Severity::High => SarifLevel::Error,
        Severity::Medium => SarifLevel::Warning,
        Severity::Low | Severity::Info => SarifLevel::Note,
    }
}

/// GitHub reads above 9 as critical, from 7 as high, from 4 as medium, from 0.1 as low.
const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.5",
        Severity::Info => "0.1",
    }
}

/// `write-succeeded` as `WriteSucceeded`.
fn pascal_case(id: &str) -> String {
    let word = |word: &str| {
        let mut rest = word.chars();
        rest.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(rest).collect::<String>()
    };
    id.split('-').map(word).collect()
}

#[cfg(test)]
#[path = "sarif/tests.rs"]
mod tests;
