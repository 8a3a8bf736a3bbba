//! Which values are healthy. Each check is tried at its limits and without its value.

use proptest::prelude::*;

use super::{sample::inputs, *};
use crate::{
    coverage::IntegrityHours,
    finding::Severity,
    render::json::{escape_json, tests::assert_schema_is_current},
};

/// What a check says about changed values.
#[track_caller]
fn check(name: &str, change: impl FnOnce(&mut HealthInputs)) -> HealthCheck {
    let mut inputs = inputs();
    change(&mut inputs);
    let health = judge(&inputs);
    let found = health.checks.into_iter().find(|check| check.name == name);
    found.unwrap_or_else(|| panic!("no check {name}"))
}

#[track_caller]
fn assert_status(name: &str, expected: HealthStatus, change: impl FnOnce(&mut HealthInputs)) -> String {
    let found = check(name, change);
    assert_eq!(found.status, expected, "{found:?}");
    assert_eq!(found.remedy.is_some(), expected != HealthStatus::Healthy, "{found:?}");
    found.message
}

fn queue(entries: u64) -> impl FnOnce(&mut HealthInputs) {
    move |inputs| inputs.write_queue = HealthInput::Known(WriteQueue { noun: "item", entries, oldest: None })
}

fn pull(change: impl FnOnce(&mut WorkerRun)) -> impl FnOnce(&mut HealthInputs) {
    move |inputs| {
        if let HealthInput::Known(workers) = &mut inputs.workers {
            change(workers.first_mut().unwrap());
        }
    }
}

#[test]
fn the_published_schema_is_current() {
    let text = serde_json::to_string_pretty(&schema()).unwrap();
    assert_schema_is_current("health.schema.json", HEALTH_SCHEMA_VERSION, &escape_json(text));
}

#[test]
fn known_values_within_their_limits_are_healthy() {
    let health = sample::healthy();
    assert_eq!((health.status, health.status.code()), (HealthStatus::Healthy, 0), "{health:?}");
    assert_eq!(health.summary, "14 checks healthy");
    assert!(
        health.checks.iter().all(|check| check.remedy.is_none() && !check.measures.is_empty()),
        "{health:?}"
    );
}

#[test]
fn the_whole_is_as_its_worst_check() {
    assert_eq!(sample::warning().summary, "1 warning: dead-letters");
    let codes = [sample::warning(), sample::critical(), sample::unknown()].map(|health| health.status.code());
    assert_eq!(codes, [1, 2, 3]);
    // What is known to be wrong is worse than what is not known.
    let mut both = inputs();
    both.digests = HealthInput::Unknown("why".to_owned());
    both.dead_letters = HealthInput::Known(DeadLetterCount { missing_objects: 1, parked_reports: 0 });
    let both = judge(&both);
    assert_eq!(both.status, HealthStatus::Warning);
    assert_eq!(both.summary, "1 warning: dead-letters; 1 unknown: log-digests");
}

#[test]
fn each_limit_is_where_the_documents_say() {
    use HealthStatus::{Critical, Healthy, Unknown, Warning};
    for (entries, status) in [(500, Healthy), (501, Warning), (800, Warning), (801, Critical)] {
        assert_status("write-buffer", status, queue(entries));
    }
    for (bytes, status) in [
        (1_000_000_000, Healthy),
        (1_000_000_001, Warning),
        (5_000_000_000, Warning),
        (5_000_000_001, Critical),
    ] {
        assert_status("audit-store-size", status, |inputs| {
            inputs.audit_store = HealthInput::Known(AuditStoreSize { objects: 1, bytes, is_complete: true });
        });
    }
    for (age, status) in [(7_200, Healthy), (7_201, Warning), (21_600, Warning), (21_601, Critical)] {
        assert_status(
            "heartbeat-pull",
            status,
            pull(|pull| pull.succeeded_at = Some(Time(sample::NOW.0 - age))),
        );
    }
    for (age, status) in [(18_000, Healthy), (18_001, Warning), (36_000, Warning), (36_001, Critical)] {
        assert_status("coverage-lag", status, |inputs| {
            let observed_until = Time(sample::NOW.0 - age);
            let known = inputs.coverage.known().cloned().unwrap();
            inputs.coverage = HealthInput::Known(CoverageState { observed_until, ..known });
        });
    }
    for (days, status) in [(90, Healthy), (91, Warning), (365, Warning), (366, Critical)] {
        assert_status("catalog-age", status, |inputs| {
            inputs.catalog_date = HealthInput::Known(Time(sample::NOW.0 - days * 86_400));
        });
    }
    for (missing_objects, parked_reports, status) in
        [(0, 0, Healthy), (0, 1, Warning), (5, 5, Warning), (6, 5, Critical)]
    {
        assert_status("dead-letters", status, |inputs| {
            inputs.dead_letters = HealthInput::Known(DeadLetterCount { missing_objects, parked_reports });
        });
    }
    for (severity, status) in
        [(Severity::Medium, Healthy), (Severity::High, Warning), (Severity::Critical, Critical)]
    {
        assert_status("open-findings", status, |inputs| {
            inputs.findings = HealthInput::Known(OpenFindings { by_severity: [(severity, 1)].into() });
        });
    }
    for (blocked, throttled, status) in [(0, 5, Healthy), (1, 0, Warning), (0, 6, Warning)] {
        assert_status("rate-limiting", status, |inputs| {
            let lookups = Some((throttled, 10));
            inputs.rate_limits = HealthInput::Known(RateLimitActivity {
                hours: 24,
                blocked,
                active_sources: Some(1),
                lookups,
            });
        });
    }
    for (entries, status) in [(90, Healthy), (91, Warning)] {
        assert_status("query-cache", status, |inputs| {
            inputs.query_cache =
                HealthInput::Known(CacheUsage { entries, capacity: 100, hits: 0, queries: 0 });
        });
    }
    for (changes, observed_hours, status) in [(0, 24, Healthy), (0, 23, Warning), (1, 24, Critical)] {
        assert_status("trail-logging", status, |inputs| {
            inputs.logging = HealthInput::Known(LoggingState { changes, expected_hours: 24, observed_hours });
        });
    }
    for (verified, unverified, missing, tampered, status) in [
        (24, 0, 0, 0, Healthy),
        (23, 1, 0, 0, Healthy),
        (23, 0, 1, 0, Warning),
        (22, 0, 1, 1, Critical),
        (0, 24, 0, 0, Unknown),
    ] {
        assert_status("log-digests", status, |inputs| {
            let verified = Some(IntegrityHours { verified, unverified, missing, tampered });
            inputs.digests = HealthInput::Known(DigestState { quiet_hours: 0, verified });
        });
    }
    for (quiet_hours, status) in [(0, Unknown), (1, Healthy)] {
        assert_status("log-digests", status, |inputs| {
            inputs.digests = HealthInput::Known(DigestState { quiet_hours, verified: None });
        });
    }
    assert_status("circuit-breakers", Critical, |inputs| {
        let open = OpenBreaker { operation: "s3:GetObject".to_owned(), opened_at: sample::NOW };
        inputs.open_breakers = HealthInput::Known(vec![open]);
    });
}

#[test]
fn a_failed_run_is_a_warning_and_critical_if_none_ever_succeeded() {
    let fail = |worker: &mut WorkerRun| worker.error = Some("AccessDenied".to_owned());
    let message = assert_status("heartbeat-pull", HealthStatus::Warning, pull(fail));
    assert_eq!(message, "succeeded 1 min ago; the last run failed: AccessDenied");
    assert_status(
        "heartbeat-pull",
        HealthStatus::Critical,
        pull(|worker| {
            fail(worker);
            worker.succeeded_at = None;
        }),
    );
}

#[test]
fn a_scheduled_function_without_a_run_is_unknown() {
    let never = |worker: &mut WorkerRun| (worker.ended_at, worker.succeeded_at) = (None, None);
    assert_status("heartbeat-pull", HealthStatus::Unknown, pull(never));
    assert_status(
        "heartbeat-pull",
        HealthStatus::Healthy,
        pull(|worker| {
            never(worker);
            worker.schedule = WorkerSchedule::OnEvent;
        }),
    );
}

#[test]
fn no_value_that_is_unknown_is_healthy_and_none_that_does_not_apply_is_a_check() {
    fn make_unknown<T>(value: &mut HealthInput<T>) {
        *value = HealthInput::Unknown("AccessDenied".to_owned());
    }
    fn leave_out<T>(value: &mut HealthInput<T>) {
        *value = HealthInput::not_applicable("there is none here");
    }
    macro_rules! each {
        ($change:ident: $($field:ident)*) => {
            [$(judge(&{ let mut inputs = inputs(); $change(&mut inputs.$field); inputs })),*]
        };
    }
    let unknown = each!(make_unknown: write_queue workers audit_store rate_limits findings query_cache logging digests
        dead_letters coverage catalog_date open_breakers);
    assert_eq!(unknown.len(), CHECKS.len());
    for health in unknown {
        assert_eq!((health.status, health.status.code()), (HealthStatus::Unknown, 3), "{health:?}");
        let check = health.checks.iter().find(|check| check.status == HealthStatus::Unknown).unwrap();
        assert!(
            check.message == "AccessDenied" && check.measures.is_empty() && check.remedy.is_some(),
            "{check:?}"
        );
    }
    let left_out = each!(leave_out: write_queue workers audit_store rate_limits findings query_cache logging digests
        dead_letters coverage catalog_date open_breakers);
    for (health, rule) in left_out.iter().zip(CHECKS) {
        assert_eq!(health.status, HealthStatus::Healthy);
        let InapplicableCheck { name, reason } = health.not_applicable.first().unwrap();
        assert_eq!((*name, reason.as_str()), (rule.name, "there is none here"));
    }
}

#[test]
fn without_a_check_nothing_is_known() {
    let mut none = inputs();
    macro_rules! leave_out {
        ($($field:ident)*) => { $(none.$field = HealthInput::not_applicable("none");)* };
    }
    leave_out!(write_queue workers audit_store rate_limits findings query_cache logging digests dead_letters coverage
        catalog_date open_breakers);
    let health = judge(&none);
    assert_eq!((health.status, health.summary.as_str()), (HealthStatus::Unknown, "nothing could be checked"));
}

#[test]
fn spans_and_sizes_are_short() {
    assert_eq!(
        [0, 59, 60, 3_599, 3_600, 90_000].map(span),
        ["0 s", "59 s", "1 min", "59 min 59 s", "1 h", "1 d 1 h"]
    );
    assert_eq!(
        [0, 999, 1_000, 2_400_000, 999_960_000, u64::MAX].map(size),
        ["0 B", "999 B", "1.0 kB", "2.4 MB", "1.0 GB", "18446744.1 TB"]
    );
}

proptest! {
    #[test]
    fn a_worse_value_never_improves_a_status(entries: u32, more: u32, age: u32, older: u32, errors: bool) {
        let status = |entries: u64, age: u32, errors: bool| {
            let mut inputs = inputs();
            queue(entries)(&mut inputs);
            pull(|worker| {
                worker.succeeded_at = Some(Time(sample::NOW.0.saturating_sub(age)));
                worker.error = errors.then(|| "why".to_owned());
            })(&mut inputs);
            judge(&inputs).status
        };
        let (entries, more) = (u64::from(entries), u64::from(more));
        prop_assert!(status(entries + more, age.saturating_add(older), true) >= status(entries, age, errors));
    }
}

#[test]
fn the_document_has_a_row_for_each_check() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/health.md");
    let document = std::fs::read_to_string(path).unwrap();
    for rule in CHECKS {
        let row = match rule.name {
            "heartbeat" => "\n| `heartbeat-pull` |".to_owned(),
            name => format!("\n| `{name}` |"),
        };
        assert!(document.contains(&row), "docs/health.md has no row for {}", rule.name);
    }
}
