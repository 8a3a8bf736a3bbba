//! Laws of published reports: revisions, the current status, findings, and the state after kills, faults and late
//! evidence.

mod current_status;
mod faults;
mod findings;
mod health;
mod latest_report;
mod revisions;

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::{
    catalog::Catalog,
    config::{Config, DeliveryPolicy, RetentionSettings, Standard},
    controls::ControlPack,
    current_status::CurrentStatus,
    evidence_summary::{EvidenceSummary, ReportScope},
    jobs::{
        evaluation::{EvaluationCriteria, evaluate},
        evidence::{EvidenceBatch, EvidenceSource, EvidenceStore, store_batch},
        gather::read_object,
        publish::{
            BoxError, FindingRecord, PendingReport, PublishError, PublishErrorKind, PublishedReports,
            ReportPublisher, ReportPurpose, ReportWindow, history, latest, list_pending, list_revisions,
            publish, report_from_evidence,
        },
        runs::{RunRecord, heartbeat, record_run},
    },
    operation::RiskLevel,
    ports::{
        Notification, NotificationSink, ObjectStore as _, PortErrorKind, ProcessedObject, StoredObject,
        Table as _, TableItem, WriteCondition,
    },
    record::ReadLimits,
    render::{FORMATS, Format, csv, emf::Metrics, html, json, markdown, openmetrics, render},
    report::{Report, ReportRun},
    score::Status,
    time::{HOUR_SECONDS, Time},
};
use serde_json::{Value, json};

use super::{
    environment::{FaultPlan, FaultTiming, PortCall, TestEnvironment},
    records::{ACCOUNT, AUDITOR, REGION, denied, read, write},
};

/// Half past ten in the morning of the second day.
const NOW: Time = Time(1_795_255_200 / 86_400 * 86_400 + 10 * HOUR_SECONDS + 1_800);
const DAY: u32 = 24 * HOUR_SECONDS;
const INTERVAL: u32 = HOUR_SECONDS;

fn config() -> Config {
    let text = format!(
        "watch = [{{ principal = \"{AUDITOR}\" }}]\n[coverage]\naccounts = [\"{ACCOUNT}\"]\nregions = [\"{REGION}\"]\n\
         event_classes = [\"management-read\", \"management-write\"]\nlogged = [\"management-read\", \"management-write\"]\n\
         [delivery]\nauthoritative_from = \"2020-01-01T00:00:00Z\"\n"
    );
    Config::from_toml(&text, "test").unwrap()
}

/// A read in every hour of a window.
fn reads_in_every_hour(window: ReportWindow) -> Vec<Value> {
    let hours = window.since.hour().0..window.until.hour().0;
    hours.map(|hour| read(hour, Time(hour * HOUR_SECONDS + 60))).collect()
}

fn deliver(environment: &TestEnvironment, name: &str, records: &[Value]) {
    let key = format!("evidence/{name}");
    let bytes = json!({ "Records": records }).to_string();
    assert!(environment.store.port.create(&key, bytes.as_bytes(), "x").unwrap());
}

/// A report on the evidence in the store, in three calls to it.
fn report(
    environment: &TestEnvironment,
    config: &Config,
    window: ReportWindow,
    run: ReportRun,
) -> Result<Report, BoxError> {
    let mut records = Vec::new();
    for object in environment.store.list("evidence/")? {
        let bytes = environment.store.read(&object.name, None)?;
        let mut held: Value = serde_json::from_slice(&bytes)?;
        records.append(held["Records"].as_array_mut().unwrap());
    }
    let all = json!({ "Records": records }).to_string();
    let segment = read_object("all", all.as_bytes(), ReadLimits::default()).segment;
    let pack = ControlPack::built_in(Standard::General)?;
    let criteria = EvaluationCriteria {
        config,
        catalog: Catalog::embedded(),
        pack: &pack,
        policies: onlooker_core::grants::PolicyHistory::empty(),
        integrity: None,
    };
    let scope = ReportScope::between(Some(window.since), Some(window.until));
    Ok(evaluate(EvidenceSummary::from_segment(segment, scope), criteria, run)?)
}

fn run_of(environment: &TestEnvironment, id: &str) -> ReportRun {
    use onlooker_core::ports::Clock as _;
    ReportRun { run_id: id.to_owned(), started_at: environment.clock.now(), ..ReportRun::default() }
}

/// A run of the function, at the time of the clock.
fn invoke(
    environment: &TestEnvironment,
    id: &str,
    payload: &Value,
) -> Result<PublishedReports, PublishError> {
    use onlooker_core::ports::Clock as _;
    let (window, purpose) = ReportWindow::from_request(payload, environment.clock.now(), 0).unwrap();
    invoke_for_window(environment, id, window, purpose)
}

fn invoke_for_window(
    environment: &TestEnvironment,
    id: &str,
    window: ReportWindow,
    purpose: ReportPurpose,
) -> Result<PublishedReports, PublishError> {
    let config = config();
    let reporter = |window, run| report(environment, &config, window, run);
    let sinks: [&dyn NotificationSink; 2] = [&environment.sns, &environment.event_bus];
    let publisher = report_publisher(environment, &reporter, &sinks);
    publish(&publisher, window, purpose, &run_of(environment, id))
}

const RETENTION: RetentionSettings =
    RetentionSettings { run_days: 30, evidence_days: None, backups_kept: 30 };

fn report_publisher<'a>(
    environment: &'a TestEnvironment,
    reporter: &'a dyn Fn(ReportWindow, ReportRun) -> Result<Report, BoxError>,
    sinks: &'a [&'a dyn NotificationSink],
) -> ReportPublisher<'a> {
    ReportPublisher {
        table: &environment.table,
        store: &environment.store,
        sinks,
        policy: DeliveryPolicy::IMMEDIATE,
        report_sinks: &[],
        latest_reports: None,
        bucket: "bucket",
        clock: &environment.clock,
        formats: &[&csv::FORMAT],
        make_report: reporter,
        account: ACCOUNT,
        interval_seconds: INTERVAL,
        retention: &RETENTION,
    }
}

fn invoke_scheduled(environment: &TestEnvironment, id: &str) -> Result<PublishedReports, PublishError> {
    invoke(environment, id, &json!({}))
}

fn status(environment: &TestEnvironment) -> Option<Status> {
    use onlooker_core::ports::Clock as _;
    CurrentStatus::claimable_status(
        latest(&environment.table.port).unwrap().as_ref(),
        environment.clock.now(),
    )
}

/// Reports and findings, by key.
fn objects(environment: &TestEnvironment) -> BTreeMap<String, Vec<u8>> {
    let all = environment.store.port.list("").unwrap().into_iter();
    let made = all.filter(|object| !object.name.starts_with("evidence/"));
    made.map(|object| (object.name.clone(), environment.store.port.read(&object.name, None).unwrap()))
        .collect()
}

/// The items, without times and run ids.
fn items(environment: &TestEnvironment) -> Vec<String> {
    fn remove_times(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for name in [
                    "set_at",
                    "valid_until",
                    "generated_at",
                    "run_id",
                    "at",
                    "opened_at",
                    "resolved_at",
                    "last_notified_at",
                ] {
                    if let Some(field) = fields.get_mut(name).filter(|field| !field.is_null()) {
                        *field = "then".into();
                    }
                }
                fields.values_mut().for_each(remove_times);
            }
            Value::Array(items) => items.iter_mut().for_each(remove_times),
            _ => {}
        }
    }
    let line = |mut item: TableItem| {
        remove_times(&mut item.body);
        let sort = if item.sort_key.starts_with("AT#") { "AT#" } else { &item.sort_key };
        format!("{} {sort} {} {}", item.partition_key, item.expires_at.is_some(), item.body)
    };
    environment.table.port.items().into_iter().map(line).collect()
}

fn notifications(environment: &TestEnvironment) -> [Vec<Notification>; 2] {
    [&environment.sns, &environment.event_bus].map(|sink| sink.port.notifications.lock().unwrap().clone())
}

/// The first day was reported on and compliant. Since then a write of that day was delivered late, and the second day
/// has a denied write.
fn environment_on_second_day() -> TestEnvironment {
    let environment = TestEnvironment::new(Time(NOW.0 - DAY));
    let second = ReportWindow::current(NOW);
    deliver(&environment, "1", &reads_in_every_hour(second.previous()));
    let first = invoke_scheduled(&environment, "run-0").unwrap();
    assert_eq!(first.current_status.unwrap().status, Some(Status::Compliant));
    deliver(&environment, "2", &reads_in_every_hour(second));
    deliver(
        &environment,
        "3",
        &[write(1, Time(second.previous().since.0 + 90)), denied(write(2, Time(second.since.0 + 90)))],
    );
    environment.clock.set(NOW);
    environment.injector.reset();
    environment
}
