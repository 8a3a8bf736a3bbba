//! What the screen shows.
//!
//! Enters: health and dashboard. Leaves: [`Sections`]. Laws: a number that is not known is `-`; every text is escaped.

use onlooker_core::{
    dashboard::{ActivityWindow, Dashboard},
    escape::escape_remaining,
    finding::Severity,
    health::{Health, HealthCheck, HealthStatus, WorkerRun, span},
    jobs::health::MonitoredState,
    render::format::thousands,
    score::Status,
    time::Time,
};

use super::{
    frame::{Row, Section, Sections},
    rates::WINDOW_SECONDS,
};
use crate::{health::tone, text_table::CellTone};

/// The sections of the screen. `records_per_second` is over the last minute, `uptime` is that of the command.
pub fn sections(state: &MonitoredState, place: &str, records_per_second: f64, uptime: u64) -> Sections {
    let MonitoredState { health, dashboard } = state;
    let hours = format!("up {:02}:{:02}:{:02}", uptime / 3_600, uptime % 3_600 / 60, uptime % 60);
    Sections {
        heading: vec![
            ("ONLOOKER".to_owned(), CellTone::Strong),
            (health.status.as_str().to_uppercase(), tone(health.status)),
            (clean(place), CellTone::Plain),
            (health.checked_at.to_string(), CellTone::Plain),
            (hours, CellTone::Faint),
        ],
        left: vec![
            promise(dashboard),
            activity(dashboard, records_per_second),
            coverage(state),
            findings(dashboard),
        ],
        right: vec![problems(health), sources(health), stores(health), breakers(health)],
    }
}

fn clean(text: &str) -> String {
    escape_remaining(text).into_owned()
}

fn section(place: u8, title: &str, rows: Vec<Row>) -> Section {
    Section { place, title: title.to_owned(), tone: CellTone::Strong, rows }
}

fn number(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value}{unit}"))
}

fn promise(dashboard: &Dashboard) -> Section {
    let (status, status_tone) = match dashboard.overall_status {
        Some(Status::Compliant) => (Status::Compliant.as_str(), CellTone::Good),
        Some(Status::InsufficientEvidence) => (Status::InsufficientEvidence.as_str(), CellTone::Warn),
        Some(Status::NonCompliant) => (Status::NonCompliant.as_str(), CellTone::Bad),
        None => ("discovery: no principal is watched", CellTone::Plain),
    };
    let level = dashboard.risk_level.map(|level| format!(" {}", level.as_str())).unwrap_or_default();
    let mut rows = vec![
        Row::words("status", status, status_tone),
        Row::words("score", number(dashboard.compliance_score, " %"), CellTone::Plain),
        Row::words("risk", number(dashboard.risk_score, "") + &level, CellTone::Plain),
    ];
    rows.extend(
        dashboard.status_reasons.iter().map(|reason| Row::words("because", clean(reason), CellTone::Plain)),
    );
    if let Some(report) = &dashboard.report {
        let period = report.since.zip(report.until);
        rows.extend(
            period.map(|(since, until)| Row::words("period", format!("{since} to {until}"), CellTone::Faint)),
        );
    }
    section(0, "PROMISE", rows)
}

fn activity(dashboard: &Dashboard, records_per_second: f64) -> Section {
    let mut rows = vec![Row::words(
        "read",
        format!("{records_per_second:.1} records/s in the last {WINDOW_SECONDS} s"),
        CellTone::Plain,
    )];
    rows.extend(
        dashboard.last_hour.iter().map(|window| Row::words("last hour", calls(window), CellTone::Plain)),
    );
    rows.extend(
        dashboard.last_24_hours.iter().map(|window| Row::words("last 24 h", calls(window), CellTone::Plain)),
    );
    if let Some(metrics) = &dashboard.metrics {
        let total = format!(
            "{} events, {} calls, {} by watched principals",
            thousands(metrics.events),
            thousands(metrics.total_operations),
            thousands(metrics.watched_operations)
        );
        rows.push(Row::words("total", total, CellTone::Plain));
        let rates = format!(
            "{} succeeded, {} failed, {} denied; {} blocked",
            number(metrics.success_rate, " %"),
            number(metrics.error_rate, " %"),
            number(metrics.denied_rate, " %"),
            thousands(metrics.blocked_operations)
        );
        rows.push(Row::words("outcome", rates, CellTone::Plain));
    }
    section(2, "ACTIVITY", rows)
}

fn calls(window: &ActivityWindow) -> String {
    format!(
        "{} calls ({:.2}/s): {} read, {} write, {} other, {} denied",
        thousands(window.operations),
        window.operations_per_second,
        thousands(window.reads),
        thousands(window.writes),
        thousands(window.other),
        thousands(window.denied)
    )
}

fn coverage(state: &MonitoredState) -> Section {
    let share = state.dashboard.metrics.as_ref().and_then(|metrics| metrics.coverage);
    let mut rows = Vec::new();
    if let Some(share) = share {
        let bar_tone = if share >= 100.0 { CellTone::Good } else { CellTone::Warn };
        rows.push(Row::bar("observed", share / 100.0, format!("{share} %"), bar_tone));
    }
    if let Some(pieces) =
        state.dashboard.metrics.as_ref().map(|metrics| metrics.unreadable_evidence).filter(|n| *n > 0)
    {
        rows.push(Row::words("unreadable", thousands(pieces), CellTone::Bad));
    }
    for (label, name) in [("lag", "coverage-lag"), ("logging", "trail-logging"), ("digests", "log-digests")] {
        rows.extend(check(&state.health, name).map(|check| checked(label, check)));
    }
    section(3, "EVIDENCE", rows)
}

fn findings(dashboard: &Dashboard) -> Section {
    let Some(metrics) = &dashboard.metrics else { return section(7, "FINDINGS", Vec::new()) };
    let counts = metrics.findings.by_severity();
    let text: Vec<String> =
        counts.iter().map(|(severity, count)| format!("{count} {}", severity.as_str())).collect();
    let worst = counts.iter().find(|(_, count)| *count > 0).map(|(severity, _)| *severity);
    let mut rows = vec![Row::words("open", text.join(", "), worst.map_or(CellTone::Good, severity_tone))];
    for one in &dashboard.recommendations {
        rows.push(Row::words(one.severity.as_str(), clean(&one.title), severity_tone(one.severity)));
    }
    section(7, "FINDINGS", rows)
}

const fn severity_tone(severity: Severity) -> CellTone {
    match severity {
        Severity::Critical | Severity::High => CellTone::Bad,
        Severity::Medium => CellTone::Warn,
        Severity::Low | Severity::Info => CellTone::Plain,
    }
}

/// The checks that are not healthy, the worst first.
fn problems(health: &Health) -> Section {
    let mut worst: Vec<&HealthCheck> =
        health.checks.iter().filter(|check| check.status != HealthStatus::Healthy).collect();
    worst.sort_by_key(|check| std::cmp::Reverse(check.status));
    let mut rows = vec![Row::words("health", clean(&health.summary), tone(health.status))];
    for check in worst {
        rows.push(Row::words(
            check.status.as_str(),
            format!("{}: {}", check.name, clean(&check.message)),
            tone(check.status),
        ));
        rows.extend(check.remedy.iter().map(|remedy| Row::words("", remedy.clone(), CellTone::Faint)));
    }
    section(1, "HEALTH", rows)
}

fn sources(health: &Health) -> Section {
    let row = |run: &WorkerRun| {
        let ago = |at: Option<Time>| at.map(|at| span(u64::from(health.checked_at.since(at))));
        let text = match (&run.error, ago(run.ended_at)) {
            (_, None) => "no run is recorded".to_owned(),
            (Some(error), Some(age)) => format!("failed {age} ago: {}", clean(error)),
            (None, Some(age)) => {
                let metric = |name: &str, noun: &str| {
                    run.metrics.get(name).map(|value| format!(", {value} {noun}")).unwrap_or_default()
                };
                format!("{age} ago{}{}", metric("records", "records"), metric("unreadable", "unreadable"))
            }
        };
        let status = check(health, &format!("heartbeat-{}", run.name))
            .map_or(HealthStatus::Unknown, |check| check.status);
        Row::words(&run.name, text, tone(status))
    };
    section(4, "SOURCES", health.runs.iter().map(row).collect())
}

/// Write buffer, query cache, audit trail, rate limits, dead letters.
fn stores(health: &Health) -> Section {
    let mut rows = Vec::new();
    for (label, name, value, of) in [
        ("buffer", "write-buffer", "write_buffer", None),
        ("cache", "query-cache", "query_cache_entries", Some("query_cache_capacity")),
    ] {
        let Some(found) = check(health, name) else { continue };
        let measure = |name: &str| found.measures.iter().find(|measure| measure.name == name);
        let whole = match of {
            Some(of) => measure(of).map(|measure| measure.value),
            None => measure(value).and_then(|measure| measure.critical),
        };
        rows.push(match measure(value).zip(whole) {
            Some((value, whole)) if whole > 0.0 => {
                Row::bar(label, value.value / whole, format!("{}/{whole}", value.value), tone(found.status))
            }
            _ => checked(label, found),
        });
        if name == "query-cache" {
            let hits = measure("query_cache_hits").map(|measure| format!("hit rate {} %", measure.value));
            rows.extend(hits.map(|hits| Row::words("", hits, CellTone::Faint)));
        }
    }
    for (label, name) in
        [("audit", "audit-store-size"), ("rate limit", "rate-limiting"), ("given up", "dead-letters")]
    {
        rows.extend(check(health, name).map(|check| checked(label, check)));
    }
    section(5, "STORES", rows)
}

fn breakers(health: &Health) -> Section {
    let rows = check(health, "circuit-breakers").map(|check| checked("breakers", check));
    section(6, "AWS", rows.into_iter().collect())
}

fn check<'h>(health: &'h Health, name: &str) -> Option<&'h HealthCheck> {
    health.checks.iter().find(|check| check.name == name)
}

fn checked(label: &str, check: &HealthCheck) -> Row {
    Row::words(label, clean(&check.message), tone(check.status))
}
