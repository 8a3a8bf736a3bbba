//! The families of metrics, and where their values come from.
//!
//! Enters: health, dashboard. Leaves: samples. Law: docs/health.md has a row for each family, and the Grafana dashboard uses no
//! other; `tests.rs` compares them.

use super::text::{MetricFamily, MetricType, MetricsText};
use crate::{
    dashboard::{ActivityWindow, Dashboard},
    health::{Health, HealthMeasure, HealthUnit},
    score::Status,
};

/// Family, unit, help of each gauge with a fixed name.
pub(super) type FixedFamily = (&'static str, &'static str, &'static str);

const STATUS: FixedFamily =
    ("onlooker_compliance_status", "", "1 for the status that may be claimed now, 0 for the others.");
const SCORE: FixedFamily = (
    "onlooker_compliance_score",
    "",
    "Compliance score of the newest report, 0 to 100; absent without watched calls.",
);
const RISK: FixedFamily =
    ("onlooker_risk_score", "", "Risk score of the newest report, 0 to 100; absent in a discovery.");
const OPERATIONS: FixedFamily =
    ("onlooker_operations", "", "API calls in the period of the newest report, by type.");
const WATCHED: FixedFamily = (
    "onlooker_watched_operations",
    "",
    "API calls of watched principals in the period of the newest report.",
);
const BLOCKED: FixedFamily = (
    "onlooker_blocked_operations",
    "",
    "API calls of watched principals that are not reads and that AWS denied.",
);
const EVENTS: FixedFamily =
    ("onlooker_events", "", "Distinct CloudTrail events in the period of the newest report.");
const SUCCESS: FixedFamily =
    ("onlooker_success_ratio", "ratio", "Share of the API calls that succeeded, 0 to 1.");
const ERRORS: FixedFamily = (
    "onlooker_error_ratio",
    "ratio",
    "Share of the API calls that ended in an error other than a denial, 0 to 1.",
);
const DENIED: FixedFamily =
    ("onlooker_denied_ratio", "ratio", "Share of the API calls that AWS denied, 0 to 1.");
const COVERAGE: FixedFamily =
    ("onlooker_coverage_ratio", "ratio", "Share of the expected hours that were observed, 0 to 1.");
const FINDINGS: FixedFamily = ("onlooker_findings", "", "Findings of the newest report by severity.");
const PRINCIPALS: FixedFamily = ("onlooker_principals", "", "Principals that were seen.");
const WATCHED_PRINCIPALS: FixedFamily =
    ("onlooker_watched_principals", "", "Watched principals that were seen.");
const UNREADABLE: FixedFamily =
    ("onlooker_unreadable_evidence", "", "Pieces of evidence that could not be read.");
const WINDOW: FixedFamily = (
    "onlooker_window_operations",
    "",
    "API calls of the last day and the last hour of the report, by what became of them.",
);
const REPORTED_AT: FixedFamily =
    ("onlooker_report_generated_timestamp_seconds", "seconds", "When the newest report was generated.");
const REPORT_END: FixedFamily =
    ("onlooker_report_until_timestamp_seconds", "seconds", "End of the period of the newest report.");
const HEALTH: FixedFamily = (
    "onlooker_health_status",
    "",
    "The worst check of the health: 0 healthy, 1 warning, 2 critical, 3 unknown.",
);
const CHECK: FixedFamily = (
    "onlooker_health_check_status",
    "",
    "A check of the health: 0 healthy, 1 warning, 2 critical, 3 unknown.",
);
const CHECKED_AT: FixedFamily =
    ("onlooker_health_checked_timestamp_seconds", "seconds", "When the health was checked.");
const SUCCEEDED_AT: FixedFamily = (
    "onlooker_last_success_timestamp_seconds",
    "seconds",
    "When a run of the function or command last succeeded.",
);
const ENDED_AT: FixedFamily =
    ("onlooker_last_run_timestamp_seconds", "seconds", "When the last run of the function or command ended.");
const FAILED: FixedFamily =
    ("onlooker_last_run_failed", "", "1 if the last run of the function or command failed, else 0.");

/// Names of the audit system that Onlooker replaces, in its units: scores and rates are 0 to 100.
const SEED: [(&str, &str); 6] = [
    ("inventag_compliance_score", "Compliance score, 0 to 100; the same as onlooker_compliance_score."),
    ("inventag_risk_score", "Risk score, 0 to 100; the same as onlooker_risk_score."),
    ("inventag_total_operations", "API calls in the period of the newest report."),
    ("inventag_error_rate", "Share of the API calls that ended in an error other than a denial, in percent."),
    ("inventag_success_rate", "Share of the API calls that succeeded, in percent."),
    (
        "inventag_blocked_operations",
        "API calls of watched principals that are not reads and that AWS denied.",
    ),
];

/// The measures of the checks.
const MEASURES: &[(&str, &str)] = &[
    ("write_buffer", "Reports and log files that wait to be made or read."),
    ("write_buffer_oldest_age", "Age of the oldest of them."),
    ("last_success_age", "Time since a run of the function or command last succeeded."),
    ("audit_store_size", "Size of the audit trail."),
    ("audit_store_objects", "Objects of the audit trail."),
    (
        "rate_limit_blocked",
        "Audit entries of the last day that were counted and not written, because of the rate limit.",
    ),
    ("rate_limit_sources", "Principals with audit entries in the last day."),
    ("lookups_throttled", "Share of the calls of LookupEvents that CloudTrail throttled in the last pull."),
    ("open_findings", "Findings of the newest report."),
    ("critical_findings", "Findings with the severity CRITICAL."),
    ("high_findings", "Findings with the severity HIGH."),
    ("query_cache_full", "How full the cache of answers of the audit trail is."),
    ("query_cache_entries", "Answers in the cache of the audit trail."),
    ("query_cache_capacity", "Most answers that the cache keeps."),
    ("query_cache_hits", "Share of the questions that the cache answered."),
    ("logging_changes", "Calls that changed what CloudTrail logs."),
    ("missing_hours", "Expected hours without evidence."),
    ("digest_hours", "Hours without an event that a digest file covers."),
    ("tampered_hours", "Hours with log files that were tampered with."),
    ("missing_file_hours", "Hours with missing log files or digest files."),
    ("verified_hours", "Hours with log files that are proven to be as CloudTrail delivered them."),
    ("unverified_hours", "Hours with log files that are not proven."),
    ("dead_letters", "Log files and reports that were given up after several attempts."),
    ("coverage_lag", "Age of the newest evidence of the account and region that is most behind."),
    ("catalog_age", "Age of the sources of the operation catalog."),
    ("coverage_places", "Accounts and regions whose evidence is looked at."),
    ("open_circuit_breakers", "Circuit breakers that are open."),
];

/// Metrics of runs that are not plain numbers; docs/metrics.md has the unit of each.
const RUN_UNITS: &[(&str, HealthUnit)] = &[
    ("duration", HealthUnit::Seconds),
    ("lag", HealthUnit::Seconds),
    ("init_duration", HealthUnit::Seconds),
    ("cpu_time", HealthUnit::Seconds),
    ("remaining", HealthUnit::Seconds),
    ("aws_slowest_call", HealthUnit::Seconds),
    ("read", HealthUnit::Bytes),
    ("stored", HealthUnit::Bytes),
    ("memory_peak", HealthUnit::Bytes),
    ("score", HealthUnit::Percent),
    ("memory_share", HealthUnit::Percent),
    ("cpu_share", HealthUnit::Percent),
    ("disk_share", HealthUnit::Percent),
];

pub(super) fn gauge((name, unit, help): FixedFamily) -> MetricFamily<'static> {
    MetricFamily { name, kind: MetricType::Gauge, unit, help }
}

/// Samples of the newest report.
pub(super) fn dashboard(text: &mut MetricsText, dashboard: &Dashboard) {
    for status in [Status::Compliant, Status::InsufficientEvidence, Status::NonCompliant] {
        let value = dashboard.overall_status.map(|current| f64::from(u8::from(current == status)));
        text.sample(gauge(STATUS), &[("status", status.as_str())], value);
    }
    text.sample(gauge(SCORE), &[], dashboard.compliance_score);
    text.sample(gauge(RISK), &[], dashboard.risk_score);
    if let Some(report) = &dashboard.report {
        let seconds = |time: crate::time::Time| f64::from(time.0);
        text.sample(gauge(REPORTED_AT), &[], Some(seconds(report.generated_at)));
        text.sample(gauge(REPORT_END), &[], report.until.map(seconds));
    }
    for (name, window) in [("24h", &dashboard.last_24_hours), ("1h", &dashboard.last_hour)] {
        for (kind, count) in window.iter().flat_map(window_counts) {
            text.sample(gauge(WINDOW), &[("window", name), ("type", kind)], Some(count as f64));
        }
    }
    let Some(metrics) = &dashboard.metrics else { return };
    for (kind, count) in [
        ("read_only", metrics.read_only_operations),
        ("mutating", metrics.mutating_operations),
        ("privileged", metrics.privileged_operations),
        ("unknown", metrics.unknown_operations),
    ] {
        text.sample(gauge(OPERATIONS), &[("type", kind)], Some(count as f64));
    }
    for (family, count) in [
        (WATCHED, metrics.watched_operations),
        (BLOCKED, metrics.blocked_operations),
        (EVENTS, metrics.events),
        (PRINCIPALS, metrics.principals),
        (WATCHED_PRINCIPALS, metrics.watched_principals),
        (UNREADABLE, metrics.unreadable_evidence),
    ] {
        text.sample(gauge(family), &[], Some(count as f64));
    }
    for (family, percent) in [
        (SUCCESS, metrics.success_rate),
        (ERRORS, metrics.error_rate),
        (DENIED, metrics.denied_rate),
        (COVERAGE, metrics.coverage),
    ] {
        text.sample(gauge(family), &[], percent.map(ratio));
    }
    for (severity, count) in metrics.findings.by_severity() {
        text.sample(gauge(FINDINGS), &[("severity", severity.as_str())], Some(count as f64));
    }
}

fn window_counts(window: &ActivityWindow) -> [(&'static str, u64); 4] {
    [("read", window.reads), ("write", window.writes), ("other", window.other), ("denied", window.denied)]
}

/// Samples under the names of the audit system that Onlooker replaces.
pub(super) fn seed_names(text: &mut MetricsText, dashboard: &Dashboard) {
    let metrics = dashboard.metrics.as_ref();
    let count =
        |count: fn(&crate::dashboard::DashboardMetrics) -> u64| metrics.map(|metrics| count(metrics) as f64);
    let values = [
        dashboard.compliance_score,
        dashboard.risk_score,
        count(|metrics| metrics.total_operations),
        metrics.and_then(|metrics| metrics.error_rate),
        metrics.and_then(|metrics| metrics.success_rate),
        count(|metrics| metrics.blocked_operations),
    ];
    for ((name, help), value) in SEED.into_iter().zip(values) {
        text.sample(gauge((name, "", help)), &[], value);
    }
}

/// Samples of the checks and their measures.
pub(super) fn health(text: &mut MetricsText, health: &Health) {
    text.sample(gauge(HEALTH), &[], Some(f64::from(health.status.code())));
    text.sample(gauge(CHECKED_AT), &[], Some(f64::from(health.checked_at.0)));
    for check in &health.checks {
        text.sample(gauge(CHECK), &[("check", &check.name)], Some(f64::from(check.status.code())));
    }
    for check in &health.checks {
        let worker = check.name.strip_prefix("heartbeat-");
        for measure in &check.measures {
            let (name, unit) = measure_name(measure);
            let help = MEASURES.iter().find(|(name, _)| *name == measure.name);
            let help = help.map_or(check.title.as_str(), |(_, help)| help);
            let family = MetricFamily { name: &name, kind: MetricType::Gauge, unit, help };
            let labels: &[(&str, &str)] =
                &worker.map(|worker| ("function", worker)).into_iter().collect::<Vec<_>>();
            text.sample(family, labels, Some(in_base_unit(measure.unit, measure.value)));
        }
    }
}

/// Samples of the last run of each function.
pub(super) fn runs(text: &mut MetricsText, health: &Health) {
    for run in &health.runs {
        let labels = [("function", run.name.as_str())];
        let seconds = |time: Option<crate::time::Time>| time.map(|time| f64::from(time.0));
        text.sample(gauge(SUCCEEDED_AT), &labels, seconds(run.succeeded_at));
        text.sample(gauge(ENDED_AT), &labels, seconds(run.ended_at));
        let failed = run.ended_at.map(|_| f64::from(u8::from(run.error.is_some())));
        text.sample(gauge(FAILED), &labels, failed);
    }
    // The samples of a family stand together, so families are the outer loop.
    let names: std::collections::BTreeSet<&String> =
        health.runs.iter().flat_map(|run| run.metrics.keys()).collect();
    for metric in names {
        let (name, unit, suffix) = run_metric(metric);
        let help = format!("Metric {metric} of the last run; docs/metrics.md says what it counts.");
        let family = MetricFamily { name: &name, kind: MetricType::Gauge, unit: suffix, help: &help };
        for run in &health.runs {
            let value = run.metrics.get(metric).map(|value| in_base_unit(unit, *value));
            text.sample(family, &[("function", &run.name)], value);
        }
    }
}

/// How often this process was asked.
pub(super) fn scrapes(text: &mut MetricsText, scrapes: u64) {
    let family = MetricFamily {
        name: "onlooker_scrapes",
        kind: MetricType::Counter,
        unit: "",
        help: "How often this process was asked for its metrics.",
    };
    text.sample(family, &[], Some(scrapes as f64));
}

/// Name and unit of a measure.
fn measure_name(measure: &HealthMeasure) -> (String, &'static str) {
    named_with_unit("onlooker_", measure.name, measure.unit)
}

fn run_metric(metric: &str) -> (String, HealthUnit, &'static str) {
    let unit =
        RUN_UNITS.iter().find(|(name, _)| *name == metric).map_or(HealthUnit::Count, |(_, unit)| *unit);
    let (name, suffix) = named_with_unit("onlooker_run_", metric, unit);
    (name, unit, suffix)
}

/// The name under which a metric of a run is exported.
pub fn run_metric_name(metric: &str) -> String {
    run_metric(metric).0
}

fn named_with_unit(prefix: &str, name: &str, unit: HealthUnit) -> (String, &'static str) {
    let suffix = match unit {
        HealthUnit::Count => return (format!("{prefix}{name}"), ""),
        HealthUnit::Seconds => "seconds",
        HealthUnit::Bytes => "bytes",
        HealthUnit::Percent => "ratio",
    };
    (format!("{prefix}{name}_{suffix}"), suffix)
}

fn in_base_unit(unit: HealthUnit, value: f64) -> f64 {
    if unit == HealthUnit::Percent { ratio(value) } else { value }
}

/// A share of 0 to 100 as one of 0 to 1. Shares have two decimals, and the ratio has no more than four.
fn ratio(percent: f64) -> f64 {
    (percent * 100.0).round() / 10_000.0
}
