//! Maintenance: tasks that are due once a day, what they find, and runs that are killed.

use std::num::NonZeroU32;

use onlooker_core::{
    backup::{BackupStatus, RestoreRecord},
    config::Config,
    jobs::{
        audit::{AuditTrail, verify_trail},
        backup::{BackupRepository, NoJournal, RestoreTargets, list, plan_restore, restore},
        evidence::{
            EvidenceBatch, EvidenceSource, EvidenceStore, compact, record_identity, record_removal,
            store_batch,
        },
        maintain::{BackupDestination, Backups, Maintenance, MaintenanceOutcome, last_tasks, maintain},
        table_backup::TableRestore,
    },
    ports::{
        ObjectStore, PortError, PortErrorKind, ProcessedObject, StoredObject, Table, TableItem, TableOrigin,
        WriteCondition,
    },
    report::{MaintenanceTask, TaskResult},
    time::{HOUR_SECONDS, Time},
};
use serde_json::Value;

use super::{
    environment::{FaultPlan, FaultTiming, FaultyPort, MemoryStore, TestEnvironment},
    fixtures::{
        ACCOUNTS, REGIONS, START, hour_after_start, minutes_after_start, promise_config, record, report,
        segment, slice_batch,
    },
};

const DAY_SECONDS: u32 = 24 * HOUR_SECONDS;

/// The tasks of a deployment without a trail.
const DUE: [MaintenanceTask; 5] = [
    MaintenanceTask::AuditTrail,
    MaintenanceTask::AuditRetention,
    MaintenanceTask::Evidence,
    MaintenanceTask::Backup,
    MaintenanceTask::RestoreDrill,
];

/// A deployment that stored ten small slices of one hour, and the entries of two runs.
fn deployment() -> Deployment {
    let environment = TestEnvironment::new(minutes_after_start(600));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    for n in 0..10 {
        let span = (minutes_after_start(n * 6), minutes_after_start(n * 6 + 6));
        let records = [record(n, ACCOUNTS[0], REGIONS[0], minutes_after_start(n * 6 + 1))];
        store_batch(&evidence_store, slice_batch(ACCOUNTS[0], REGIONS[0], span, &records)).unwrap();
    }
    add_runs(&environment, 2);
    environment.injector.reset();
    Deployment::of(environment)
}

/// A deployment with two destinations of backups.
struct Deployment {
    environment: TestEnvironment,
    backups: FaultyPort<MemoryStore>,
    second: FaultyPort<MemoryStore>,
}

fn destination(store: &FaultyPort<MemoryStore>) -> BackupDestination<'_> {
    let repository = BackupRepository { store, prefix: "backups/" };
    BackupDestination { repository, remover: store, has_audit_copy: true }
}

impl Deployment {
    fn of(environment: TestEnvironment) -> Self {
        let store = || FaultyPort { port: MemoryStore::default(), injector: environment.injector.clone() };
        let (backups, second) = (store(), store());
        Self { environment, backups, second }
    }

    fn backups(&self) -> Backups<'_> {
        Backups {
            first: destination(&self.backups),
            second: Some(destination(&self.second)),
            keep: NonZeroU32::new(3).unwrap(),
            contents: &self.table,
            configuration: Some("standard = \"SOC2\"\n"),
            tool_version: "0.0.0",
        }
    }

    /// Names of the complete backups of a destination.
    fn complete(store: &FaultyPort<MemoryStore>) -> usize {
        let repository = BackupRepository { store: &store.port, prefix: "backups/" };
        let listed = list(repository).unwrap();
        listed.iter().filter(|backup| backup.status == BackupStatus::Complete).count()
    }
}

impl std::ops::Deref for Deployment {
    type Target = TestEnvironment;

    fn deref(&self) -> &TestEnvironment {
        &self.environment
    }
}

/// Adds entries of runs to the audit trail, each in a batch and all in one chain.
fn add_runs(environment: &TestEnvironment, count: u32) {
    let (config, now) = (Config::default(), environment.clock_now());
    let chain = format!("0192f4d0-0000-7000-8000-{:012x}", now.0);
    let trail = AuditTrail::new(&environment.store, &config.audit, config.standard, "pull", &chain);
    for n in 0..count {
        trail.add_note(onlooker_core::audit::AuditKind::Run, format!("run {n} succeeded"), now).unwrap();
        trail.flush(now).unwrap();
    }
}

trait Now {
    fn clock_now(&self) -> Time;
}

impl Now for TestEnvironment {
    fn clock_now(&self) -> Time {
        onlooker_core::ports::Clock::now(&self.clock)
    }
}

/// The same, where the audit trail ends.
fn run_with_retention(environment: &Deployment, config: &Config) -> MaintenanceOutcome {
    let evidence = EvidenceStore::new(&environment.table, &environment.store);
    let maintenance = Maintenance {
        table: &environment.table,
        table_origin: None,
        store: &environment.store,
        remover: Some(&environment.store),
        prunes_audit_trail: true,
        signer: None,
        evidence: &evidence,
        trail: None,
        backups: None,
        config,
        clock: &environment.clock,
        run_id: "run",
    };
    maintain(&maintenance, &[MaintenanceTask::AuditRetention]).unwrap()
}

fn configured() -> Config {
    let mut config = promise_config(None);
    config.retention.evidence_days = Some(400);
    config.coverage.event_classes = vec!["management-read".to_owned()];
    config
}

fn run(environment: &Deployment, named: &[MaintenanceTask]) -> Result<MaintenanceOutcome, PortError> {
    let evidence = EvidenceStore::new(&environment.table, &environment.store);
    let config = configured();
    let maintenance = Maintenance {
        table: &environment.table,
        table_origin: None,
        store: &environment.store,
        remover: Some(&environment.store),
        prunes_audit_trail: false,
        signer: None,
        evidence: &evidence,
        trail: None,
        backups: Some(environment.backups()),
        config: &config,
        clock: &environment.clock,
        run_id: "run",
    };
    maintain(&maintenance, named)
}

fn tasks(outcome: &MaintenanceOutcome) -> Vec<MaintenanceTask> {
    outcome.done.iter().map(|record| record.task).collect()
}

#[test]
fn a_task_is_due_once_a_day_and_again_if_it_is_named() {
    let environment = deployment();
    let first = run(&environment, &[]).unwrap();
    assert_eq!(tasks(&first), DUE);
    assert!(first.done.iter().all(|record| record.result == TaskResult::Succeeded), "{:?}", first.done);
    environment.clock.advance(HOUR_SECONDS);
    assert_eq!(tasks(&run(&environment, &[]).unwrap()), []);
    let named = [MaintenanceTask::AuditTrail];
    assert_eq!(tasks(&run(&environment, &named).unwrap()), named);
    environment.clock.advance(DAY_SECONDS);
    assert_eq!(tasks(&run(&environment, &[]).unwrap()), DUE);
}

#[test]
fn an_intact_audit_trail_is_sealed_and_a_changed_one_is_not() {
    let environment = deployment();
    run(&environment, &[]).unwrap();
    let seals = || environment.store.port.list("audit/seals/").unwrap().len();
    assert_eq!(seals(), 1);
    let sealed = verify_trail(&environment.store, None, &|_, _| ()).unwrap();
    assert!(sealed.chains.iter().all(|chain| chain.is_sealed) && sealed.unprotected_entries == 0);
    environment.clock.advance(DAY_SECONDS);
    let key = environment.store.port.list("audit/dt=").unwrap()[0].name.clone();
    environment.store.port.damage(&key, None);
    let outcome = run(&environment, &[]).unwrap();
    let found = &outcome.done[0];
    assert_eq!((found.task, found.result), (MaintenanceTask::AuditTrail, TaskResult::ProblemFound));
    assert!(found.detail.contains("not intact: beginning-missing"), "{}", found.detail);
    assert_eq!((seals(), outcome.tampered(), outcome.failures().count()), (1, Some(1), 0));
    // The other tasks ran, and this one is due again on the next day.
    assert_eq!(tasks(&outcome), DUE);
    environment.clock.advance(HOUR_SECONDS);
    assert_eq!(tasks(&run(&environment, &[]).unwrap()), []);
}

#[test]
fn tasks_that_do_not_fit_into_the_time_are_left_to_the_next_run() {
    let environment = deployment();
    environment.clock.set_remaining(100);
    let outcome = run(&environment, &[]).unwrap();
    assert_eq!((tasks(&outcome), &*outcome.left_out), (vec![], &DUE[..]));
    assert!(last_tasks(&environment.table).unwrap().is_empty());
    environment.clock.set_remaining(900);
    assert_eq!(tasks(&run(&environment, &[]).unwrap()), DUE);
}

#[test]
fn a_failing_task_fails_alone_and_says_why() {
    let environment = deployment();
    environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::AccessDenied,
        timing: FaultTiming::Before,
        matching: Box::new(|_, call| call.method == "create" && call.target.starts_with("audit/seals/")),
    });
    let outcome = run(&environment, &[]).unwrap();
    let failed: Vec<_> = outcome.failures().map(|record| record.task).collect();
    assert_eq!(failed, [MaintenanceTask::AuditTrail]);
    assert_eq!(tasks(&outcome), DUE);
    let stored = last_tasks(&environment.table.port).unwrap();
    assert!(stored[0].detail.contains("audit/seals/"), "{}", stored[0].detail);
    assert_eq!(stored[0].completed_at, None);
    // It is due again in the next hour.
    environment.injector.reset();
    environment.clock.advance(HOUR_SECONDS);
    assert_eq!(tasks(&run(&environment, &[]).unwrap()), [MaintenanceTask::AuditTrail]);
}

/// What maintenance leaves, without the names of merged packs, which repeat.
fn left(environment: &Deployment) -> (Vec<String>, Value) {
    let config = configured();
    let evidence = EvidenceStore::new(&environment.table.port, &environment.store.port);
    let report = report(&evidence, &config, (hour_after_start(0), hour_after_start(1)), 1).unwrap();
    let seals = environment.store.port.list("audit/seals/").unwrap();
    let last = last_tasks(&environment.table.port).unwrap();
    let succeeded = last.iter().map(|record| record.task.as_str().to_owned()).collect();
    let intact = verify_trail(&environment.store.port, None, &|_, _| ()).unwrap().problems.is_empty();
    let backups = [&environment.backups, &environment.second].map(|store| Deployment::complete(store) > 0);
    let drilled = environment.store.port.list("drill/").unwrap().len();
    (succeeded, serde_json::json!([report.id, seals.is_empty(), intact, backups, drilled > 100]))
}

#[test]
fn a_run_that_is_killed_at_any_call_is_completed_by_the_next() {
    let undisturbed = deployment();
    run(&undisturbed, &[]).unwrap();
    let calls = undisturbed.injector.reset().len();
    let expected = left(&undisturbed);
    assert!(calls >= 20, "{calls}");
    for at in 0..calls {
        for timing in [FaultTiming::Before, FaultTiming::After] {
            let environment = deployment();
            environment.injector.plan(FaultPlan::Kill { at, timing });
            let _ = run(&environment, &[]);
            environment.injector.reset();
            environment.clock.advance(HOUR_SECONDS);
            let outcome = run(&environment, &[]).unwrap();
            assert_eq!(outcome.failures().count(), 0, "killed at {at}: {outcome:?}");
            assert_eq!(left(&environment), expected, "killed at {at}");
        }
    }
}

#[test]
fn evidence_expires_hour_by_hour_and_a_report_on_it_says_so() {
    let environment = TestEnvironment::new(minutes_after_start(300));
    let evidence = EvidenceStore::new(&environment.table, &environment.store).expiring_after(Some(4));
    for hour in 0..3 {
        let span = (minutes_after_start(hour * 60), minutes_after_start(hour * 60 + 60));
        // A read of the watched principal.
        let records = [record(hour * 14, ACCOUNTS[0], REGIONS[0], span.0)];
        store_batch(&evidence, slice_batch(ACCOUNTS[0], REGIONS[0], span, &records)).unwrap();
    }
    let expires = |prefix: &str| -> Vec<Option<Time>> {
        let items = environment.table.port.items();
        items
            .iter()
            .filter(|item| item.partition_key.starts_with(prefix))
            .map(|item| item.expires_at)
            .collect()
    };
    let end = |hour: u32| Some(Time(hour_after_start(hour).end().0 + 4 * DAY_SECONDS));
    assert_eq!(expires("SHARD#"), [end(0), end(1), end(2)]);
    assert_eq!(expires("UNSHARDED#"), [end(0), end(1), end(2)]);
    assert_eq!(expires("ACCOUNT_REGIONS"), [None]);

    let (config, hours) = (configured(), (hour_after_start(0), hour_after_start(3)));
    let whole = report(&evidence, &config, hours, 1).unwrap();
    assert_eq!(whole.result.status().unwrap().as_str(), "COMPLIANT");
    // The lifecycle removes the first pack. Without a record of it the report fails, because a part is missing.
    let first = environment.store.port.list("evidence/").unwrap();
    let index = environment.table.port.items();
    let key = |hour: usize| {
        let items = index.iter().filter(|item| item.partition_key.starts_with("SHARD#"));
        items.map(|item| item.body["key"].as_str().unwrap().to_owned()).nth(hour).unwrap()
    };
    assert_eq!(first.len(), 3);
    environment.store.port.damage(&key(0), None);
    for cached in environment.store.port.list("cache/").unwrap() {
        environment.store.port.damage(&cached.name, None);
    }
    assert!(report(&evidence, &config, hours, 1).unwrap_err().to_string().contains("does not exist"));
    let removed = record_removal(&environment.table, 4, Time(end(0).unwrap().0 + 60)).unwrap();
    assert_eq!(removed, hour_after_start(0).end());
    let after = report(&evidence, &config, hours, 1).unwrap();
    assert_eq!(after.result.status().unwrap().as_str(), "INSUFFICIENT_EVIDENCE");
    assert_eq!(after.result.coverage.missing_hours(), 1);
    // The time never goes back, so that an hour that lost a part is not observed again.
    assert_eq!(record_removal(&environment.table, 400, Time(end(0).unwrap().0 + 120)).unwrap(), removed);
    assert_eq!(report(&evidence, &config, hours, 1).unwrap().result, after.result);
    // A window that begins later is complete.
    let later = report(&evidence, &config, (hour_after_start(1), hours.1), 1).unwrap();
    assert_eq!(later.result.coverage.missing_hours(), 0);
}

#[test]
fn merged_parts_expire_with_their_hour() {
    let environment = TestEnvironment::new(minutes_after_start(600));
    let evidence = EvidenceStore::new(&environment.table, &environment.store).expiring_after(Some(10));
    for n in 0..10 {
        let span = (minutes_after_start(n * 6), minutes_after_start(n * 6 + 6));
        let records = [record(n, ACCOUNTS[0], REGIONS[0], span.0)];
        store_batch(&evidence, slice_batch(ACCOUNTS[0], REGIONS[0], span, &records)).unwrap();
    }
    assert!(
        compact(&evidence, (START, minutes_after_start(60)), minutes_after_start(600)).unwrap().parts_merged
            > 0
    );
    let items = environment.table.port.items();
    let mut indexed = items.iter().filter(|item| item.partition_key.starts_with("SHARD#"));
    let end = Time(hour_after_start(0).end().0 + 10 * DAY_SECONDS);
    assert!(indexed.all(|item| item.expires_at == Some(end)));
}

#[test]
fn backups_are_made_daily_and_weekly_and_the_oldest_are_removed() {
    let environment = deployment();
    for day in 1..=9 {
        let outcome = run(&environment, &[]).unwrap();
        assert!(outcome.done.iter().all(|record| record.result == TaskResult::Succeeded), "{outcome:?}");
        assert_eq!(outcome.has_failed_restore(), Some(false));
        assert_eq!(Deployment::complete(&environment.backups), day.min(3), "day {day}");
        assert_eq!(Deployment::complete(&environment.second), if day <= 7 { 1 } else { 2 }, "day {day}");
        // A second run of the day makes no second backup.
        assert_eq!(tasks(&run(&environment, &[]).unwrap()), []);
        assert!(environment.store.port.list("drill/").unwrap().is_empty());
        environment.clock.advance(DAY_SECONDS);
    }
}

#[test]
fn the_drill_finds_a_backup_that_cannot_be_restored() {
    let environment = deployment();
    run(&environment, &[]).unwrap();
    let parts = environment.backups.port.list("backups/").unwrap();
    for part in parts.iter().filter(|object| object.name.ends_with(".gz")) {
        let environment = deployment();
        run(&environment, &[MaintenanceTask::Backup]).unwrap();
        let stored = environment.backups.port.list("backups/").unwrap();
        let same = |name: &str| name.rsplit('/').next() == part.name.rsplit('/').next();
        let damaged = stored.iter().find(|object| same(&object.name)).unwrap();
        let mut bytes = environment.backups.port.read(&damaged.name, None).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        environment.backups.port.damage(&damaged.name, Some(bytes));
        let outcome = run(&environment, &[MaintenanceTask::RestoreDrill]).unwrap();
        assert_eq!(outcome.done[0].result, TaskResult::ProblemFound, "{}", part.name);
        assert_eq!(outcome.has_failed_restore(), Some(true));
        assert!(outcome.done[0].detail.contains("cannot be restored"), "{}", outcome.done[0].detail);
        assert!(environment.store.port.list("drill/").unwrap().is_empty());
    }
    let empty = Deployment::of(TestEnvironment::new(minutes_after_start(600)));
    let outcome = run(&empty, &[MaintenanceTask::RestoreDrill]).unwrap();
    assert_eq!(outcome.done[0].detail, "no backup is complete");
}

#[test]
fn a_table_is_restored_from_a_backup_and_newer_items_stay() {
    let environment = deployment();
    run(&environment, &[]).unwrap();
    let before = environment.table.port.items();
    let listed = list(BackupRepository { store: &environment.backups.port, prefix: "backups/" }).unwrap();
    let name = listed.last().unwrap().name.clone();
    let other = TestEnvironment::new(minutes_after_start(600));
    let target = TableRestore { table: &other.table };
    let targets = RestoreTargets { target: &target, audit: &other.store, journal: &NoJournal };
    let repository = BackupRepository { store: &environment.backups.port, prefix: "backups/" };
    let quiet = |_, _| ();
    let record = RestoreRecord {
        name: name.clone(),
        destination: "backups/".to_owned(),
        began_at: minutes_after_start(601),
    };
    let plan = plan_restore(repository, &name, targets, &quiet).unwrap();
    restore(repository, &plan, targets, &record, &quiet).unwrap();
    // What the tasks recorded after the backup is not in it.
    let is_in_backup = |item: &&TableItem| item.partition_key != "MAINTENANCE";
    let bodies = |items: &[TableItem]| -> Vec<(String, String, Value)> {
        let items = items.iter().filter(is_in_backup);
        items.map(|item| (item.partition_key.clone(), item.sort_key.clone(), item.body.clone())).collect()
    };
    assert_eq!(bodies(&other.table.port.items()), bodies(&before));
    assert!(plan_restore(repository, &name, targets, &quiet).unwrap().is_done());
    // An item that changed since then is named, and stays unless the caller may replace it.
    let mut changed = other.table.port.query("ACCOUNT_REGIONS", "").unwrap().remove(0);
    changed.body = serde_json::json!({ "account": "999999999999", "region": "eu-west-1" });
    other.table.port.put(&changed, WriteCondition::Always).unwrap();
    let plan = plan_restore(repository, &name, targets, &quiet).unwrap();
    assert_eq!(plan.found.changes.len(), 1);
    assert!(
        plan.found.changes[0].detail.ends_with("0 older and 1 newer"),
        "{}",
        plan.found.changes[0].detail
    );
}

#[test]
fn the_audit_trail_is_copied_once_and_a_changed_copy_is_found() {
    let environment = deployment();
    let trail = |store: &FaultyPort<MemoryStore>, prefix: &str| -> Vec<String> {
        let objects = store.port.list(&format!("{prefix}audit/")).unwrap();
        objects.into_iter().map(|object| object.name.replacen(prefix, "", 1)).collect()
    };
    for day in 0..3 {
        run(&environment, &[]).unwrap();
        // The seal of the day is written before the copy.
        assert_eq!(trail(&environment.backups, "backups/"), trail(&environment.store, ""), "day {day}");
        assert_eq!(trail(&environment.second, "backups/"), trail(&environment.store, ""), "day {day}");
        environment.clock.advance(DAY_SECONDS);
        add_runs(&environment, 2);
    }
    environment.injector.reset();
    run(&environment, &[]).unwrap();
    let created = |calls: Vec<super::environment::PortCall>| {
        calls.into_iter().filter(|call| call.method == "create" && call.target.contains("audit/")).count()
    };
    // Two batches and a seal in each destination, and the seal itself.
    assert_eq!(created(environment.injector.reset()), 7);
    let key =
        format!("backups/{}", trail(&environment.store, "").iter().rfind(|key| key.contains("dt=")).unwrap());
    // A missing object is copied again, and the record says so. A changed one is found.
    environment.backups.port.damage(&key, None);
    let repaired = run(&environment, &[MaintenanceTask::RestoreDrill]).unwrap();
    assert_eq!(repaired.done[0].result, TaskResult::Succeeded);
    assert!(repaired.done[0].detail.ends_with("; objects copied again 1"), "{repaired:?}");
    environment.backups.port.damage(&key, Some(b"another".to_vec()));
    let outcome = run(&environment, &[MaintenanceTask::RestoreDrill]).unwrap();
    assert_eq!(outcome.done[0].result, TaskResult::ProblemFound);
    assert!(outcome.done[0].detail.contains("the copy of the audit trail is not intact"), "{outcome:?}");
}

#[test]
fn the_daily_verification_reads_the_last_days_and_finds_what_the_whole_one_finds() {
    let days = 12;
    let grown = || {
        let environment = deployment();
        for _ in 0..days {
            run(&environment, &[MaintenanceTask::AuditTrail]).unwrap();
            environment.clock.advance(DAY_SECONDS);
            add_runs(&environment, 3);
        }
        environment.injector.reset();
        environment
    };
    let environment = grown();
    let outcome = run(&environment, &[MaintenanceTask::AuditTrail]).unwrap();
    assert!(outcome.done[0].detail.contains(" since "), "{}", outcome.done[0].detail);
    let reads = environment.injector.reset();
    let reads = reads.iter().filter(|call| call.method == "read" && call.target.contains("dt=")).count();
    // Three batches a day, of the last week and the day of the seal before it.
    assert!((21..=27).contains(&reads), "{reads}");
    let whole = verify_trail(&environment.store, None, &|_, _| ()).unwrap();
    assert!(whole.problems.is_empty() && whole.chains.iter().all(|chain| chain.is_sealed), "{whole:?}");
    // Every change of the last days is found, and not sealed.
    let keys = environment.store.port.list("audit/dt=").unwrap();
    let recent: Vec<&str> = keys.iter().rev().take(6).map(|object| &*object.name).collect();
    for key in recent {
        for change in ["removed", "cut", "replaced"] {
            let environment = grown();
            let bytes = environment.store.port.read(key, None).unwrap();
            let other = environment.store.port.list("audit/dt=").unwrap()[0].name.clone();
            let bytes = match change {
                "removed" => None,
                "cut" => Some(bytes[..bytes.len() / 2].to_vec()),
                _ => Some(environment.store.port.read(&other, None).unwrap()),
            };
            let is_sealed = verify_trail(&environment.store.port, None, &|_, _| ())
                .unwrap()
                .chains
                .iter()
                .any(|chain| chain.is_sealed && key.contains(&chain.chain));
            environment.store.port.damage(key, bytes);
            let seals = environment.store.port.list("audit/seals/").unwrap().len();
            let outcome = run(&environment, &[MaintenanceTask::AuditTrail]).unwrap();
            let whole = verify_trail(&environment.store.port, None, &|_, _| ()).unwrap();
            let found = outcome.tampered().unwrap() > 0;
            assert_eq!(found, !whole.problems.is_empty(), "{key} {change}: {outcome:?}");
            assert!(found || !is_sealed, "{key} {change}");
            let more = usize::from(!found);
            assert_eq!(environment.store.port.list("audit/seals/").unwrap().len(), seals + more, "{key}");
        }
    }
}

#[test]
fn hours_after_the_time_of_a_restored_table_are_not_observed_until_the_record_is_removed() {
    let environment = TestEnvironment::new(minutes_after_start(60));
    let evidence = EvidenceStore::new(&environment.table, &environment.store);
    let hours = (hour_after_start(0), hour_after_start(6));
    for hour in 0..6 {
        let records = [record(hour * 14, ACCOUNTS[0], REGIONS[0], minutes_after_start(hour * 60 + 5))];
        let mut batch = EvidenceBatch::new(EvidenceSource::S3, format!("log-{hour}"));
        let object = StoredObject { name: format!("log-{hour}"), size: 0, version: String::new() };
        let read = ProcessedObject {
            object,
            sha256: String::new(),
            content: None,
            records: 1,
            unreadable: Vec::new(),
        };
        batch.add(segment(&records), hour_after_start(hour), read);
        store_batch(&evidence, batch).unwrap();
    }
    let mut config = configured();
    config.delivery.authoritative_from = Some(START);
    let missing =
        |config: &Config| report(&evidence, config, hours, 1).unwrap().result.coverage.missing_hours();
    let seen_as = |id: &str, restored_to: Option<Time>, minutes: u32| {
        let origin = TableOrigin { id: id.to_owned(), restored_to };
        record_identity(&environment.table, &origin, minutes_after_start(minutes)).unwrap().is_some()
    };
    let seen = |id: &str, minutes: u32| seen_as(id, None, minutes);
    assert!(!seen("original", 60) && !seen("original", 130));
    assert_eq!(missing(&config), 0);
    // The copy is of 02:10, the function sees it at 05:20.
    assert!(seen("copy", 320) && !seen("copy", 330));
    // Log files that were delivered from 02:10 on have events of 01:00 and later.
    assert_eq!(missing(&config), 5);
    let record = environment.table.port.query("RETENTION", "RESTORED#").unwrap().remove(0);
    environment.table.port.delete("RETENTION", &record.sort_key).unwrap();
    config.delivery.authoritative_from = Some(START);
    assert_eq!(missing(&config), 0);
    // A copy from before the first report remembers no identity, and DynamoDB says when it is from.
    environment.table.port.delete("RETENTION", "TABLE").unwrap();
    assert!(!seen("new", 340), "a table that is no copy");
    environment.table.port.delete("RETENTION", "TABLE").unwrap();
    assert!(seen_as("copy", Some(minutes_after_start(190)), 320) && !seen("copy", 330));
    assert_eq!(missing(&config), 5);
}

#[test]
fn batches_end_with_the_retention_of_a_deployment_that_sets_one() {
    let environment = deployment();
    let mut config = configured();
    config.audit.retention_days = 2;
    let batches = || environment.store.port.list("audit/dt=").unwrap().len();
    for _ in 0..5 {
        environment.clock.advance(DAY_SECONDS);
        add_runs(&environment, 2);
    }
    assert_eq!(batches(), 12);
    // A deployment without a retention records that it removes nothing.
    let kept = run(&environment, &[MaintenanceTask::AuditRetention]).unwrap();
    assert_eq!(kept.done[0].detail, "the audit trail is kept without an end");
    assert_eq!(batches(), 12);
    config.audit.legal_hold = vec!["*".to_owned()];
    let held = run_with_retention(&environment, &config);
    assert!(held.done[0].detail.contains("0 now; chains under legal hold 3"), "{held:?}");
    config.audit.legal_hold.clear();
    environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::AccessDenied,
        timing: FaultTiming::Before,
        matching: Box::new(|_, call| call.method == "remove"),
    });
    let refused = run_with_retention(&environment, &config);
    assert!(refused.done[0].detail.contains("3 chains kept because the store refused"), "{refused:?}");
    environment.injector.reset();
    let done = run_with_retention(&environment, &config);
    assert_eq!((done.done[0].result, batches()), (TaskResult::Succeeded, 6), "{done:?}");
    assert!(verify_trail(&environment.store, None, &|_, _| ()).unwrap().problems.is_empty());
}

#[test]
fn a_run_that_does_not_look_again_clears_no_alarm() {
    let environment = deployment();
    run(&environment, &[]).unwrap();
    let key = environment.store.port.list("audit/dt=").unwrap()[0].name.clone();
    let bytes = environment.store.port.read(&key, None).unwrap();
    environment.store.port.damage(&key, None);
    environment.clock.advance(DAY_SECONDS);
    assert_eq!(run(&environment, &[]).unwrap().tampered(), Some(1));
    environment.clock.advance(HOUR_SECONDS);
    let quiet = run(&environment, &[]).unwrap();
    assert_eq!((tasks(&quiet), quiet.tampered()), (vec![], Some(1)), "nothing was due");
    // A verification that fails has cleared nothing either.
    environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::Throttled,
        timing: FaultTiming::Before,
        matching: Box::new(|_, call| call.method == "list" && call.target.starts_with("audit/")),
    });
    let failed = run(&environment, &[MaintenanceTask::AuditTrail]).unwrap();
    assert_eq!((failed.failures().count(), failed.tampered()), (1, Some(1)));
    environment.injector.reset();
    environment.store.port.damage(&key, Some(bytes));
    assert_eq!(run(&environment, &[MaintenanceTask::AuditTrail]).unwrap().tampered(), Some(0));
}

#[test]
fn a_seal_that_was_removed_between_others_is_found_daily() {
    let environment = deployment();
    for _ in 0..10 {
        run(&environment, &[MaintenanceTask::AuditTrail]).unwrap();
        environment.clock.advance(DAY_SECONDS);
        add_runs(&environment, 1);
    }
    environment.store.port.damage("audit/seals/0000000007.json", None);
    let outcome = run(&environment, &[MaintenanceTask::AuditTrail]).unwrap();
    assert!(outcome.done[0].detail.contains("seal-missing"), "{outcome:?}");
}
