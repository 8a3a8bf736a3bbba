//! Whether a report passes the gate of a pipeline.
//!
//! Enters: a report, the least that is accepted, and an earlier report. Leaves: a [`GateResult`] with one [`GateCheck`] for each
//! criterion. Laws: a report that is `NON_COMPLIANT` fails at any score; missing evidence is accepted only if hours that were not
//! observed are all that is missing, down to the least coverage of each account and region, and is said then; an earlier report
//! excuses what it has too, and never missing evidence; a report without a status does not pass.

use std::{collections::BTreeMap, sync::Arc};

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::{
    coverage::percent,
    event::Outcome,
    finding::{Finding, Severity, count_noun},
    report::{FindingLine, Report, ReportResult},
    score::{EvidenceCompleteness, Status},
};

/// Version of the shape of a [`GateResult`]; the first number changes if a field loses its meaning.
pub const GATE_SCHEMA_VERSION: &str = "1.0";

/// The least that is accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateCriteria {
    /// Least compliance score, 0 to 100.
    pub min_score: f64,
    /// Highest risk score, 0 to 100; `None` if the risk does not count.
    pub max_risk: Option<f64>,
    /// Most calls of watched principals that ended in an error other than a denial.
    pub max_errors: u64,
    /// Least share of the expected hours of each account and region that were observed, in percent.
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
    /// `status`, `score`, `risk`, `errors`, `coverage` or `findings`.
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
    let mut checks = vec![status(now, before, criteria), score(now, before, criteria)];
    checks.extend(criteria.max_risk.map(|most| risk(now, before, most)));
    checks.extend([
        errors(now, before, criteria),
        coverage(now, criteria),
        findings(&failing, before.is_some(), criteria),
    ]);
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

/// Findings that the earlier report does not have, or has with less severity.
fn new_findings<'r>(
    now: &'r ReportResult,
    before: Option<&ReportResult>,
) -> impl Iterator<Item = &'r Finding> {
    let known: BTreeMap<String, Severity> = before
        .into_iter()
        .flat_map(|before| &before.findings)
        .map(|one| (one.fingerprint.clone(), one.severity))
        .collect();
    now.findings
        .iter()
        .filter(move |one| known.get(&one.fingerprint).is_none_or(|known| *known < one.severity))
}

/// Why a report cannot be the baseline of another; `None` if it can. A longer or later period may hold more of the same,
/// and what is not listed cannot be compared.
pub fn baseline_problem(report: &Report, baseline: &Report) -> Option<&'static str> {
    if !report.result.lists_everything() || !baseline.result.lists_everything() {
        return Some("or the report leaves watched principals or findings out, because there are too many");
    }
    match (report.result.period(), baseline.result.period()) {
        (Some(now), Some(before)) if before.until > now.until => {
            Some("is about a later time than the report")
        }
        (Some(now), Some(before)) if before.hours() > now.hours() => {
            Some("is about a longer period than the report")
        }
        (Some(_), Some(_)) => None,
        _ => Some("has no period to compare, or the report has none"),
    }
}

/// Calls that are not permitted, of each principal that is `NON_COMPLIANT`.
fn violations(result: &ReportResult) -> BTreeMap<&Arc<str>, u64> {
    let broke = result.principals.iter().filter(|one| one.status == Some(Status::NonCompliant));
    broke
        .map(|one| {
            let own = one.compliance.calls.saturating_sub(one.compliance.permitted);
            (&one.arn, own.saturating_add(one.writes_through_roles))
        })
        .collect()
}

fn status(now: &ReportResult, before: Option<&ReportResult>, criteria: &GateCriteria) -> GateCheck {
    let said = |status: Status| format!("{status}: {}", now.summary.status_reasons.join("; "));
    match now.status() {
        None => check(
            "status",
            GateOutcome::InsufficientEvidence,
            "the report has no status, because no principal is watched".to_owned(),
        ),
        Some(Status::Compliant) => check("status", GateOutcome::Passed, "COMPLIANT".to_owned()),
        Some(status @ Status::InsufficientEvidence) => evidence(now, criteria, said(status)),
        Some(status @ Status::NonCompliant) => match before.map(|before| new_violations(now, before)) {
            None => check("status", GateOutcome::Failed, said(status)),
            Some(Some(new)) => check("status", GateOutcome::Failed, format!("{}; {new}", said(status))),
            Some(None) => {
                let detail = format!("{}; the baseline has the same violations", said(status));
                evidence(now, criteria, detail)
            }
        },
    }
}

/// Passes if nothing but hours is missing, and those only down to the least coverage.
fn evidence(now: &ReportResult, criteria: &GateCriteria, detail: String) -> GateCheck {
    let is_covered = least_coverage(now).is_some_and(|(percent, _)| percent >= criteria.min_coverage);
    match now.summary.evidence_completeness {
        Some(EvidenceCompleteness::Complete) => check("status", GateOutcome::Passed, detail),
        Some(EvidenceCompleteness::HoursMissing) if is_covered => check(
            "status",
            GateOutcome::Passed,
            format!("{detail}; accepted, because only hours are missing and the coverage suffices"),
        ),
        Some(EvidenceCompleteness::HoursMissing) => {
            check("status", GateOutcome::InsufficientEvidence, detail)
        }
        None => {
            let detail = format!("{detail}; not only hours of evidence are missing");
            check("status", GateOutcome::InsufficientEvidence, detail)
        }
    }
}

/// What the violations have that those of the earlier report do not; `None` if nothing.
fn new_violations(now: &ReportResult, before: &ReportResult) -> Option<String> {
    let (violations, known) = (violations(now), violations(before));
    let new: Vec<&str> =
        violations.keys().filter(|arn| !known.contains_key(**arn)).map(|arn| &***arn).collect();
    if !new.is_empty() {
        return Some(format!("not in the baseline: {}", new.join(", ")));
    }
    let is_about = |finding: &&Finding| {
        finding.principal.as_ref().is_none_or(|principal| violations.contains_key(principal))
    };
    let findings = new_findings(now, Some(before)).filter(is_about).count() as u64;
    if findings > 0 {
        let has = if findings == 1 { "finding is" } else { "findings are" };
        return Some(format!("{findings} {has} not in the baseline"));
    }
    let more = violations.iter().find(|(arn, calls)| known.get(**arn).is_none_or(|known| *calls > known));
    if let Some((arn, _)) = more {
        return Some(format!("{arn} made more calls that are not permitted than in the baseline"));
    }
    violations.is_empty().then(|| "the report names no principal that broke its promise".to_owned())
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

fn risk(now: &ReportResult, before: Option<&ReportResult>, most: f64) -> GateCheck {
    let Some(risk) = now.risk.as_ref().map(|risk| risk.score) else {
        return check("risk", GateOutcome::InsufficientEvidence, "there is no risk score".to_owned());
    };
    if risk <= most {
        return check("risk", GateOutcome::Passed, format!("risk {risk} of at most {most}"));
    }
    let before = before.and_then(|before| before.risk.as_ref()).map(|risk| risk.score);
    match before.filter(|before| risk <= *before) {
        Some(before) => check(
            "risk",
            GateOutcome::Passed,
            format!("risk {risk}, above {most}, and {before} in the baseline"),
        ),
        None => check("risk", GateOutcome::Failed, format!("risk {risk}, above {most}")),
    }
}

/// Calls of watched principals that failed and were not denied.
fn failed_calls(result: &ReportResult) -> u64 {
    let watched = result.principals.iter().filter(|one| one.watched_as.is_some());
    watched
        .flat_map(|one| one.counts.values())
        .filter_map(|counts| counts.get(&Outcome::Failed))
        .fold(0, |sum, count| sum.saturating_add(*count))
}

fn errors(now: &ReportResult, before: Option<&ReportResult>, criteria: &GateCriteria) -> GateCheck {
    let (most, errors) = (criteria.max_errors, failed_calls(now));
    let said = count_noun(errors, "error");
    if errors <= most {
        return match now.omitted_watched_principals() {
            0 => check("errors", GateOutcome::Passed, format!("{said} of at most {most}")),
            unlisted => check(
                "errors",
                GateOutcome::InsufficientEvidence,
                format!("{said}, and those of {} are not known", count_noun(unlisted, "unlisted principal")),
            ),
        };
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

/// The least coverage of an expected account and region, with their names; `None` if nothing is expected.
fn least_coverage(result: &ReportResult) -> Option<(f64, String)> {
    let rows = result.coverage.account_regions.iter().filter(|row| row.expected_hours > 0);
    let shares = rows.filter_map(|row| {
        let share = percent(u64::from(row.observed_hours), u64::from(row.expected_hours))?;
        Some((share, format!("{} {}", row.account, row.region)))
    });
    shares.min_by(|(one, _), (other, _)| one.total_cmp(other))
}

/// A gap of one account and region is not hidden by the coverage of the others.
fn coverage(now: &ReportResult, criteria: &GateCriteria) -> GateCheck {
    let least = criteria.min_coverage;
    let Some((share, place)) = least_coverage(now) else {
        return check("coverage", GateOutcome::InsufficientEvidence, "no hour is expected".to_owned());
    };
    let missing = now.coverage.expected_hours.saturating_sub(now.coverage.observed_hours);
    let missing = match missing {
        0 => String::new(),
        missing => {
            format!(
                " in {place}, {missing} of {} not observed",
                count_noun(now.coverage.expected_hours, "hour")
            )
        }
    };
    match share >= least {
        true => check(
            "coverage",
            GateOutcome::Passed,
            format!("coverage {share} % of at least {least} %{missing}"),
        ),
        false => check(
            "coverage",
            GateOutcome::InsufficientEvidence,
            format!("coverage {share} %, below {least} %{missing}"),
        ),
    }
}

fn findings(failing: &[&Finding], has_baseline: bool, criteria: &GateCriteria) -> GateCheck {
    let Some(least) = criteria.fail_on else {
        return check("findings", GateOutcome::Passed, "findings do not count".to_owned());
    };
    let new = if has_baseline { ", counting only what the baseline does not have" } else { "" };
    let least = match least {
        Severity::Critical => "CRITICAL".to_owned(),
        least => format!("{} or more severe", least.as_str()),
    };
    let said = format!("{} {least}{new}", count_noun(failing.len() as u64, "finding"));
    let outcome = if failing.is_empty() { GateOutcome::Passed } else { GateOutcome::Failed };
    check("findings", outcome, said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        render::{
            json::{escape_json, tests::assert_schema_is_current},
            sample,
        },
        report::OmittedEntries,
    };

    #[test]
    fn what_a_report_leaves_out_is_not_taken_for_nothing() {
        let whole = sample::compliant();
        let mut cut = whole.clone();
        cut.result.omitted = vec![OmittedEntries {
            list: "principals".to_owned(),
            rule: None,
            severity: None,
            status: Some(Status::Compliant),
            entries: 1,
        }];
        let criteria = GateCriteria {
            min_score: 0.0,
            max_risk: None,
            max_errors: 1_000_000,
            min_coverage: 0.0,
            fail_on: None,
        };
        let errors = |report: &Report| {
            let checks = gate(report, None, &criteria).checks;
            checks.into_iter().find(|check| check.name == "errors").map(|check| check.outcome)
        };
        assert_eq!(errors(&whole), Some(GateOutcome::Passed));
        assert_eq!(errors(&cut), Some(GateOutcome::InsufficientEvidence));
        assert_eq!(baseline_problem(&whole, &whole), None);
        assert!(baseline_problem(&whole, &cut).is_some() && baseline_problem(&cut, &whole).is_some());
    }

    #[test]
    fn the_published_schema_is_current() {
        let text = serde_json::to_string_pretty(&schema()).unwrap();
        assert_schema_is_current("gate.schema.json", GATE_SCHEMA_VERSION, &escape_json(text));
    }
}
