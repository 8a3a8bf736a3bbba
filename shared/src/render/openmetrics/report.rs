//! The figures of one report as OpenMetrics text.
//!
//! Enters: a [`Report`]. Leaves: text. Laws: what a report and the metrics of a state both say has one name and one meaning, so a
//! panel of Grafana reads either; labels are words of Onlooker (a status, a severity, a state, a type), so their number is bounded
//! and no label names a principal; the text depends on the report alone.

use super::{
    families::{FixedFamily, dashboard, gauge},
    text::{MEDIA_TYPE, MetricsText},
};
use crate::{
    controls::ControlState,
    dashboard::Dashboard,
    render::{Format, RenderedFile, format::serialized_name},
    report::{Report, ReportMode},
    score::Status,
};

/// The format. node_exporter reads files with the ending `.prom` alone.
pub const FORMAT: Format = Format {
    name: "openmetrics",
    help: "The figures of the report, for Prometheus",
    fits_standard_output: true,
    render: |report| {
        let bytes = report_metrics(report).into_bytes();
        Ok(vec![RenderedFile { name: "report.prom", media_type: MEDIA_TYPE, bytes }])
    },
};

const BY_STATUS: FixedFamily = (
    "onlooker_principals_by_status",
    "",
    "Watched principals, and watch entries that no principal seen matches, by status; absent in a discovery.",
);
const EXPECTED_HOURS: FixedFamily =
    ("onlooker_expected_hours", "", "Hours of which evidence is expected, over all accounts and Regions.");
const OBSERVED_HOURS: FixedFamily =
    ("onlooker_observed_hours", "", "Expected hours of which there is evidence.");
const MISSING_HOURS: FixedFamily = ("onlooker_missing_hours", "", "Expected hours without evidence.");
const CONTROLS: FixedFamily = ("onlooker_controls", "", "Controls of the standard by result.");
const PERIOD_START: FixedFamily =
    ("onlooker_report_since_timestamp_seconds", "seconds", "Start of the period of the report.");

/// The figures of a report.
pub fn report_metrics(report: &Report) -> String {
    let result = &report.result;
    let mut text = MetricsText::default();
    let at = report.run.generated_at;
    dashboard(&mut text, &Dashboard::of(Some(report), None, at));
    let since = result.period().map(|period| f64::from(period.from.start().0));
    text.sample(gauge(PERIOD_START), &[], since);
    if result.mode == ReportMode::Proof {
        for status in [Status::Compliant, Status::InsufficientEvidence, Status::NonCompliant] {
            let count = result.principals_with(status);
            text.sample(gauge(BY_STATUS), &[("status", status.as_str())], Some(count as f64));
        }
    }
    let coverage = &result.coverage;
    for (family, hours) in [
        (EXPECTED_HOURS, coverage.expected_hours),
        (OBSERVED_HOURS, coverage.observed_hours),
        (MISSING_HOURS, coverage.missing_hours()),
    ] {
        text.sample(gauge(family), &[], Some(hours as f64));
    }
    for state in [ControlState::Pass, ControlState::NoEvidence, ControlState::Fail] {
        let count = result.controls.iter().filter(|control| control.state == state).count();
        text.sample(gauge(CONTROLS), &[("state", &serialized_name(&state))], Some(count as f64));
    }
    text.finish()
}
