//! The function as Lambda runs it: settings, a pull, what is told when something is missing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use onlooker_core::{ports::Clock as _, time::Time};
use serde_json::{Value, json};
use test_support::cloud::{ACCOUNT, Answer, Cloud, Fault, REGION, lambda::Function, trail::call};

const FUNCTION: &str = env!("CARGO_BIN_EXE_sweep");

fn now() -> Time {
    onlooker_aws::SystemClock::unbounded().now()
}

/// With one region, and a first pull of one hour.
const SMALL: [(&str, &str); 2] =
    [("ONLOOKER_COVERAGE_REGIONS", "us-east-1"), ("ONLOOKER_LOOKUP_LOOKBACK_HOURS", "1")];

#[test]
fn an_invalid_configuration_fails_the_first_invocation_like_the_command_line() {
    let cloud = Cloud::start();
    let variables = [("ONLOOKER_WATCH", "auditor"), ("ONLOOKER_WACH", "x"), ("ONLOOKER_STANDARD", "PCI")];
    let function = Function::start(FUNCTION, &cloud, &variables);
    let given = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let told = onlooker_core::config::Config::read(None, given).expect_err("three problems").to_string();
    for _ in 0..2 {
        assert_eq!(function.invoke(json!({})), Err(("InvalidConfiguration".to_owned(), told.clone())));
    }
    assert!(told.contains("ONLOOKER_WACH") && told.contains("did you mean `ONLOOKER_WATCH`?"), "{told}");
    assert_eq!(cloud.state().requests, [], "nothing was asked of AWS");
    let function = Function::start(FUNCTION, &cloud, &[("ONLOOKER_LOG", "loud")]);
    let (kind, message) = function.invoke(json!({})).unwrap_err();
    assert_eq!((&*kind, message.lines().next()), ("InvalidConfiguration", Some("`loud` is not a log level")));
    let function = Function::start(FUNCTION, &cloud, &[("ONLOOKER_TABLE", "")]);
    let (kind, message) = function.invoke(json!({})).unwrap_err();
    assert_eq!(kind, "InvalidConfiguration");
    assert!(message.starts_with("the variable `ONLOOKER_TABLE` is not set\n  help: "), "{message}");
}

#[test]
fn a_configuration_file_in_s3_is_read_again_when_it_changes() {
    let cloud = Cloud::start();
    let variables = [&SMALL[..], &[("ONLOOKER_CONFIG", "s3://settings/prod/onlooker.toml")]].concat();
    let function = Function::start(FUNCTION, &cloud, &variables);
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
    let cloud = Cloud::start();
    let now = now();
    for n in 0..120 {
        let time = Time(now.0 - 1_200 - n);
        cloud.state().happened(ACCOUNT, "us-east-1", time.0, call(n, time, "us-east-1", "ListBuckets"));
    }
    let function = Function::start(FUNCTION, &cloud, &SMALL);
    let answer = function.invoke(json!({ "anything": 1 })).unwrap();
    let lane = &answer["lanes"][0];
    assert_eq!(
        (&lane["region"], &lane["events"], &lane["error"]),
        (&json!("us-east-1"), &json!(120), &Value::Null)
    );
    let state = cloud.state();
    assert!(state.buckets["b"].objects.keys().any(|key| key.starts_with("evidence/")), "evidence is kept");
    let run = &state.tables["t"][&("RUN#pull".to_owned(), "LATEST".to_owned())]["body"]["M"];
    assert_eq!(run["caller"]["M"]["account"]["S"], ACCOUNT);
    assert_eq!(run["request_id"]["S"], "11111111-2222-3333-4444-555555555555");
    assert!(run["succeeded_at"]["S"].is_string());
    drop(state);
    let metrics = function.metrics();
    assert_eq!(metrics.len(), 1);
    assert_eq!((&metrics[0]["records"], &metrics[0]["failed"]), (&json!(120), &json!(0)));
    assert_eq!((&metrics[0]["Deployment"], &metrics[0]["Function"]), (&json!("test"), &json!("sweep")));
}

#[test]
fn a_missing_permission_fails_the_run_and_is_named_in_the_error_and_the_record() {
    let cloud = Cloud::start();
    let said = "User: x is not authorized to perform: cloudtrail:LookupEvents";
    cloud.plan(move |request| {
        let denied = request.operation() == "LookupEvents";
        denied.then(|| Fault::Answer(Answer::error(400, "AccessDeniedException", said)))
    });
    let function = Function::start(FUNCTION, &cloud, &SMALL);
    let (kind, message) = function.invoke(json!({})).unwrap_err();
    assert_eq!(kind, "AccountRegionFailed");
    assert!(message.contains(said) && message.contains("us-east-1"), "{message}");
    let state = cloud.state();
    let run = &state.tables["t"][&("RUN#pull".to_owned(), "LATEST".to_owned())]["body"]["M"];
    assert!(run["error"]["S"].as_str().unwrap().contains("cloudtrail:LookupEvents"));
    drop(state);
    assert_eq!(function.metrics()[0]["failed"], 1);
    // The table itself.
    let said = "User: x is not authorized to perform: dynamodb:Query";
    cloud.plan(move |request| {
        let denied = request.operation() == "Query";
        denied.then(|| Fault::Answer(Answer::error(400, "AccessDeniedException", said)))
    });
    let (_, message) = function.invoke(json!({})).unwrap_err();
    assert!(message.contains("dynamodb:Query"), "{message}");
}

#[test]
fn one_account_region_can_be_requested() {
    let cloud = Cloud::start();
    let function = Function::start(FUNCTION, &cloud, &SMALL);
    let answer = function.invoke(json!({ "account": ACCOUNT, "region": REGION })).unwrap();
    assert_eq!(answer["lanes"][0]["region"], REGION);
    let (kind, _) = function.invoke(json!({ "account": "12", "region": REGION })).unwrap_err();
    assert_eq!(kind, "InvalidRequest");
}

#[test]
fn the_log_records_runs_and_no_secrets() {
    let cloud = Cloud::start();
    let function = Function::start(FUNCTION, &cloud, &[&SMALL[..], &[("ONLOOKER_LOG", "trace")]].concat());
    function.invoke(json!({ "account": ACCOUNT, "region": REGION })).unwrap();
    let log = function.log();
    let done: Value = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("every line is JSON"))
        .find(|line| line["message"] == "done")
        .expect("a line that tells of the run");
    assert_eq!(done["span"]["request"], "11111111-2222-3333-4444-555555555555");
    assert_eq!(done["span"]["caller"], format!("arn:aws:sts::{ACCOUNT}:assumed-role/onlooker/test"));
    for secret in ["secret-of-the-test", "Signature=", "AWS4-HMAC"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}
