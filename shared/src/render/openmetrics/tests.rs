//! The text against the rules of OpenMetrics 1.0 that Prometheus and its Python library do not check.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{health::sample as health_sample, render::sample, time::Time};

const NOW: Time = Time(1_800_000_000);

/// Samples by series, after the text was found to follow the rules.
fn parse(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1, "{text}");
    let mut families: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut done = BTreeSet::new();
    let mut current = "";
    let mut series = BTreeMap::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(metadata) = line.strip_prefix("# ") {
            let mut words = metadata.splitn(3, ' ');
            let (kind, name, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            match kind {
                "TYPE" => {
                    assert!(matches!(rest, "gauge" | "counter"), "{line}");
                    assert!(done.insert(name), "the family {name} is there twice");
                    families.insert(name, (rest, ""));
                    current = name;
                }
                "UNIT" => {
                    assert!(name == current && name.ends_with(&format!("_{rest}")), "{line}");
                    assert!(matches!(rest, "seconds" | "bytes" | "ratio"), "not a base unit: {line}");
                    families.get_mut(name).unwrap().1 = rest;
                }
                "HELP" => assert!(name == current && !rest.is_empty() && !rest.contains('"'), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        let (kind, unit) = families[current];
        let family = if kind == "counter" { name.strip_suffix("_total").unwrap() } else { name };
        assert_eq!(family, current, "samples of a family stand together: {line}");
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(is_letter) && !name.starts_with(|c: char| c.is_ascii_digit()), "{line}");
        assert!(!unit.is_empty() || !name.ends_with("_seconds") && !name.ends_with("_ratio"), "{line}");
        assert!(!sample.contains("principal=") && !sample.contains("arn:"), "{line}");
        let value: f64 = value.parse().unwrap();
        assert!(value.is_finite() && (unit != "ratio" || (0.0..=1.0).contains(&value)), "{line}");
        assert!(series.insert(sample.to_owned(), value).is_none(), "the series {sample} is there twice");
    }
    series
}

fn dashboards() -> Vec<Dashboard> {
    let reports = sample::all();
    let of = |report| Dashboard::of(report, None, NOW);
    reports.iter().map(|(_, report)| of(Some(report))).chain([of(None)]).collect()
}

#[test]
fn every_text_follows_the_rules_and_names_no_principal() {
    for health in [
        health_sample::healthy(),
        health_sample::warning(),
        health_sample::critical(),
        health_sample::unknown(),
        health_sample::hostile(),
    ] {
        for dashboard in dashboards() {
            parse(&openmetrics(&health, &dashboard, None));
            let scraped = parse(&openmetrics(&health, &dashboard, Some(3)));
            assert_eq!(scraped["onlooker_scrapes_total"], 3.0);
        }
    }
}

#[test]
fn the_text_of_a_report_has_its_figures_and_names_no_principal() {
    for (name, report) in sample::all() {
        let series = parse(&report_metrics(&report));
        let result = &report.result;
        assert_eq!(
            series.get("onlooker_compliance_score").copied(),
            result.compliance.score,
            "{name}: score"
        );
        assert_eq!(series.get("onlooker_risk_score").copied(), result.summary.risk_score, "{name}: risk");
        assert_eq!(series["onlooker_missing_hours"], result.coverage.missing_hours() as f64, "{name}: hours");
        let sum = |family: &str| -> f64 {
            series
                .iter()
                .filter(|(key, _)| key.starts_with(&format!("{family}{{")))
                .map(|(_, value)| value)
                .sum()
        };
        assert_eq!(sum("onlooker_findings"), result.findings.len() as f64, "{name}: findings");
        assert_eq!(sum("onlooker_controls"), result.controls.len() as f64, "{name}: controls");
        let with_status = result.principals.iter().filter(|principal| principal.status.is_some()).count();
        assert_eq!(sum("onlooker_principals_by_status"), with_status as f64, "{name}: principals");
        let generated_at = f64::from(report.run.generated_at.0);
        assert_eq!(series["onlooker_report_generated_timestamp_seconds"], generated_at, "{name}: seconds");
    }
}

#[test]
fn a_discovery_has_no_status_in_its_text() {
    let text = report_metrics(&sample::discovery());
    assert!(!text.contains("onlooker_compliance_status") && !text.contains("by_status"), "{text}");
}

#[test]
fn the_text_of_a_report_matches_its_snapshot() {
    insta::assert_snapshot!("openmetrics_report", report_metrics(&sample::non_compliant()));
}

#[test]
fn the_names_of_the_audit_system_before_are_aliases() {
    let report = sample::non_compliant();
    let dashboard = Dashboard::of(Some(&report), None, NOW);
    let series = parse(&openmetrics(&health_sample::healthy(), &dashboard, None));
    let totals = &report.result.totals;
    assert_eq!(series["inventag_compliance_score"], report.result.compliance.score.unwrap());
    assert_eq!(series["inventag_compliance_score"], series["onlooker_compliance_score"]);
    assert_eq!(series["inventag_risk_score"], series["onlooker_risk_score"]);
    assert_eq!(series["inventag_total_operations"], totals.operations as f64);
    assert_eq!(series["inventag_blocked_operations"], totals.blocked as f64);
    let metrics = dashboard.metrics.unwrap();
    assert_eq!(series["inventag_error_rate"], metrics.error_rate.unwrap());
    assert_eq!(series["inventag_success_rate"], metrics.success_rate.unwrap());
    assert!((series["onlooker_success_ratio"] * 100.0 - metrics.success_rate.unwrap()).abs() < 1e-9);
}

#[test]
fn what_is_not_known_has_no_series() {
    let nothing = Dashboard::of(None, None, NOW);
    let series = parse(&openmetrics(&health_sample::unknown(), &nothing, None));
    for name in [
        "onlooker_compliance_score",
        "inventag_success_rate",
        "onlooker_verified_hours",
        "onlooker_run_requests",
    ] {
        assert!(series.keys().all(|key| !key.starts_with(name)), "{name}");
    }
    assert_eq!(series["onlooker_health_check_status{check=\"log-digests\"}"], 3.0);
    assert_eq!(series["onlooker_compliance_status{status=\"INSUFFICIENT_EVIDENCE\"}"], 1.0);
}

#[test]
fn units_are_base_units() {
    let dashboard = Dashboard::of(Some(&sample::compliant()), None, NOW);
    let series = parse(&openmetrics(&health_sample::healthy(), &dashboard, None));
    assert_eq!(series["onlooker_run_lag_seconds{function=\"pull\"}"], 900.0);
    assert_eq!(series["onlooker_run_read_bytes{function=\"ingest\"}"], 1_000.0);
    assert_eq!(series["onlooker_run_score_ratio{function=\"report\"}"], 0.995);
    assert_eq!(series["onlooker_query_cache_hits_ratio"], 0.75);
    assert_eq!(series["onlooker_coverage_lag_seconds"], 7_200.0);
    assert_eq!(series["onlooker_last_success_timestamp_seconds{function=\"pull\"}"], f64::from(NOW.0 - 60));
}

#[test]
fn the_unit_of_each_metric_of_a_run_is_that_of_its_document() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let document = std::fs::read_to_string(path).unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| `") || line.starts_with("| all "));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, _, metric, unit, ..] = &*cells else { panic!("{row}") };
        let Some(metric) = metric.strip_prefix('`').and_then(|metric| metric.strip_suffix('`')) else {
            continue;
        };
        let suffix = match *unit {
            "seconds" => "_seconds",
            "bytes" => "_bytes",
            "percent" => "_ratio",
            _ => "",
        };
        assert_eq!(run_metric_name(metric), format!("onlooker_run_{metric}{suffix}"), "{row}");
        count += 1;
    }
    assert!(count > 40, "{count} rows");
}

#[test]
fn labels_are_escaped() {
    let text = openmetrics(&health_sample::hostile(), &Dashboard::of(None, None, NOW), None);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
}

/// The families of a text with everything that there is.
fn families() -> BTreeSet<String> {
    let dashboard = Dashboard::of(Some(&sample::non_compliant()), None, NOW);
    let text = openmetrics(&health_sample::healthy(), &dashboard, Some(1));
    let of_digests = health_sample::digests_without_verification();
    let more = openmetrics(&of_digests, &dashboard, None);
    let of_report = report_metrics(&sample::non_compliant());
    let names = text
        .lines()
        .chain(more.lines())
        .chain(of_report.lines())
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    names.map(str::to_owned).collect()
}

/// Words of a text that are names of metrics.
fn metric_names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("onlooker_") || word.starts_with("inventag_"))
        .map(str::to_owned)
        .collect()
}

fn document(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_grafana_dashboard_uses_metrics_that_exist() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&document("integrations/grafana-dashboard.json")).unwrap();
    let known = families();
    let mut used = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let names = metric_names(target["expr"].as_str().unwrap());
            assert!(!names.is_empty(), "{target}");
            for name in names {
                assert!(known.contains(&name), "the dashboard uses {name}, which does not exist");
                used += 1;
            }
        }
    }
    assert!(used > 15, "{used}");
}

#[test]
fn the_document_lists_each_metric() {
    let rows = document("health.md");
    let rows =
        rows.lines().filter(|line| line.starts_with("| `onlooker_") || line.starts_with("| `inventag_"));
    let listed: BTreeSet<String> =
        rows.flat_map(|row| metric_names(row.split('|').nth(1).unwrap())).collect();
    let exist: BTreeSet<String> =
        families().into_iter().filter(|name| !name.starts_with("onlooker_run_")).collect();
    assert_eq!(listed, exist);
}
