//! The newest report in the numbers of a dashboard.
//!
//! Enters: the newest report, the current status if there is one, and the time. Leaves: a [`Dashboard`]. Laws: a number that has no
//! basis is absent and never 0 or 100; rates are 0 to 100, and of success, error and denial they add up to 100; the last 24 hours and
//! the last hour are counted from the hours of the calls, end with the period of the report, and say which hours they are.

mod activity;
mod indicators;
mod rates;

use schemars::{JsonSchema, Schema};
use serde::Serialize;

pub use self::{
    activity::ActivityWindow,
    indicators::{IndicatorLevel, StatusIndicator},
};
use self::{indicators::indicators, rates::rates};
use crate::{
    current_status::CurrentStatus,
    finding::Severity,
    report::{Report, ReportResult},
    score::{RiskBand, Status},
    time::Time,
};

/// Version of the shape of [`Dashboard`]; the first number changes if a field loses its meaning.
pub const DASHBOARD_SCHEMA_VERSION: &str = "1.0";

/// Most recommendations that a dashboard has.
const MAX_RECOMMENDATIONS: usize = 5;

/// The newest report in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Dashboard {
    /// Version of this shape.
    pub schema_version: &'static str,
    /// When the numbers were put together.
    pub generated_at: Time,
    /// The report that they are from; absent before the first.
    pub report: Option<DashboardReport>,
    /// What may be claimed now; absent in a discovery. Without a report, and once a current status has expired, it is
    /// `INSUFFICIENT_EVIDENCE`.
    pub overall_status: Option<Status>,
    /// Why the status is not `COMPLIANT`, one reason each; empty if it is, and in a discovery.
    pub status_reasons: Vec<String>,
    /// Compliance score, 0 to 100; absent when there were no watched calls.
    pub compliance_score: Option<f64>,
    /// Risk score, 0 to 100; absent in a discovery.
    pub risk_score: Option<f64>,
    /// Level of the risk score; absent in a discovery.
    pub risk_level: Option<RiskBand>,
    /// Numbers over the period of the report; absent without a report.
    pub metrics: Option<DashboardMetrics>,
    /// One judgement for each subject.
    pub indicators: Vec<StatusIndicator>,
    /// The calls of the last 24 hours of the period; absent without a period.
    pub last_24_hours: Option<ActivityWindow>,
    /// The calls of the last hour of the period; absent without a period.
    pub last_hour: Option<ActivityWindow>,
    /// The most urgent recommendations, at most five.
    pub recommendations: Vec<DashboardRecommendation>,
}

/// The report behind a dashboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DashboardReport {
    /// Id of the report.
    pub id: String,
    /// When the report was generated.
    pub generated_at: Time,
    /// First second of its period; absent if it has none.
    pub since: Option<Time>,
    /// First second after its period; absent if it has none.
    pub until: Option<Time>,
}

/// Numbers over the period of a report.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DashboardMetrics {
    /// Distinct CloudTrail events.
    pub events: u64,
    /// API calls among them.
    pub total_operations: u64,
    /// API calls by watched principals.
    pub watched_operations: u64,
    /// API calls that are read-only.
    pub read_only_operations: u64,
    /// API calls that mutate.
    pub mutating_operations: u64,
    /// API calls that are privileged.
    pub privileged_operations: u64,
    /// API calls of unknown operations.
    pub unknown_operations: u64,
    /// API calls by watched principals, not read-only, that AWS denied.
    pub blocked_operations: u64,
    /// Share of the calls that succeeded, in percent; absent when there were none.
    pub success_rate: Option<f64>,
    /// Share of the calls that ended in an error other than a denial, in percent; absent when there were none.
    pub error_rate: Option<f64>,
    /// Share of the calls that AWS denied, in percent; absent when there were none.
    pub denied_rate: Option<f64>,
    /// Share of the expected hours that were observed, in percent; absent when none is expected.
    pub coverage: Option<f64>,
    /// Principals that were seen.
    pub principals: u64,
    /// Watched principals that were seen.
    pub watched_principals: u64,
    /// Pieces of evidence that could not be read.
    pub unreadable_evidence: u64,
    /// Findings.
    pub findings: FindingCounts,
}

/// Findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FindingCounts {
    /// Findings to review now.
    pub critical: u64,
    /// Findings to review today.
    pub high: u64,
    /// Findings to review this week.
    pub medium: u64,
    /// Findings to review when there is time.
    pub low: u64,
    /// Facts.
    pub info: u64,
}

/// What to do about findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DashboardRecommendation {
    /// Greatest severity of the findings.
    pub severity: Severity,
    /// Rule of the findings.
    pub id: String,
    /// Title of the rule.
    pub title: String,
    /// What to do.
    pub action: String,
    /// Number of findings that it would resolve.
    pub findings: u64,
}

/// The published JSON schema of a dashboard.
pub fn schema() -> Schema {
    schemars::schema_for!(Dashboard)
}

impl Dashboard {
    /// The dashboard of the newest report. `current` is the current status of a deployment; outside of one the status is that of the
    /// report.
    pub fn of(report: Option<&Report>, current: Option<&CurrentStatus>, now: Time) -> Self {
        let result = report.map(|report| &report.result);
        let (overall_status, reason) = claimed(result, current, now);
        let mut status_reasons: Vec<String> = reason.into_iter().collect();
        status_reasons.extend(result.into_iter().flat_map(|result| result.summary.status_reasons.clone()));
        let window = |hours| result.and_then(|result| ActivityWindow::last(result, hours));
        Self {
            schema_version: DASHBOARD_SCHEMA_VERSION,
            generated_at: now,
            report: report.map(DashboardReport::of),
            overall_status,
            status_reasons,
            compliance_score: result.and_then(|result| result.compliance.score),
            risk_score: result.and_then(|result| result.summary.risk_score),
            risk_level: result.and_then(|result| result.summary.risk_level),
            metrics: result.map(DashboardMetrics::of),
            indicators: result.map(|result| indicators(result, overall_status)).unwrap_or_default(),
            last_24_hours: window(24),
            last_hour: window(1),
            recommendations: result.map(recommendations).unwrap_or_default(),
        }
    }
}

/// The status that may be claimed now, and why it is not that of the report.
fn claimed(
    result: Option<&ReportResult>,
    current: Option<&CurrentStatus>,
    now: Time,
) -> (Option<Status>, Option<String>) {
    let Some(result) = result else {
        return (Some(Status::InsufficientEvidence), Some("there is no report".to_owned()));
    };
    let Some(current) = current else { return (result.status(), None) };
    let reason = match (now >= current.valid_until, &current.reason) {
        (_, Some(reason)) => Some(reason.clone()),
        (true, None) => Some(format!("no report was published since {}", current.set_at)),
        (false, None) => None,
    };
    (current.status_at(now), reason)
}

impl DashboardReport {
    fn of(report: &Report) -> Self {
        let period = report.result.period();
        Self {
            id: report.id.clone(),
            generated_at: report.run.generated_at,
            since: period.map(|period| period.from.start()),
            until: period.map(|period| period.until.start()),
        }
    }
}

impl DashboardMetrics {
    fn of(result: &ReportResult) -> Self {
        let totals = &result.totals;
        let [success_rate, error_rate, denied_rate] = rates([totals.succeeded, totals.failed, totals.denied]);
        Self {
            events: totals.events,
            total_operations: totals.operations,
            watched_operations: totals.watched_operations,
            read_only_operations: totals.read_only,
            mutating_operations: totals.mutating,
            privileged_operations: totals.privileged,
            unknown_operations: totals.unknown,
            blocked_operations: totals.blocked,
            success_rate,
            error_rate,
            denied_rate,
            coverage: result.coverage.percent,
            principals: totals.principals,
            watched_principals: totals.watched_principals,
            unreadable_evidence: totals.unreadable_evidence,
            findings: FindingCounts::of(result),
        }
    }
}

impl FindingCounts {
    fn of(result: &ReportResult) -> Self {
        let count = |severity| result.findings_of(severity);
        Self {
            critical: count(Severity::Critical),
            high: count(Severity::High),
            medium: count(Severity::Medium),
            low: count(Severity::Low),
            info: count(Severity::Info),
        }
    }

    /// Severities, the most severe first, with their counts.
    pub const fn by_severity(self) -> [(Severity, u64); 5] {
        [
            (Severity::Critical, self.critical),
            (Severity::High, self.high),
            (Severity::Medium, self.medium),
            (Severity::Low, self.low),
            (Severity::Info, self.info),
        ]
    }
}

fn recommendations(result: &ReportResult) -> Vec<DashboardRecommendation> {
    let most_urgent = result.recommendations.iter().take(MAX_RECOMMENDATIONS);
    most_urgent
        .map(|one| DashboardRecommendation {
            severity: one.severity,
            id: one.id.clone(),
            title: one.title.clone(),
            action: one.action.clone(),
            findings: one.findings,
        })
        .collect()
}

#[cfg(test)]
mod tests;
