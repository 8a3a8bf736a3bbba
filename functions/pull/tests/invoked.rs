//! The function as Lambda runs it: settings, a pull, and missing permissions.

use onlooker_core::{config::Config, time::Time};
use serde_json::{Value, json};
use test_support::fake_aws::{
    ACCOUNT, FakeAws, REGION,
    event_history::{call_record, machine_time},
    lambda::{REQUEST_ID, RunningFunction},
};

const FUNCTION: &str = env!("CARGO_BIN_EXE_pull");

/// One Region, and a first pull of one hour.
const ONE_REGION_ONE_HOUR: [(&str, &str); 2] =
    [("ONLOOKER_COVERAGE_REGIONS", "us-east-1"), ("ONLOOKER_LOOKUP_LOOKBACK_HOURS", "1")];

#[test]
fn an_invalid_configuration_fails_the_first_invocation_like_the_command_line() {
    let cloud = FakeAws::start();
    let variables = [("ONLOOKER_WATCH", "auditor"), ("ONLOOKER_WACH", "x"), ("ONLOOKER_STANDARD", "PCI")];
    let function = RunningFunction::start(FUNCTION, &cloud, &variables);
    let given = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let message = Config::read(None, given).expect_err("three problems").to_string();
    for _ in 0..2 {
        assert_eq!(function.invoke(json!({})), Err(("InvalidConfiguration".to_owned(), message.clone())));
    }
    assert!(
        message.contains("ONLOOKER_WACH") && message.contains("did you mean `ONLOOKER_WATCH`?"),
        "{message}"
    );
    // The run is recorded, and the metrics say that it failed.
    assert_eq!(
        function.metrics(2).iter().map(|line| line["failed"].as_u64()).collect::<Vec<_>>(),
        [Some(1), Some(1)]
    );
    let runs = cloud.table().into_iter().filter(|((partition, _), _)| partition == "RUN#pull").count();
    assert_eq!(runs, 3, "two runs, and the latest one");
    let function = RunningFunction::start(FUNCTION, &cloud, &[("ONLOOKER_LOG", "loud")]);
    let message = function.invoke_failing(json!({}), "InvalidConfiguration");
    assert_eq!(message.lines().next(), Some("`loud` is not a log level"));
    let function = RunningFunction::start(FUNCTION, &cloud, &[("ONLOOKER_TABLE", "")]);
    let message = function.invoke_failing(json!({}), "InvalidConfiguration");
    assert!(message.starts_with("the variable `ONLOOKER_TABLE` is not set\n  help: "), "{message}");
}

#[test]
fn a_configuration_file_in_s3_is_read_again_when_it_changes() {
    let cloud = FakeAws::start();
    let variables =
        [&ONE_REGION_ONE_HOUR[..], &[("ONLOOKER_CONFIG", "s3://settings/prod/onlooker.toml")]].concat();
    let function = RunningFunction::start(FUNCTION, &cloud, &variables);
    let message = function.invoke_failing(json!({}), "NotFound");
    assert!(
        message.starts_with("cannot read (s3:GetObject) `s3://settings/prod/onlooker.toml`: NoSuchBucket"),
        "{message}"
    );
    cloud.state().bucket("settings").put("prod/onlooker.toml", "wach = []\n");
    let message = function.invoke_failing(json!({}), "InvalidConfiguration");
    assert!(message.starts_with("s3://settings/prod/onlooker.toml:1:1: "), "{message}");
    cloud.state().bucket("settings").put("prod/onlooker.toml", "standard = \"SOC2\"\n");
    function.invoke(json!({})).unwrap();
    assert_eq!(function.metrics(3)[2]["configuration_unusable"].as_u64(), Some(0));
}

#[test]
fn a_refused_file_beside_the_configuration_names_the_parameter_that_permits_it() {
    let cloud = FakeAws::start();
    let variables =
        [&ONE_REGION_ONE_HOUR[..], &[("ONLOOKER_CONFIG", "s3://settings/prod/onlooker.toml")]].concat();
    let denial = cloud.deny_key("s3:GetObject", "prod/beside.");
    let function = RunningFunction::start(FUNCTION, &cloud, &variables);
    let cases = [
        ("standard_file", "beside.toml", "standard = \"CUSTOM\"\nstandard_file = \"beside.toml\"\n"),
        ("catalog", "beside.bin", "catalog = \"beside.bin\"\n"),
    ];
    for (run, (key, file, config)) in cases.into_iter().enumerate() {
        cloud.state().bucket("settings").put("prod/onlooker.toml", config);
        let message = function.invoke_failing(json!({}), "InvalidConfiguration");
        let refused = format!("cannot read `s3://settings/prod/{file}`, which `{key}` names: ");
        assert!(message.starts_with(&refused) && message.contains(&denial), "{message}");
        let remedy =
            "\n  help: set the parameter `ConfigurationFolder` of the stack to `s3://settings/prod/`";
        assert!(message.ends_with(remedy), "{message}");
        let metrics = &function.metrics(run + 1)[run];
        assert_eq!((&metrics["configuration_unusable"], &metrics["failed"]), (&json!(1), &json!(1)), "{key}");
        let record = cloud.latest_run("pull");
        assert!(record["error"]["S"].as_str().unwrap().starts_with(&refused), "{record}");
        assert_eq!(record["metrics"]["M"]["configuration_unusable"]["N"], "1", "{key}");
    }
}

#[test]
fn a_pull_stores_evidence_and_records_the_run() {
    let cloud = FakeAws::start();
    // The pull covers the last whole hour and what follows it, less the lag of 15 minutes.
    let newest = machine_time().0 - 1_200;
    for n in 0..120 {
        let time = Time(newest - n);
        let record = call_record(n, time, "us-east-1", "ListBuckets");
        cloud.state().add_event(ACCOUNT, "us-east-1", time.0, record);
    }
    let function = RunningFunction::start(FUNCTION, &cloud, &ONE_REGION_ONE_HOUR);
    let response = function.invoke(json!({ "anything": 1 })).unwrap();
    let pulled = &response["account_regions"][0];
    assert_eq!(
        (&pulled["region"], &pulled["events"], &pulled["error"]),
        (&json!("us-east-1"), &json!(120), &Value::Null)
    );
    assert!(cloud.stored_keys().iter().any(|key| key.starts_with("evidence/")), "the evidence is stored");
    let run = cloud.latest_run("pull");
    assert_eq!(run["caller"]["M"]["account"]["S"], ACCOUNT);
    assert_eq!(run["request_id"]["S"], REQUEST_ID);
    assert!(run["succeeded_at"]["S"].is_string());
    let metrics = function.metrics(1);
    assert_eq!((&metrics[0]["records"], &metrics[0]["failed"]), (&json!(120), &json!(0)));
    assert_eq!((&metrics[0]["Deployment"], &metrics[0]["Function"]), (&json!("test"), &json!("pull")));
}

#[test]
fn a_missing_permission_fails_the_run_and_is_named_in_the_error_and_the_record() {
    let cloud = FakeAws::start();
    let denial = cloud.deny("cloudtrail:LookupEvents");
    let function = RunningFunction::start(FUNCTION, &cloud, &ONE_REGION_ONE_HOUR);
    let message = function.invoke_failing(json!({}), "AccountRegionFailed");
    assert!(message.contains(&denial) && message.contains("us-east-1"), "{message}");
    let run = cloud.latest_run("pull");
    assert!(run["error"]["S"].as_str().unwrap().contains("cloudtrail:LookupEvents"));
    assert_eq!(function.metrics(1)[0]["failed"], 1);
    let failed = function.log_line("failed");
    assert_eq!(
        (&failed["exception_name"], &failed["level"]),
        (&json!("AccountRegionFailed"), &json!("ERROR"))
    );
    assert_eq!(failed["exception"], message);
    cloud.deny("dynamodb:Query");
    let (_, message) = function.invoke(json!({})).unwrap_err();
    assert!(message.contains("dynamodb:Query"), "{message}");
}

#[test]
fn one_account_region_can_be_requested() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &ONE_REGION_ONE_HOUR);
    let response = function.invoke(json!({ "account": ACCOUNT, "region": REGION })).unwrap();
    assert_eq!(response["account_regions"][0]["region"], REGION);
    function.invoke_failing(json!({ "account": "12", "region": REGION }), "InvalidRequest");
}

#[test]
fn accounts_without_a_role_and_leased_regions_are_named_in_answer_log_and_record() {
    let cloud = FakeAws::start();
    let variables = [
        &ONE_REGION_ONE_HOUR[..],
        &[("ONLOOKER_COVERAGE_ACCOUNTS", "111122223333,444455556666,777788889999")],
    ]
    .concat();
    let function = RunningFunction::start(FUNCTION, &cloud, &variables);
    let response = function.invoke(json!({})).unwrap();
    let without_role = "the event history of these accounts was not looked up, because `lookup.role` (parameter \
                        LookupRole) is not set: 444455556666, 777788889999";
    assert_eq!(response["notes"], json!([without_role]));
    assert_eq!(function.log_line("not done")["note"], without_role);
    assert_eq!(cloud.latest_run("pull")["notes"]["L"][0]["S"], without_role);
    assert_eq!(function.metrics(1)[0]["accounts_without_role"], 2);
    // Another run holds the lease for the next minutes.
    let key = (format!("ACCOUNT_REGION#{ACCOUNT}#us-east-1"), "LEASE".to_owned());
    let until = Time(machine_time().0 + 200).to_string();
    if let Some(lease) = cloud.state().tables.values_mut().find_map(|items| items.get_mut(&key)) {
        lease["body"]["M"]["holder"] = json!({ "S": "run-7" });
        lease["body"]["M"]["until"] = json!({ "S": until });
    }
    let response = function.invoke(json!({})).unwrap();
    let leased = format!(
        "account {ACCOUNT} in us-east-1 was not pulled: another run holds its lease, run-7 until {until}"
    );
    assert_eq!(response["notes"], json!([leased, without_role]));
    assert_eq!(cloud.latest_run("pull")["notes"]["L"][0]["S"], leased.as_str());
    assert_eq!(function.metrics(2)[1]["account_regions_leased"], 1);
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
    let done = function.log_line("done");
    let log = function.log();
    assert_eq!(done["function_request_id"], REQUEST_ID);
    assert_eq!(done["caller"], format!("arn:aws:sts::{ACCOUNT}:assumed-role/onlooker/test"));
    assert_eq!(
        (&done["service"], &done["level"], &done["cold_start"]),
        (&json!("test"), &json!("DEBUG"), &json!(true))
    );
    assert!(done["location"].as_str().unwrap().starts_with("onlooker_lambda:"), "{done}");
    assert_eq!(done["run_id"], function.metrics(1)[0]["run_id"]);
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line.as_object().unwrap().values().all(|value| !value.is_object()), "nested: {line}");
        for name in ["timestamp", "level", "location", "service"] {
            assert!(line[name].is_string(), "no `{name}`: {line}");
        }
    }
    for secret in ["secret-of-the-test", "Signature=", "AWS4-HMAC"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}
