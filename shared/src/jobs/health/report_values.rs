//! The values that come from the newest report.
//!
//! Enters: a report, or why there is none. Leaves: [`ReportValues`], and the metrics of a sweep. Law: without a report each value is
//! unknown for the same reason.

use std::collections::BTreeMap;

use crate::{
    coverage::{AccountRegionCoverage, Coverage},
    health::{CoverageState, DigestState, HealthInput, LoggingState, OpenFindings},
    report::{Report, ReportResult},
    time::Time,
};

/// Rule of the findings about calls that changed what is logged.
const LOGGING_RULE: &str = "logging-changed";

/// What a report says of evidence and findings.
pub(super) struct ReportValues {
    pub(super) findings: HealthInput<OpenFindings>,
    pub(super) logging: HealthInput<LoggingState>,
    pub(super) digests: HealthInput<DigestState>,
    pub(super) coverage: HealthInput<CoverageState>,
}

impl ReportValues {
    pub(super) fn of(report: &HealthInput<Report>) -> Self {
        let is_cut = |report: &Report| report.result.omitted_of("coverage.account_regions") > 0;
        let coverage = match report.map(|report| (is_cut(report), observed_until(&report.result.coverage))) {
            HealthInput::Known((true, _)) => HealthInput::Unknown(
                "the newest report lists only some of the accounts and Regions".to_owned(),
            ),
            HealthInput::Known((false, Some(found))) => HealthInput::Known(found),
            HealthInput::Known((false, None)) => {
                HealthInput::Unknown("the newest report has no evidence".to_owned())
            }
            HealthInput::Unknown(reason) => HealthInput::Unknown(reason),
            HealthInput::NotApplicable(reason) => HealthInput::NotApplicable(reason),
        };
        Self {
            findings: report.map(|report| open_findings(&report.result)),
            logging: report.map(|report| logging(&report.result)),
            digests: report.map(|report| digests(&report.result.coverage)),
            coverage,
        }
    }
}

fn open_findings(result: &ReportResult) -> OpenFindings {
    let mut open = OpenFindings::default();
    for finding in &result.findings {
        *open.by_severity.entry(finding.severity).or_default() += 1;
    }
    for (severity, left_out) in result.omitted.iter().filter_map(|one| Some((one.severity?, one.entries))) {
        *open.by_severity.entry(severity).or_default() += left_out;
    }
    open
}

fn logging(result: &ReportResult) -> LoggingState {
    let changes = result.findings.iter().filter(|finding| finding.id == LOGGING_RULE);
    LoggingState {
        changes: changes.map(|finding| finding.count).sum(),
        expected_hours: result.coverage.expected_hours,
        observed_hours: result.coverage.observed_hours,
    }
}

fn digests(coverage: &Coverage) -> DigestState {
    DigestState {
        quiet_hours: coverage.account_regions.iter().map(|place| u64::from(place.quiet_hours)).sum(),
        verified: coverage.log_integrity.as_ref().map(|integrity| integrity.hours),
    }
}

/// The end of the evidence of the expected account and region that is most behind; if none is expected, of all that were seen.
fn observed_until(coverage: &Coverage) -> Option<CoverageState> {
    let period = coverage.period?;
    let is_expected = coverage.expected_places().next().is_some();
    let places = || coverage.account_regions.iter().filter(|place| place.is_expected() || !is_expected);
    let end_of = |place: &AccountRegionCoverage| -> Time {
        let last = place.gaps.iter().find(|gap| gap.until >= period.until);
        last.map_or(period.until.start(), |gap| gap.from.start())
    };
    let most_behind = places().min_by_key(|place| end_of(place))?;
    Some(CoverageState {
        observed_until: end_of(most_behind),
        place: format!(
            "{} {}",
            crate::escape::escape_hidden(&most_behind.account),
            crate::escape::escape_hidden(&most_behind.region)
        ),
        places: places().count() as u64,
    })
}

/// What the last sweep did, in the words of the functions' metrics.
pub(super) fn sweep_metrics(report: Option<&Report>) -> BTreeMap<String, f64> {
    let Some(report) = report else { return BTreeMap::new() };
    let run = &report.run;
    [
        ("duration", run.duration_seconds),
        ("objects", run.log_files_read as f64),
        ("objects_reused", run.log_files_reused as f64),
        ("read", run.bytes_read as f64),
        ("records", run.records_seen as f64),
        ("duplicates", run.duplicates as f64),
        ("unreadable", report.result.totals.unreadable_evidence as f64),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
