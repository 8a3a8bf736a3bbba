//! The numbers of a dashboard, counted again from the report.

use proptest::prelude::*;

use super::*;
use crate::{
    current_status::ReportBrief,
    render::{
        json::{escape_json, tests::assert_schema_is_current},
        sample,
    },
    report::HourlyActivity,
    time::Hour,
};

const NOW: Time = Time(1_800_000_000);

#[test]
fn the_published_schema_is_current() {
    let text = serde_json::to_string_pretty(&schema()).unwrap();
    assert_schema_is_current("dashboard.schema.json", DASHBOARD_SCHEMA_VERSION, &escape_json(text));
}

#[test]
fn without_a_report_no_number_is_made_up() {
    let dashboard = Dashboard::of(None, None, NOW);
    assert_eq!(dashboard.overall_status, Some(Status::InsufficientEvidence));
    let value = serde_json::to_value(&dashboard).unwrap();
    for absent in ["report", "compliance_score", "risk_score", "metrics", "last_24_hours", "last_hour"] {
        assert!(value.get(absent).unwrap().is_null(), "{absent}: {value}");
    }
}

#[test]
fn without_calls_there_are_no_rates() {
    let mut report = sample::empty();
    report.result.totals = Default::default();
    let dashboard = Dashboard::of(Some(&report), None, NOW);
    let metrics = dashboard.metrics.unwrap();
    assert_eq!((metrics.success_rate, metrics.error_rate, metrics.denied_rate), (None, None, None));
    assert_eq!(dashboard.compliance_score, None);
}

#[test]
fn the_numbers_are_those_of_the_report() {
    for (name, report) in sample::all() {
        let dashboard = Dashboard::of(Some(&report), None, NOW);
        let metrics = dashboard.metrics.unwrap();
        assert_eq!(dashboard.overall_status, report.result.status(), "{name}");
        assert_eq!(dashboard.compliance_score, report.result.summary.compliance_score, "{name}");
        assert_eq!(metrics.total_operations, report.result.totals.operations, "{name}");
        let findings: u64 = metrics.findings.by_severity().iter().map(|(_, count)| count).sum();
        assert_eq!(findings, report.result.findings.len() as u64, "{name}");
        let most = report.result.recommendations.len().min(5);
        assert_eq!(dashboard.recommendations.len(), most, "{name}");
        assert_eq!(dashboard.indicators.len(), 5, "{name}");
    }
}

#[test]
fn the_windows_end_with_the_period_and_count_its_last_hours() {
    let mut report = sample::non_compliant();
    let period = report.result.coverage.period.as_mut().unwrap();
    *period = crate::period::Period { from: Hour(1_000), until: Hour(1_048) };
    let hour = |hour, reads, denied| HourlyActivity {
        hour: Hour(hour),
        reads,
        denied,
        watched: 1,
        ..HourlyActivity::default()
    };
    report.result.activity = vec![
        hour(999, 1_000, 0),
        hour(1_000, 100, 0),
        hour(1_023, 50, 0),
        hour(1_024, 10, 0),
        hour(1_047, 3, 1),
        hour(1_048, 500, 0),
    ];
    let dashboard = Dashboard::of(Some(&report), None, NOW);
    let day = dashboard.last_24_hours.unwrap();
    assert_eq!((day.since, day.until), (Hour(1_024).start(), Hour(1_048).start()));
    assert_eq!((day.operations, day.reads, day.denied, day.watched), (14, 13, 1, 2));
    let last = dashboard.last_hour.unwrap();
    assert_eq!((last.since, last.until), (Hour(1_047).start(), Hour(1_048).start()));
    assert_eq!((last.operations, last.denied_rate), (4, Some(25.0)));
    assert!((last.operations_per_second - 4.0 / 3_600.0).abs() < 1e-12);
    // A period that is shorter than a day has no hours before it.
    report.result.coverage.period = Some(crate::period::Period { from: Hour(1_047), until: Hour(1_048) });
    let short = Dashboard::of(Some(&report), None, NOW).last_24_hours.unwrap();
    assert_eq!((short.since, short.operations), (Hour(1_047).start(), 4));
}

#[test]
fn an_expired_or_revoked_status_is_not_claimed() {
    let report = sample::compliant();
    let brief = ReportBrief::from_report(&report, Time(0), Time(3_600), "reports/a.json");
    let current = CurrentStatus::from_report(brief.clone(), None, NOW, 3_600, "run");
    let at = |current: &CurrentStatus, seconds| {
        let dashboard = Dashboard::of(Some(&report), Some(current), Time(NOW.0 + seconds));
        (dashboard.overall_status, dashboard.status_reasons.first().cloned())
    };
    assert_eq!(at(&current, 7_199), (Some(Status::Compliant), None));
    let (status, reason) = at(&current, 7_200);
    assert_eq!(status, Some(Status::InsufficientEvidence));
    assert!(reason.unwrap().starts_with("no report was published since "));
    let failed = CurrentStatus::from_failure("the table failed", Some(brief), None, NOW, 3_600, "run");
    assert_eq!(at(&failed, 0), (Some(Status::InsufficientEvidence), Some("the table failed".to_owned())));
}

proptest! {
    #[test]
    fn rates_are_shares_that_add_up_to_a_hundred(counts: [u32; 3]) {
        let shares = rates(counts.map(u64::from));
        if counts.iter().all(|count| *count == 0) {
            prop_assert_eq!(shares, [None; 3]);
        } else {
            let known: Vec<f64> = shares.into_iter().flatten().collect();
            prop_assert!(known.len() == 3 && known.iter().all(|share| (0.0..=100.0).contains(share)));
            prop_assert!((known.iter().sum::<f64>() - 100.0).abs() < 1e-9);
            let all: f64 = counts.iter().map(|count| f64::from(*count)).sum();
            for (share, count) in known.iter().zip(counts) {
                prop_assert!((share - f64::from(count) * 100.0 / all).abs() < 0.03);
            }
        }
    }
}
