//! The function as Lambda runs it: settings, a pull, and missing permissions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use std::time::{Duration, Instant};

use onlooker_core::{ports::Clock as _, time::Time};
use serde_json::{Value, json};
use test_support::fake_aws::{
    ACCOUNT, FakeAws, HttpFault, HttpResponse, REGION, event_history::call_record, lambda::RunningFunction,
};

const FUNCTION: &str = env!("CARGO_BIN_EXE_pull");

fn now() -> Time {
    onlooker_aws::SystemClock::unbounded().now()
}

/// One Region, and a first pull of one hour.
const ONE_REGION_ONE_HOUR: [(&str, &str); 2] =
    [("ONLOOKER_COVERAGE_REGIONS", "us-east-1"), ("ONLOOKER_LOOKUP_LOOKBACK_HOURS", "1")];

#[test]
fn an_invalid_configuration_fails_the_first_invocation_like_the_command_line() {
    let cloud = FakeAws::start();
    let variables = [("ONLOOKER_WATCH", "auditor"), ("ONLOOKER_WACH", "x"), ("ONLOOKER_STANDARD", "PCI")];
    let function = RunningFunction::start(FUNCTION, &cloud, &variables);
    let given = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let message = onlooker_core::config::Config::read(None, given).expect_err("three problems").to_string();
    for _ in 0..2 {
        assert_eq!(function.invoke(json!({})), Err(("InvalidConfiguration".to_owned(), message.clone())));
    }
    assert!(
        message.contains("ONLOOKER_WACH") && message.contains("did you mean `ONLOOKER_WATCH`?"),
        "{message}"
    );
    assert_eq!(cloud.state().requests, [], "no request to AWS");
    let function = RunningFunction::start(FUNCTION, &cloud, &[("ONLOOKER_LOG", "loud")]);
    let (kind, message) = function.invoke(json!({})).unwrap_err();
    assert_eq!((&*kind, message.lines().next()), ("InvalidConfiguration", Some("`loud` is not a log level")));
    let function = RunningFunction::start(FUNCTION, &cloud, &[("ONLOOKER_TABLE", "")]);
    let (kind, message) = function.invoke(json!({})).unwrap_err();
    assert_eq!(kind, "InvalidConfiguration");
    assert!(message.starts_with("the variable `ONLOOKER_TABLE` is not set\n  help: "), "{message}");
}

#[test]
fn a_configuration_file_in_s3_is_read_again_when_it_changes() {
    let cloud = FakeAws::start();
    let variables =
        [&ONE_REGION_ONE_HOUR[..], &[("ONLOOKER_CONFIG", "s3://settings/prod/onlooker.toml")]].concat();
    let function = RunningFunction::start(FUNCTION, &cloud, &variables);
    let (kind, message) = function.invoke(json!({})).unwrap_err();
    assert_eq!(kind, "NotFound");
    assert!(
        message.starts_with("cannot read (s3:GetObject) `s3://settings/prod/onlooker.toml`: NoSuchBucket"),
        "{message}"
    );
    cloud.state().bucket("settings").put("prod/onlooker.toml", "wach = []\n");
    let (kind, message) = function.invoke(json!({})).unwrap_err();
    assert_eq!(kind, "InvalidConfiguration");
    assert!(message.starts_with("s3://settings/prod/onlooker.toml:1:1: "), "{message}");
    cloud.state().bucket("settings").put("prod/onlooker.toml", "standard = \"SOC2\"\n");
    function.invoke(json!({})).unwrap();
}

#[test]
fn a_pull_stores_evidence_and_records_the_run() {
    let cloud = FakeAws::start();
    let now = now();
    for n in 0..120 {
        let time = Time(now.0 - 1_200 - n);
        cloud.state().add_event(
            ACCOUNT,
            "us-east-1",
            time.0,
            call_record(n, time, "us-east-1", "ListBuckets"),
        );
    }
    let function = RunningFunction::start(FUNCTION, &cloud, &ONE_REGION_ONE_HOUR);
    let response = function.invoke(json!({ "anything": 1 })).unwrap();
    let pulled = &response["account_regions"][0];
    assert_eq!(
        (&pulled["region"], &pulled["events"], &pulled["error"]),
        (&json!("us-east-1"), &json!(120), &Value::Null)
    );
    let state = cloud.state();
    assert!(
        state.buckets["b"].objects.keys().any(|key| key.starts_with("evidence/")),
        "the evidence is stored"
    );
    let run = &state.tables["t"][&("RUN#pull".to_owned(), "LATEST".to_owned())]["body"]["M"];
    assert_eq!(run["caller"]["M"]["account"]["S"], ACCOUNT);
    assert_eq!(run["request_id"]["S"], "11111111-2222-3333-4444-555555555555");
    assert!(run["succeeded_at"]["S"].is_string());
    drop(state);
    let metrics = function.metrics();
    assert_eq!(metrics.len(), 1);
    assert_eq!((&metrics[0]["records"], &metrics[0]["failed"]), (&json!(120), &json!(0)));
    assert_eq!((&metrics[0]["Deployment"], &metrics[0]["Function"]), (&json!("test"), &json!("pull")));
}

#[test]
fn a_missing_permission_fails_the_run_and_is_named_in_the_error_and_the_record() {
    let cloud = FakeAws::start();
    let denial = "User: x is not authorized to perform: cloudtrail:LookupEvents";
    cloud.inject_faults(move |request| {
        let denied = request.operation() == "LookupEvents";
        denied.then(|| HttpFault::Respond(HttpResponse::error(400, "AccessDeniedException", denial)))
    });
    let function = RunningFunction::start(FUNCTION, &cloud, &ONE_REGION_ONE_HOUR);
    let (kind, message) = function.invoke(json!({})).unwrap_err();
    assert_eq!(kind, "AccountRegionFailed");
    assert!(message.contains(denial) && message.contains("us-east-1"), "{message}");
    let state = cloud.state();
    let run = &state.tables["t"][&("RUN#pull".to_owned(), "LATEST".to_owned())]["body"]["M"];
    assert!(run["error"]["S"].as_str().unwrap().contains("cloudtrail:LookupEvents"));
    drop(state);
    assert_eq!(function.metrics()[0]["failed"], 1);
    // Now the table denies access.
    let denial = "User: x is not authorized to perform: dynamodb:Query";
    cloud.inject_faults(move |request| {
        let denied = request.operation() == "Query";
        denied.then(|| HttpFault::Respond(HttpResponse::error(400, "AccessDeniedException", denial)))
    });
    let (_, message) = function.invoke(json!({})).unwrap_err();
    assert!(message.contains("dynamodb:Query"), "{message}");
}

#[test]
fn one_account_region_can_be_requested() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &ONE_REGION_ONE_HOUR);
    let response = function.invoke(json!({ "account": ACCOUNT, "region": REGION })).unwrap();
    assert_eq!(response["account_regions"][0]["region"], REGION);
    let (kind, _) = function.invoke(json!({ "account": "12", "region": REGION })).unwrap_err();
    assert_eq!(kind, "InvalidRequest");
}

/// The first complete line of a log with this message.
fn log_line(log: &str, message: &str) -> Option<Value> {
    let complete = log.rsplit_once('\n').map_or("", |(complete, _)| complete);
    let mut lines =
        complete.lines().map(|line| serde_json::from_str::<Value>(line).expect("every line is JSON"));
    lines.find(|line| line["message"] == message)
}

#[test]
fn the_log_records_runs_and_no_secrets() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(
        FUNCTION,
        &cloud,
        &[&ONE_REGION_ONE_HOUR[..], &[("ONLOOKER_LOG", "trace")]].concat(),
    );
    function.invoke(json!({ "account": ACCOUNT, "region": REGION })).unwrap();
    // The log arrives through a pipe, so it may be a moment behind the response.
    let ended_by = Instant::now() + Duration::from_secs(60);
    let (log, done) = loop {
        let log = function.log();
        if let Some(done) = log_line(&log, "done") {
            break (log, done);
        }
        assert!(Instant::now() < ended_by, "the log has no line about the run: {log}");
    };
    assert_eq!(done["span"]["request"], "11111111-2222-3333-4444-555555555555");
    assert_eq!(done["span"]["caller"], format!("arn:aws:sts::{ACCOUNT}:assumed-role/onlooker/test"));
    for secret in ["secret-of-the-test", "Signature=", "AWS4-HMAC"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}
