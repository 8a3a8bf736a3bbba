//! Whether a report passes the gate of a pipeline.
//!
//! Enters: a report, the least that is accepted, and an earlier report. Leaves: a [`GateResult`] with one [`GateCheck`] for each
//! criterion. Laws: a report that is `NON_COMPLIANT` fails at any score; missing evidence is accepted only if hours that were not
//! observed are all that is missing, down to the least coverage, and is said then; an earlier report excuses what it has too, and
//! never missing evidence; a report without a status does not pass.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::{
    event::Outcome,
    finding::{Finding, Severity, count_noun},
    report::{FindingLine, PrincipalSummary, Report, ReportResult},
    score::Status,
};

/// Version of the shape of a [`GateResult`]; the first number changes if a field loses its meaning.
pub const GATE_SCHEMA_VERSION: &str = "1.0";

/// The least that is accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateCriteria {
    /// Least compliance score, 0 to 100.
    pub min_score: f64,
    /// Most calls of watched principals that ended in an error other than a denial.
    pub max_errors: u64,
    /// Least share of the expected hours that were observed, in percent.
    pub min_coverage: f64,
    /// Least severity of a finding that fails; `None` if findings do not.
    pub fail_on: Option<Severity>,
}

/// How a check, or the gate, ends. Of several, a failure counts most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// The report passes.
    Passed,
    /// The evidence does not suffice to say it.
    InsufficientEvidence,
    /// The report does not pass.
    Failed,
}

impl GateOutcome {
    /// The word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::InsufficientEvidence => "insufficient evidence",
            Self::Failed => "failed",
        }
    }
}

/// One criterion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GateCheck {
    /// `status`, `score`, `errors`, `coverage` or `findings`.
    pub name: &'static str,
    /// How the check ends.
    pub outcome: GateOutcome,
    /// What the report has, and why that passes or does not.
    pub detail: String,
}

/// What the gate says about a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GateResult {
    /// Version of this shape.
    pub schema_version: &'static str,
    /// Id of the report.
    pub report: String,
    /// Id of the earlier report, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// How the gate ends: as its worst check.
    pub outcome: GateOutcome,
    /// The checks.
    pub checks: Vec<GateCheck>,
    /// Findings that fail the check `findings`.
    pub failing_findings: Vec<FindingLine>,
}

/// The published JSON schema of what `onlooker gate --format json` prints.
pub fn schema() -> Schema {
    schemars::schema_for!(GateResult)
}

impl GateResult {
    /// The result in one line: what does not pass, or what passed.
    pub fn sentence(&self) -> String {
        let worst = self.checks.iter().filter(|check| check.outcome == self.outcome);
        let details: Vec<&str> = worst.map(|check| check.detail.as_str()).collect();
        format!("gate {}: {}", self.outcome.as_str(), details.join("; "))
    }
}

/// Judges a report.
pub fn gate(report: &Report, baseline: Option<&Report>, criteria: &GateCriteria) -> GateResult {
    let (now, before) = (&report.result, baseline.map(|baseline| &baseline.result));
    let failing: Vec<&Finding> = new_findings(now, before)
        .filter(|finding| criteria.fail_on.is_some_and(|least| finding.severity >= least))
        .collect();
    let checks = vec![
        status(now, before, criteria),
        score(now, before, criteria),
        errors(now, before, criteria),
        coverage(now, criteria),
        findings(&failing, before.is_some(), criteria),
    ];
    let outcome = checks.iter().map(|check| check.outcome).max().unwrap_or(GateOutcome::InsufficientEvidence);
    GateResult {
        schema_version: GATE_SCHEMA_VERSION,
        report: report.id.clone(),
        baseline: baseline.map(|baseline| baseline.id.clone()),
        outcome,
        checks,
        failing_findings: failing.into_iter().map(FindingLine::of).collect(),
    }
}

fn check(name: &'static str, outcome: GateOutcome, detail: String) -> GateCheck {
    GateCheck { name, outcome, detail }
}

/// Findings that the earlier report does not have.
fn new_findings<'r>(
    now: &'r ReportResult,
    before: Option<&ReportResult>,
) -> impl Iterator<Item = &'r Finding> {
    let known: BTreeSet<String> =
        before.into_iter().flat_map(|before| &before.findings).map(|one| one.fingerprint.clone()).collect();
    now.findings.iter().filter(move |finding| !known.contains(&finding.fingerprint))
}

fn violators(result: &ReportResult) -> BTreeMap<&Arc<str>, &PrincipalSummary> {
    let broke = |one: &&PrincipalSummary| one.status == Some(Status::NonCompliant);
    result.principals.iter().filter(broke).map(|one| (&one.arn, one)).collect()
}

fn status(now: &ReportResult, before: Option<&ReportResult>, criteria: &GateCriteria) -> GateCheck {
    let reasons = || now.summary.status_reasons.join("; ");
    match now.status() {
        None => check(
            "status",
            GateOutcome::InsufficientEvidence,
            "the report has no status, because no principal is watched".to_owned(),
        ),
        Some(Status::Compliant) => check("status", GateOutcome::Passed, "COMPLIANT".to_owned()),
        Some(Status::NonCompliant) => non_compliant(now, before),
        Some(Status::InsufficientEvidence) => {
            let detail = format!("INSUFFICIENT_EVIDENCE: {}", reasons());
            let is_enough = now.coverage.percent.is_some_and(|percent| percent >= criteria.min_coverage);
            match (now.summary.lacks_only_hours, is_enough) {
                (true, true) => check(
                    "status",
                    GateOutcome::Passed,
                    format!("{detail}; accepted, because nothing else is missing and the coverage suffices"),
                ),
                _ => check("status", GateOutcome::InsufficientEvidence, detail),
            }
        }
    }
}

/// Passes only if the earlier report has every violation too: the principals, and each finding about them.
fn non_compliant(now: &ReportResult, before: Option<&ReportResult>) -> GateCheck {
    let detail = format!("NON_COMPLIANT: {}", now.summary.status_reasons.join("; "));
    let Some(before) = before else { return check("status", GateOutcome::Failed, detail) };
    let (violators, known) = (violators(now), violators(before));
    let new: Vec<&Arc<str>> = violators.keys().copied().filter(|arn| !known.contains_key(*arn)).collect();
    let is_about = |finding: &&Finding| {
        finding.principal.as_ref().is_none_or(|principal| violators.contains_key(principal))
    };
    let findings = new_findings(now, Some(before)).filter(is_about).count() as u64;
    let was_broken = before.status() == Some(Status::NonCompliant) && !violators.is_empty();
    let worse = |result: &ReportResult| result.compliance.calls - result.compliance.permitted;
    let more = worse(now).saturating_sub(worse(before));
    if was_broken && new.is_empty() && findings == 0 && more == 0 {
        return check(
            "status",
            GateOutcome::Passed,
            format!("{detail}; the baseline has the same violations"),
        );
    }
    let new: Vec<String> = new.into_iter().map(ToString::to_string).collect();
    let detail = match (new.as_slice(), findings, more) {
        ([], 0, 0) => format!("{detail}; the baseline does not show them"),
        ([], 0, more) => {
            format!("{detail}; {} more than the baseline that are not permitted", count_noun(more, "call"))
        }
        ([], findings, _) => {
            format!("{detail}; {} that the baseline does not have", count_noun(findings, "finding"))
        }
        (new, ..) => format!("{detail}; not in the baseline: {}", new.join(", ")),
    };
    check("status", GateOutcome::Failed, detail)
}

fn score(now: &ReportResult, before: Option<&ReportResult>, criteria: &GateCriteria) -> GateCheck {
    let least = criteria.min_score;
    let Some(score) = now.compliance.score else {
        return check("score", GateOutcome::InsufficientEvidence, "no call has a score".to_owned());
    };
    if score >= least {
        return check("score", GateOutcome::Passed, format!("score {score} % of at least {least} %"));
    }
    match before.and_then(|before| before.compliance.score).filter(|before| score >= *before) {
        Some(before) => check(
            "score",
            GateOutcome::Passed,
            format!("score {score} %, below {least} %, and {before} % in the baseline"),
        ),
        None => check("score", GateOutcome::Failed, format!("score {score} %, below {least} %")),
    }
}

/// Calls of watched principals that failed and were not denied.
fn failed_calls(result: &ReportResult) -> u64 {
    let watched = result.principals.iter().filter(|one| one.watched_as.is_some());
    watched.flat_map(|one| one.counts.values()).filter_map(|counts| counts.get(&Outcome::Failed)).sum()
}

fn errors(now: &ReportResult, before: Option<&ReportResult>, criteria: &GateCriteria) -> GateCheck {
    let (most, errors) = (criteria.max_errors, failed_calls(now));
    let said = count_noun(errors, "error");
    if errors <= most {
        return check("errors", GateOutcome::Passed, format!("{said} of at most {most}"));
    }
    match before.map(failed_calls).filter(|before| errors <= *before) {
        Some(before) => check(
            "errors",
            GateOutcome::Passed,
            format!("{said}, more than {most}, and {before} in the baseline"),
        ),
        None => check("errors", GateOutcome::Failed, format!("{said}, more than {most}")),
    }
}

fn coverage(now: &ReportResult, criteria: &GateCriteria) -> GateCheck {
    let (coverage, least) = (&now.coverage, criteria.min_coverage);
    let gaps = coverage.expected_hours.saturating_sub(coverage.observed_hours);
    let gaps = match gaps {
        0 => String::new(),
        gaps => format!(", {} of {} not observed", gaps, count_noun(coverage.expected_hours, "hour")),
    };
    match coverage.percent {
        None => check("coverage", GateOutcome::InsufficientEvidence, "no hour is expected".to_owned()),
        Some(percent) if percent >= least => check(
            "coverage",
            GateOutcome::Passed,
            format!("coverage {percent} % of at least {least} %{gaps}"),
        ),
        Some(percent) => check(
            "coverage",
            GateOutcome::InsufficientEvidence,
            format!("coverage {percent} %, below {least} %{gaps}"),
        ),
    }
}

fn findings(failing: &[&Finding], has_baseline: bool, criteria: &GateCriteria) -> GateCheck {
    let Some(least) = criteria.fail_on else {
        return check("findings", GateOutcome::Passed, "findings do not count".to_owned());
    };
    let new = if has_baseline { " that the baseline does not have" } else { "" };
    let least = match least {
        Severity::Critical => "CRITICAL".to_owned(),
        least => format!("{} or more severe", least.as_str()),
    };
    let said = format!("{}{new} {least}", count_noun(failing.len() as u64, "finding"));
    let outcome = if failing.is_empty() { GateOutcome::Passed } else { GateOutcome::Failed };
    check("findings", outcome, said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json::{escape_json, tests::assert_schema_is_current};

    #[test]
    fn the_published_schema_is_current() {
        let text = serde_json::to_string_pretty(&schema()).unwrap();
        assert_schema_is_current("gate.schema.json", &escape_json(text));
    }
}
