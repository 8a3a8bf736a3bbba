//! One judgement for each subject of a dashboard.
//!
//! Enters: a report, and the status that may be claimed. Leaves: [`StatusIndicator`]s, the same subjects for every report. Law: a
//! subject of which nothing is known is not good.

use schemars::JsonSchema;
use serde::Serialize;

use super::FindingCounts;
use crate::{
    report::ReportResult,
    score::{RiskBand, Status},
};

/// How a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IndicatorLevel {
    /// As it should be.
    Good,
    /// Not known.
    Unknown,
    /// To be looked at.
    Warning,
    /// Not as it should be.
    Bad,
}

impl IndicatorLevel {
    /// The word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// A subject and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatusIndicator {
    /// `promise`, `risk`, `evidence`, `findings` or `log_integrity`.
    pub name: &'static str,
    /// How it is.
    pub level: IndicatorLevel,
    /// Why, in a few words.
    pub detail: String,
}

/// The indicators of a report.
pub(super) fn indicators(result: &ReportResult, status: Option<Status>) -> Vec<StatusIndicator> {
    use IndicatorLevel::{Bad, Good, Unknown, Warning};
    let indicator = |name, level, detail| StatusIndicator { name, level, detail };
    let promise = match status {
        Some(Status::Compliant) => (Good, Status::Compliant.as_str().to_owned()),
        Some(Status::InsufficientEvidence) => (Warning, Status::InsufficientEvidence.as_str().to_owned()),
        Some(Status::NonCompliant) => (Bad, Status::NonCompliant.as_str().to_owned()),
        None => (Unknown, "no principal is watched".to_owned()),
    };
    let risk = match result.summary.risk_level {
        Some(RiskBand::Low) => (Good, RiskBand::Low.as_str().to_owned()),
        Some(RiskBand::Medium) => (Warning, RiskBand::Medium.as_str().to_owned()),
        Some(RiskBand::High) => (Bad, RiskBand::High.as_str().to_owned()),
        None => (Unknown, "no principal is watched".to_owned()),
    };
    let coverage = &result.coverage;
    let hours = format!("{} of {} expected hours observed", coverage.observed_hours, coverage.expected_hours);
    let evidence = match (coverage.percent, result.totals.unreadable_evidence) {
        (None, _) => (Unknown, "no hour is expected".to_owned()),
        (Some(_), unreadable @ 1..) => (Bad, format!("{hours}, {unreadable} unreadable")),
        (Some(share), 0) if share >= 100.0 => (Good, hours),
        (Some(_), 0) => (Warning, hours),
    };
    let counts = FindingCounts::of(result);
    let findings = match (counts.critical, counts.high) {
        (1.., _) => (Bad, format!("{} CRITICAL", counts.critical)),
        (0, 1..) => (Warning, format!("{} HIGH", counts.high)),
        (0, 0) => (Good, "none above MEDIUM".to_owned()),
    };
    let integrity = match &coverage.log_integrity {
        None => (Unknown, "log files were not verified".to_owned()),
        Some(found) if found.hours.tampered > 0 => {
            (Bad, format!("{} hours tampered with", found.hours.tampered))
        }
        Some(found) if found.hours.missing > 0 => {
            (Warning, format!("{} hours with missing files", found.hours.missing))
        }
        Some(found) if found.hours.unverified > 0 => {
            (Unknown, format!("{} hours not verified", found.hours.unverified))
        }
        Some(found) => (Good, format!("{} hours verified", found.hours.verified)),
    };
    [
        ("promise", promise),
        ("risk", risk),
        ("evidence", evidence),
        ("findings", findings),
        ("log_integrity", integrity),
    ]
    .into_iter()
    .map(|(name, (level, detail))| indicator(name, level, detail))
    .collect()
}
