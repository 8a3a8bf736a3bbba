//! The function as Lambda runs it: reports, the current status, and missing evidence.

use onlooker_core::{config::own_roles::DeploymentResources, report::Report};
use serde_json::{Value, json};
use test_support::fake_aws::{
    ACCOUNT, FakeAws, HttpFault, HttpResponse, REGION,
    event_history::WATCH_AUDITOR,
    lambda::{REQUEST_ID, RunningFunction, TOPIC},
};

const FUNCTION: &str = env!("CARGO_BIN_EXE_report");

#[test]
fn a_report_without_evidence_is_insufficient_evidence() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let first = function.invoke(json!({ "schedule": "rate(1 hour)" })).unwrap();
    assert_eq!(first["current_status"]["status"], "INSUFFICIENT_EVIDENCE", "{first}");
    let key = first["reports"][0]["keys"][0].as_str().unwrap();
    assert!(key.starts_with(&format!("reports/account={ACCOUNT}/dt=")), "{key}");
    let (report, content_type): (Report, _) = cloud.with_bucket(|bucket| {
        (serde_json::from_slice(bucket.get(key).unwrap()).unwrap(), bucket.content_types[key].clone())
    });
    assert_eq!(report.run.caller.as_ref().map(|caller| &*caller.account), Some(ACCOUNT));
    assert_eq!(report.run.request_id.as_deref(), Some(REQUEST_ID));
    assert_eq!(content_type, "application/json");
    let state = cloud.state();
    assert_eq!(state.published.len(), 1, "the first status is notified");
    let events: Vec<&Value> = state.put_events.iter().map(|event| &event["DetailType"]).collect();
    assert_eq!(events, ["Read-Only Report Issued", "Read-Only Status Changed"]);
    let issued: Value = serde_json::from_str(state.put_events[0]["Detail"].as_str().unwrap()).unwrap();
    assert_eq!((&issued["key"], &issued["status"]), (&json!(key), &json!("INSUFFICIENT_EVIDENCE")));
    drop(state);
    let (newest, page_type) = cloud.with_bucket(|bucket| {
        (
            bucket.get("latest/report.json").unwrap().to_vec(),
            bucket.content_types["latest/report.html"].clone(),
        )
    });
    assert_eq!(serde_json::from_slice::<Report>(&newest).unwrap().id, report.id);
    assert!(page_type.starts_with("text/html"), "{page_type}");
    // A second invocation publishes the same report and neither overwrites nor adds objects. Once an hour the window moves
    // with the clock: then the comparison starts again with the report on the new window.
    let (mut before, mut objects) = (first, cloud.stored_keys());
    let again = loop {
        let again = function.invoke(json!({})).unwrap();
        if again["reports"][0]["window"] == before["reports"][0]["window"] {
            break again;
        }
        (before, objects) = (again, cloud.stored_keys());
    };
    let newest = |response: &Value| response["reports"][0].clone();
    assert_eq!(newest(&again)["new"], false);
    assert_eq!(newest(&again)["keys"], newest(&before)["keys"]);
    let reports = |keys: Vec<String>| -> Vec<String> {
        keys.into_iter().filter(|key| !key.starts_with("audit/")).collect()
    };
    let runs = cloud.stored_keys().len() - reports(cloud.stored_keys()).len();
    assert!(runs >= 2, "each run is in the audit trail");
    assert_eq!(reports(cloud.stored_keys()), reports(objects));
    assert!(cloud.with_bucket(|bucket| {
        let written_once = bucket.objects.iter().filter(|(key, _)| !key.starts_with("latest/"));
        written_once.map(|(_, versions)| versions.len()).all(|count| count == 1)
    }));
}

#[test]
fn the_first_run_of_the_schedule_makes_no_report_and_the_second_makes_one() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let timer = json!({ "schedule": "rate(1 hour)", "skip_first": true });
    let first = function.invoke(timer.clone()).unwrap();
    assert_eq!((&first["reports"], &first["current_status"]), (&json!([]), &Value::Null));
    assert!(cloud.state().published.is_empty());
    assert!(cloud.stored_keys().iter().all(|key| key.starts_with("audit/")));
    let second = function.invoke(timer).unwrap();
    assert_eq!(second["current_status"]["status"], "INSUFFICIENT_EVIDENCE");
}

#[test]
fn a_requested_window_needs_both_ends() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let request = json!({ "since": "2026-01-30T00:00:00Z", "until": "2026-01-31T00:00:00Z" });
    let response = function.invoke(request).unwrap();
    assert_eq!(response["reports"][0]["purpose"], "requested");
    assert_eq!(response["current_status"], Value::Null);
    let message = function.invoke_failing(json!({ "since": "2026-01-30T00:00:00Z" }), "InvalidRequest");
    assert!(message.contains("`until` is missing"), "{message}");
}

#[test]
fn unused_overrides_of_own_roles_are_not_found_and_an_unused_one_of_the_user_is() {
    let cloud = FakeAws::start();
    // A deployment has a role for each folder of `functions/`.
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
    let folders =
        folders.map(|entry| entry.unwrap()).filter(|entry| entry.path().join("Cargo.toml").is_file());
    let names = folders.map(|entry| entry.file_name().into_string().unwrap());
    let roles: Vec<String> =
        names.map(|name| format!("{name}=arn:aws:iam::{ACCOUNT}:role/onlooker-{name}")).collect();
    let roles = roles.join(",");
    let variables = [
        ("ONLOOKER_ROLES", &*roles),
        ("ONLOOKER_KEYS", "key=arn:aws:kms:eu-west-1:111122223333:key/1"),
        ("ONLOOKER_LOOKUP_ROLE", "OnlookerLookup"),
        ("ONLOOKER_CONFIG", "s3://settings/onlooker.toml"),
    ];
    // Each role has overrides that ship with Onlooker.
    let given = [&variables[..], &[("ONLOOKER_BUCKET", "b"), ("ONLOOKER_TOPIC", TOPIC)]].concat();
    let get = |wanted: &str| given.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let deployment = DeploymentResources::from_variables(get).unwrap();
    let overrides = deployment.overrides().unwrap();
    for role in deployment.roles.values() {
        assert!(overrides.iter().any(|shipped| shipped.principal == *role), "no override for {role}");
    }
    let spare = "[[override]]\nid = \"spare\"\nprincipal = \"arn:aws:iam::111122223333:role/ci\"\n\
                 operation = \"s3:PutObject\"\nowner = \"a\"\nreason = \"b\"\nexpires = \"2100-01-01T00:00:00Z\"\n";
    cloud.state().bucket("settings").put("onlooker.toml", spare);
    let function = RunningFunction::start(FUNCTION, &cloud, &variables);
    function.invoke(json!({})).unwrap();
    let report: Report = cloud
        .with_bucket(|bucket| serde_json::from_slice(bucket.get("latest/report.json").unwrap()).unwrap());
    let unused = report.result.findings.iter().filter(|finding| finding.id == "override-unused");
    assert_eq!(unused.map(|finding| &*finding.subject).collect::<Vec<_>>(), ["spare"]);
}

#[test]
fn a_report_that_cannot_be_stored_stays_pending() {
    let cloud = FakeAws::start();
    let denial = cloud.deny_key("s3:PutObject", "reports/");
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let message = function.invoke_failing(json!({}), "AccessDenied");
    assert!(
        message.contains("cannot write (s3:PutObject) `s3://b/reports/") && message.contains(&denial),
        "{message}"
    );
    cloud.end_faults();
    let response = function.invoke(json!({})).unwrap();
    assert_eq!(response["current_status"]["status"], "INSUFFICIENT_EVIDENCE");
}

/// The limits of the test of circuit breakers: a breaker opens soon, and stays open for the whole test.
const SOON_AND_LONG: [(&str, &str); 3] = [
    WATCH_AUDITOR,
    ("ONLOOKER_MONITORING_CIRCUIT_BREAKER_THRESHOLD", "2"),
    ("ONLOOKER_MONITORING_CIRCUIT_BREAKER_TIMEOUT", "86400"),
];

#[test]
fn a_circuit_breaker_that_opens_in_one_process_refuses_in_another_and_closes_again() {
    let cloud = FakeAws::start();
    let key = ("BREAKERS".to_owned(), format!("s3:PutObject@{REGION}"));
    let state = |cloud: &FakeAws| {
        let item = cloud.table().get(&key).cloned();
        item.and_then(|item| item["body"]["M"]["state"]["S"].as_str().map(str::to_owned))
    };
    let one = RunningFunction::start(FUNCTION, &cloud, &SOON_AND_LONG);
    let other = RunningFunction::start(FUNCTION, &cloud, &SOON_AND_LONG);
    let failure = HttpResponse::s3_error(500, "InternalError", "We encountered an internal error.");
    cloud.inject_faults(move |request| {
        (request.operation() == "PutObject").then(|| HttpFault::Respond(failure.clone()))
    });
    for _ in 0..2 {
        one.invoke_failing(json!({}), "Unavailable");
    }
    assert_eq!(state(&cloud).as_deref(), Some("open"));
    let change = one.log_line("a circuit breaker opened or closed");
    assert_eq!(
        (&change["operation"], &change["is_open"]),
        (&json!(format!("s3:PutObject@{REGION}")), &json!(true))
    );
    let sent = cloud.request_count("PutObject");
    let message = other.invoke_failing(json!({}), "Unavailable");
    assert!(
        message.contains(&format!("s3:PutObject@{REGION} was not called: its circuit breaker is open until")),
        "{message}"
    );
    assert_eq!(cloud.request_count("PutObject"), sent, "no request was made");
    // Its time is over, and AWS works again.
    cloud.end_faults();
    let past = json!({ "S": "2026-01-01T00:00:00Z" });
    cloud.state().tables.get_mut("t").unwrap().get_mut(&key).unwrap()["body"]["M"]["until"] = past;
    let third = RunningFunction::start(FUNCTION, &cloud, &SOON_AND_LONG);
    third.invoke(json!({})).unwrap();
    assert_eq!(state(&cloud).as_deref(), Some("closed"));
}

#[test]
fn errors_are_logged_with_what_to_do_and_too_many_send_an_alert() {
    let cloud = FakeAws::start();
    cloud.deny_key("s3:PutObject", "reports/");
    let variables = [WATCH_AUDITOR, ("ONLOOKER_MONITORING_ERROR_THRESHOLD", "1")];
    let function = RunningFunction::start(FUNCTION, &cloud, &variables);
    function.invoke_failing(json!({}), "AccessDenied");
    let line = function.log_line("a call of AWS failed");
    for (field, value) in [
        ("log_type", "error"),
        ("error_kind", "access_denied"),
        ("severity", "HIGH"),
        ("service_name", "s3"),
        ("operation", "PutObject"),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
    assert_eq!(line["correlation_id"], line["run_id"]);
    assert!(line["recovery_action"].as_str().unwrap().starts_with("Grant the principal"), "{line}");
    let published: Vec<String> =
        cloud.state().published.iter().map(|message| message["Message"].clone()).collect();
    let alert = published.iter().find(|message| message.contains("functions had 1 error\n")).unwrap();
    assert!(alert.contains("1 x access_denied: What the call reads or stores"), "{alert}");
    let metrics = &function.metrics(1)[0];
    assert_eq!((&metrics["aws_errors"], &metrics["log_type"]), (&json!(1), &json!("metric")));
    for field in
        ["cpu_time", "cpu_share", "memory_peak", "memory_share", "disk_share", "remaining", "aws_calls"]
    {
        assert!(metrics[field].is_number(), "{field} of {metrics}");
    }
    assert_eq!(metrics["cold_start"], 1);
    assert!(metrics["init_duration"].is_number(), "{metrics}");
}

#[test]
fn a_digest_that_is_due_is_sent_with_the_report() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let text = |text: &str| json!({ "S": text });
    let (partition, sort) = ("NOTIFICATION#digest", "2026-01-01T00:15:00Z#one");
    let entry = json!({ "M": {
        "id": text("one"), "collected_at": text("2026-01-01T00:05:00Z"), "severity": text("HIGH"),
        "detail_type": text("Read-Only Violation Detected"), "subject": text("HIGH write-succeeded: s3:PutObject"),
        "detail": { "M": { "version": text("1.0") } },
    } });
    let item = json!({ "pk": text(partition), "sk": text(sort), "rev": { "N": "1" }, "body": entry });
    let key = (partition.to_owned(), sort.to_owned());
    cloud.state().tables.entry("t".to_owned()).or_default().insert(key, item.as_object().unwrap().clone());
    function.invoke(json!({})).unwrap();
    let state = cloud.state();
    let subjects: Vec<&String> = state.published.iter().map(|message| &message["Subject"]).collect();
    assert_eq!(
        subjects.last().map(|subject| &***subject),
        Some("HIGH digest: 1 alert from 2026-01-01T00:05:00Z to 2026-01-01T00:05:00Z")
    );
    let kinds: Vec<&Value> = state.put_events.iter().map(|event| &event["DetailType"]).collect();
    assert_eq!(kinds.last(), Some(&&json!("Alert Digest")));
    drop(state);
    assert!(!cloud.table().keys().any(|(partition, _)| partition == "NOTIFICATION#digest"));
}
