//! Maintenance: tasks that are due once a day, what they find, and runs that are killed.

use onlooker_core::{
    config::Config,
    jobs::{
        audit::{AuditTrail, verify_trail},
        evidence::{EvidenceStore, compact, record_removal, store_batch},
        maintain::{Maintenance, MaintenanceOutcome, last_tasks, maintain},
    },
    ports::{ObjectStore, PortError, PortErrorKind},
    report::{MaintenanceTask, TaskResult},
    time::{HOUR_SECONDS, Time},
};
use serde_json::Value;

use super::{
    environment::{FaultPlan, FaultTiming, TestEnvironment},
    fixtures::{
        ACCOUNTS, REGIONS, START, hour_after_start, minutes_after_start, promise_config, record, report,
        slice_batch,
    },
};

const DAY_SECONDS: u32 = 24 * HOUR_SECONDS;

/// The tasks of a deployment without a trail.
const DUE: [MaintenanceTask; 2] = [MaintenanceTask::AuditTrail, MaintenanceTask::Evidence];

/// A deployment that stored ten small slices of one hour, and the entries of two runs.
fn deployment() -> TestEnvironment {
    let environment = TestEnvironment::new(minutes_after_start(600));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    for n in 0..10 {
        let span = (minutes_after_start(n * 6), minutes_after_start(n * 6 + 6));
        let records = [record(n, ACCOUNTS[0], REGIONS[0], minutes_after_start(n * 6 + 1))];
        store_batch(&evidence_store, slice_batch(ACCOUNTS[0], REGIONS[0], span, &records)).unwrap();
    }
    add_runs(&environment, 2);
    environment.injector.reset();
    environment
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

fn configured() -> Config {
    let mut config = promise_config(None);
    config.retention.evidence_days = Some(400);
    config
}

fn run(
    environment: &TestEnvironment,
    named: &[MaintenanceTask],
) -> Result<MaintenanceOutcome, PortError> {
    let evidence = EvidenceStore::new(&environment.table, &environment.store);
    let config = configured();
    let maintenance = Maintenance {
        table: &environment.table,
        store: &environment.store,
        remover: None,
        evidence: &evidence,
        trail: None,
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
    let sealed = verify_trail(&environment.store, &|_, _| ()).unwrap();
    assert!(sealed.chains.iter().all(|chain| chain.is_sealed) && sealed.unprotected_entries == 0);
    environment.clock.advance(DAY_SECONDS);
    let key = environment.store.port.list("audit/dt=").unwrap()[0].name.clone();
    environment.store.port.damage(&key, None);
    let outcome = run(&environment, &[]).unwrap();
    let found = &outcome.done[0];
    assert_eq!((found.task, found.result), (MaintenanceTask::AuditTrail, TaskResult::ProblemFound));
    assert!(found.detail.contains("not intact: beginning-missing"), "{}", found.detail);
    assert_eq!((seals(), outcome.found.tampered, outcome.failures().count()), (1, Some(1), 0));
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
fn left(environment: &TestEnvironment) -> (Vec<String>, Value) {
    let config = configured();
    let evidence = EvidenceStore::new(&environment.table.port, &environment.store.port);
    let report = report(&evidence, &config, (hour_after_start(0), hour_after_start(1)), 1).unwrap();
    let seals = environment.store.port.list("audit/seals/").unwrap();
    let last = last_tasks(&environment.table.port).unwrap();
    let succeeded = last.iter().map(|record| record.task.as_str().to_owned()).collect();
    let intact = verify_trail(&environment.store.port, &|_, _| ()).unwrap().problems.is_empty();
    (succeeded, serde_json::json!([report.id, seals.is_empty(), intact]))
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
    assert!(compact(&evidence, (START, minutes_after_start(60)), minutes_after_start(600)).unwrap().parts_merged > 0);
    let items = environment.table.port.items();
    let mut indexed = items.iter().filter(|item| item.partition_key.starts_with("SHARD#"));
    let end = Time(hour_after_start(0).end().0 + 10 * DAY_SECONDS);
    assert!(indexed.all(|item| item.expires_at == Some(end)));
}
