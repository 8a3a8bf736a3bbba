//! The function as Lambda runs it: its tasks, what it removes, and a task that fails.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test may fail"
)]

use serde_json::{Value, json};
use test_support::fake_aws::{FakeAws, event_history::WATCH_AUDITOR, lambda::RunningFunction};

const FUNCTION: &str = env!("CARGO_BIN_EXE_maintain");
const BACKUPS: (&str, &str) = ("ONLOOKER_BACKUPS", "s3://b/backups/");

fn results(response: &Value) -> Vec<(&str, &str)> {
    let records = response["tasks"].as_array().unwrap().iter();
    records.map(|record| (record["task"].as_str().unwrap(), record["result"].as_str().unwrap())).collect()
}

#[test]
fn the_tasks_of_a_day_are_done_once_and_the_drill_leaves_nothing() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR, BACKUPS]);
    let first = function.invoke(json!({})).unwrap();
    let done = ["audit_trail", "audit_retention", "evidence", "backup", "restore_drill"]
        .map(|task| (task, "succeeded"));
    assert_eq!(results(&first), done, "{first}");
    let keys = cloud.stored_keys();
    assert!(
        keys.iter().any(|key| key.starts_with("backups/") && key.ends_with("/manifest.json")),
        "{keys:?}"
    );
    assert!(keys.iter().any(|key| key == "audit/seals/0000000000.json"), "{keys:?}");
    assert!(keys.iter().all(|key| !key.starts_with("drill/")), "{keys:?}");
    let second = function.invoke(json!({})).unwrap();
    // A day may end between the two runs.
    let day = |response: &Value| response["tasks"][0]["ended_at"].as_str().map(|time| time[..10].to_owned());
    assert!(results(&second).is_empty() || day(&second) != day(&first), "{second}");
    let [metrics, again] = &function.metrics(2)[..] else { panic!() };
    assert_eq!(
        (&metrics["tasks"], &metrics["tampered"], &metrics["restore_failed"]),
        (&json!(5), &json!(0), &json!(0))
    );
    // A run in which no task is due says what is known.
    assert_eq!((&again["tampered"], &again["restore_failed"]), (&json!(0), &json!(0)));
}

#[test]
fn a_task_that_fails_fails_the_run_after_the_others() {
    let cloud = FakeAws::start();
    let denial = cloud.deny_key("s3:PutObject", "backups/");
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR, BACKUPS]);
    let message = function.invoke_failing(json!({}), "MaintenanceFailed");
    assert!(
        message.starts_with("the task backup failed: cannot write (s3:PutObject) `s3://b/backups/"),
        "{message}"
    );
    assert!(message.contains(&denial), "{message}");
    cloud.end_faults();
    // What is left is done by the next run.
    let left = function.invoke(json!({})).unwrap();
    assert!(results(&left).contains(&("backup", "succeeded")), "{left}");
    assert!(results(&left).contains(&("restore_drill", "succeeded")), "{left}");
}

#[test]
fn a_retention_shorter_than_object_lock_is_refused_with_both_numbers() {
    let cloud = FakeAws::start();
    let retention = ("ONLOOKER_AUDIT_RETENTION_DAYS", "30");
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR, retention]);
    let task = json!({ "tasks": ["audit_retention"] });
    assert_eq!(results(&function.invoke(task.clone()).unwrap()), [("audit_retention", "succeeded")]);
    for (period, days) in [("<Days>31</Days>", 31), ("<Years>2</Years>", 730)] {
        cloud.state().bucket("b").object_lock = period.to_owned();
        let message = function.invoke_failing(task.clone(), "MaintenanceFailed");
        let reason = format!(
            "the task audit_retention failed: Object Lock of the bucket keeps each object for {days} days"
        );
        assert!(message.starts_with(&reason) && message.contains("AuditDays"), "{message}");
    }
    cloud.state().bucket("b").object_lock = "<Days>30</Days>".to_owned();
    assert_eq!(results(&function.invoke(task.clone()).unwrap()), [("audit_retention", "succeeded")]);
    let denial = cloud.deny("s3:GetObjectLockConfiguration");
    let message = function.invoke_failing(task, "MaintenanceFailed");
    assert!(message.contains(&denial), "{message}");
}

#[test]
fn a_deployment_without_destination_makes_no_backup_and_tasks_are_named() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let message = function.invoke_failing(json!({ "tasks": ["everything"] }), "InvalidRequest");
    assert!(
        message.contains(
            "`audit_trail`, `audit_retention`, `log_integrity`, `evidence`, `backup`, `restore_drill`"
        ),
        "{message}"
    );
    let named = function.invoke(json!({ "tasks": ["backup", "audit_trail"] })).unwrap();
    assert_eq!(results(&named), [("audit_trail", "succeeded")]);
}
