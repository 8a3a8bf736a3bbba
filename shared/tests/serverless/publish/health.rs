//! The health of a deployment, read through ports that fail on demand.

use onlooker_core::{
    audit::{AuditKind, AuditTrailEntry},
    event::Outcome,
    health::{HealthCheck, HealthStatus},
    jobs::{
        audit::AuditTrail,
        evidence::record_missing,
        health::{HealthReader, MonitoredState},
        publish::MAX_ATTEMPTS,
    },
    operation::OperationType,
};

use super::*;

const FUNCTIONS: [&str; 4] = ["pull", "report", "permissions", "maintain"];

/// The state of the deployment at the time of the clock.
fn monitored(environment: &TestEnvironment) -> MonitoredState {
    use onlooker_core::ports::Clock as _;
    let config = config();
    let mut reader = HealthReader::new(&environment.store, &config, Catalog::embedded(), 2);
    reader.deployment(&environment.table, environment.clock.now())
}

#[track_caller]
fn check(environment: &TestEnvironment, name: &str) -> HealthCheck {
    let health = monitored(environment).health;
    let found = health.checks.iter().find(|check| check.name == name).cloned();
    found.unwrap_or_else(|| panic!("no check {name}: {health:#?}"))
}

/// A run that ended some seconds ago, failed or not.
fn record(environment: &TestEnvironment, function: &str, ago: u32, error: Option<&str>) {
    use onlooker_core::ports::Clock as _;
    let at = Time(environment.clock.now().0 - ago);
    let metrics = json!({ "requests": 10, "throttled": 1, "records": 12 });
    let run = RunRecord {
        run_id: format!("{function}-{ago}"),
        request_id: None,
        caller: serde_json::from_value(json!({ "arn": "a", "account": ACCOUNT, "user_id": "u" })).unwrap(),
        started_at: at,
        ended_at: at,
        error: error.map(str::to_owned),
        notes: Vec::new(),
        metrics: metrics.as_object().unwrap().clone(),
    };
    record_run(&environment.table.port, &RETENTION, function, &run).unwrap();
}

/// A deployment that has published a report and whose functions have run.
fn running() -> TestEnvironment {
    let environment = TestEnvironment::new(NOW);
    let (window, _) = ReportWindow::from_request(&json!({}), NOW, 0).unwrap();
    deliver(&environment, "a", &reads_in_every_hour(window));
    invoke_scheduled(&environment, "run").unwrap();
    for function in FUNCTIONS {
        record(&environment, function, 60, None);
    }
    environment.injector.reset();
    environment
}

#[test]
fn a_running_deployment_is_healthy_but_for_what_is_not_known() {
    let environment = running();
    let MonitoredState { health, dashboard } = monitored(&environment);
    for check in &health.checks {
        let expected =
            if check.name == "log-digests" { HealthStatus::Unknown } else { HealthStatus::Healthy };
        assert_eq!(check.status, expected, "{check:#?}");
    }
    let heartbeats: Vec<&str> =
        health.checks.iter().filter_map(|check| check.name.strip_prefix("heartbeat-")).collect();
    assert_eq!(heartbeats, FUNCTIONS);
    assert_eq!(health.account.as_deref(), Some(ACCOUNT));
    assert_eq!(dashboard.overall_status, Some(Status::Compliant));
    let day = dashboard.last_24_hours.unwrap();
    assert_eq!((day.operations, day.until.since(day.since)), (24, DAY));
}

/// The policy of a machine that monitors, from its document.
fn documented_policy() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/health.md");
    let document = std::fs::read_to_string(path).unwrap();
    let block = document.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    serde_json::from_str(block).unwrap()
}

#[test]
fn nothing_is_written_and_the_documented_policy_suffices() {
    use onlooker_core::pattern::matches;
    let environment = running();
    monitored(&environment);
    let calls = environment.injector.reset();
    let policy = documented_policy();
    let list = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    let keys = list(&policy["Statement"][0]["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
    let objects = list(&policy["Statement"][1]["Resource"]);
    let prefix = policy["Statement"][2]["Condition"]["StringLike"]["s3:prefix"].as_str().unwrap();
    for call in &calls {
        let target = call.target.split(' ').next().unwrap();
        let is_allowed = match (call.port, call.method) {
            ("table", "query") => keys.iter().any(|key| matches(key, target)),
            ("store", "read") => {
                objects.iter().any(|object| matches(object, &format!("arn:aws:s3:::BUCKET/{target}")))
            }
            ("store", "list") => matches(prefix, target),
            _ => false,
        };
        assert!(is_allowed, "{call:?}");
    }
    assert!(calls.len() > 20, "{calls:?}");
}

#[test]
fn a_reader_reads_a_report_once_and_its_successor() {
    let environment = running();
    let config = config();
    let mut reader = HealthReader::new(&environment.store, &config, Catalog::embedded(), 2);
    let mut reports_read = |now: Time| {
        environment.injector.reset();
        let id = reader.deployment(&environment.table, now).dashboard.report.unwrap().id;
        let calls = environment.injector.reset();
        let is_report = |call: &&PortCall| call.method == "read" && call.target.starts_with("reports/");
        (id, calls.iter().filter(is_report).count())
    };
    let (first, reads) = reports_read(NOW);
    assert_eq!((reads, reports_read(NOW)), (1, (first.clone(), 0)));
    environment.clock.advance(HOUR_SECONDS);
    invoke_scheduled(&environment, "next").unwrap();
    let (second, reads) = reports_read(Time(NOW.0 + HOUR_SECONDS));
    assert_eq!(reads, 1);
    assert_ne!(first, second);
}

#[test]
fn a_deployment_that_never_ran_is_unknown() {
    let environment = TestEnvironment::new(NOW);
    let MonitoredState { health, dashboard } = monitored(&environment);
    assert_eq!(health.status, HealthStatus::Unknown);
    assert_eq!(dashboard.overall_status, Some(Status::InsufficientEvidence));
    for function in FUNCTIONS {
        assert_eq!(check(&environment, &format!("heartbeat-{function}")).status, HealthStatus::Unknown);
    }
}

#[test]
fn a_call_that_fails_makes_its_checks_unknown_and_leaves_the_others() {
    let environment = running();
    // So that no check is unknown before: the report's digests are.
    let before = monitored(&environment).health;
    let calls = environment.injector.reset().len();
    for failing in 0..calls {
        environment.injector.plan(FaultPlan::Fail {
            kind: PortErrorKind::AccessDenied,
            timing: FaultTiming::Before,
            matching: Box::new(move |number, _| number == failing),
        });
        let after = monitored(&environment).health;
        let unknown = |health: &onlooker_core::health::Health| {
            health.checks.iter().filter(|check| check.status == HealthStatus::Unknown).count()
        };
        let hides_errors = after.recent_errors.is_none() && before.recent_errors.is_some();
        assert!(unknown(&after) > unknown(&before) || hides_errors, "call {failing}: {after:#?}");
        for check in &after.checks {
            let known = before.checks.iter().any(|one| one == check);
            assert!(
                known || check.status == HealthStatus::Unknown || check.name == "rate-limiting",
                "{failing}: {check:#?}"
            );
        }
        environment.injector.reset();
    }
}

#[test]
fn a_late_or_failed_run_is_told() {
    let environment = running();
    record(&environment, "pull", 30, Some("AccessDenied: lookup"));
    let pull = check(&environment, "heartbeat-pull");
    assert_eq!(pull.status, HealthStatus::Warning);
    assert!(pull.message.ends_with("the last run failed: AccessDenied: lookup"), "{}", pull.message);
    let errors = monitored(&environment).health.recent_errors.unwrap();
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].name.as_str(), errors[0].error.as_str()), ("pull", "AccessDenied: lookup"));
    environment.clock.advance(3 * HOUR_SECONDS);
    assert_eq!(check(&environment, "heartbeat-maintain").status, HealthStatus::Warning);
    assert_eq!(check(&environment, "heartbeat-permissions").status, HealthStatus::Healthy);
    environment.clock.advance(4 * HOUR_SECONDS);
    assert_eq!(check(&environment, "heartbeat-maintain").status, HealthStatus::Critical);
    assert_eq!(check(&environment, "coverage-lag").status, HealthStatus::Warning);
}

#[test]
fn a_latest_run_that_cannot_be_decoded_is_unknown_until_the_next_run() {
    let environment = running();
    let damaged = TableItem {
        partition_key: "RUN#ingest".to_owned(),
        sort_key: "LATEST".to_owned(),
        revision: 0,
        expires_at: None,
        body: json!({ "run_id": 1 }),
    };
    environment.table.port.put(&damaged, WriteCondition::Always).unwrap();
    let health = monitored(&environment).health;
    let told = health.checks.iter().find(|check| check.message.contains("`RUN#ingest LATEST`"));
    assert_eq!(told.unwrap_or_else(|| panic!("{health:#?}")).status, HealthStatus::Unknown);
    record(&environment, "ingest", 30, None);
    assert_eq!(check(&environment, "heartbeat-ingest").status, HealthStatus::Healthy);
}

#[test]
fn an_announced_log_file_waits_and_is_then_given_up() {
    let environment = running();
    let evidence = EvidenceStore::new(&environment.table, &environment.store);
    let object = StoredObject { name: "s3://trail/a.json.gz".to_owned(), size: 1, version: "e/".to_owned() };
    record_missing(&evidence, &object, (NOW, true), "denied".to_owned()).unwrap();
    let count = |name: &str| check(&environment, name).measures[0].value;
    assert_eq!((count("write-buffer"), count("dead-letters")), (1.0, 0.0));
    environment.clock.advance(4_141);
    assert_eq!((count("write-buffer"), count("dead-letters")), (0.0, 1.0));
    assert_eq!(check(&environment, "dead-letters").status, HealthStatus::Warning);
}

#[test]
fn a_pending_report_waits_and_a_parked_one_is_given_up() {
    let environment = running();
    let window = ReportWindow { since: Time(NOW.0 - DAY).hour().start(), until: NOW.hour().start() };
    let save = |attempts: u32| {
        let pending = PendingReport { window, purpose: ReportPurpose::Requested, attempts, reason: None };
        let item = TableItem {
            partition_key: "STATUS".to_owned(),
            sort_key: format!("PENDING#{window}"),
            revision: 0,
            expires_at: None,
            body: serde_json::to_value(pending).unwrap(),
        };
        environment.table.port.put(&item, WriteCondition::Always).unwrap();
    };
    save(1);
    let waiting = check(&environment, "write-buffer");
    assert_eq!(waiting.message, "1 item waits, the oldest for 30 min");
    save(MAX_ATTEMPTS);
    assert_eq!(check(&environment, "write-buffer").measures[0].value, 0.0);
    assert_eq!(
        check(&environment, "dead-letters").message,
        "0 announced log files not read, 1 report parked"
    );
}

#[test]
fn an_open_circuit_breaker_is_critical_and_a_closed_or_expired_one_is_not() {
    let environment = running();
    let put = |name: &str, body: Value, expires: Time| {
        let item = TableItem {
            partition_key: "BREAKERS".to_owned(),
            sort_key: name.to_owned(),
            revision: 0,
            expires_at: Some(expires),
            body,
        };
        environment.table.port.put(&item, WriteCondition::Always).unwrap();
    };
    let (later, since) = (Time(NOW.0 + DAY), Time(NOW.0 - 120));
    put("s3:PutObject", json!({ "state": "closed", "failures": 3 }), later);
    put("s3:GetObject", json!({ "state": "open", "since": since, "until": later }), NOW);
    assert_eq!(check(&environment, "circuit-breakers").status, HealthStatus::Healthy);
    put("cloudtrail:LookupEvents", json!({ "state": "open", "since": since, "until": later }), later);
    put("kms:Sign", json!({ "state": "half_open", "since": since, "probe": "p", "until": later }), later);
    let open = check(&environment, "circuit-breakers");
    assert_eq!(open.status, HealthStatus::Critical);
    assert_eq!(open.message, "2 breakers open: cloudtrail:LookupEvents for 2 min, kms:Sign for 2 min");
}

#[test]
fn entries_that_the_rate_limit_left_out_are_counted_from_the_trail() {
    let environment = running();
    let mut config = config();
    config.audit.rate_limit = 2;
    let chain = "00000000-0000-4000-8000-000000000001";
    let trail = AuditTrail::new(&environment.store, &config.audit, config.standard, "ingest", chain);
    let entry = |n: u32| -> AuditTrailEntry {
        serde_json::from_value(json!({
            "kind": "call", "timestamp": NOW, "recorded_at": NOW, "recorded_by": "ingest",
            "compliance_standard": config.standard, "operation": "ec2:RunInstances", "service": "ec2.amazonaws.com",
            "operation_type": OperationType::Mutating, "severity": RiskLevel::High, "outcome": Outcome::Succeeded,
            "user_identity": { "principal": AUDITOR }, "account": ACCOUNT, "region": REGION, "event_id": n.to_string(),
            "reason": "AWS says so",
        }))
        .unwrap()
    };
    trail.add_all(&(0..7).map(entry).collect::<Vec<_>>(), NOW).unwrap();
    trail.add_note(AuditKind::Run, "run r succeeded".to_owned(), NOW).unwrap();
    trail.flush(NOW).unwrap();
    let limited = check(&environment, "rate-limiting");
    assert_eq!(limited.status, HealthStatus::Warning);
    assert_eq!(
        limited.message,
        "5 blocked, 1 principal active in the last 24 hours; 1 of 10 lookups throttled in the last pull"
    );
    let store = check(&environment, "audit-store-size");
    let bytes: u64 = environment.store.port.list("audit/").unwrap().iter().map(|object| object.size).sum();
    assert!(bytes > 0 && store.measures[0].value == bytes as f64, "{store:?}");
    // A day later the batch is no longer looked at.
    environment.clock.advance(2 * DAY);
    assert_eq!(check(&environment, "rate-limiting").measures[0].value, 0.0);
}

#[test]
fn a_long_trail_is_counted_up_to_a_number_and_says_so() {
    use onlooker_core::{audit::BatchKey, ports::ObjectStore as _};
    let environment = running();
    let chain = "01900000-0000-7000-8000-000000000000".to_owned();
    for sequence in 0..50_000 {
        let batch = BatchKey { day: "2020-01-01".to_owned(), chain: chain.clone(), sequence };
        environment.store.port.create(&batch.to_string(), b"12", "").unwrap();
    }
    let size = check(&environment, "audit-store-size");
    assert_eq!(size.status, HealthStatus::Warning, "how large it is is not known");
    assert!(size.measures.iter().all(|one| one.critical.is_none_or(f64::is_finite)), "JSON has no infinity");
    assert_eq!(size.message, "at least 100.0 kB in at least 50,000 objects");
    // What is old does not keep the batches of the last day from being read.
    assert_eq!(check(&environment, "rate-limiting").status, HealthStatus::Healthy);
}
