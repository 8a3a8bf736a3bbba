//! The function as Lambda runs it: reports, the current status, and missing evidence.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use onlooker_core::report::Report;
use serde_json::{Value, json};
use test_support::fake_aws::{ACCOUNT, FakeAws, HttpFault, HttpResponse, lambda::RunningFunction};

const FUNCTION: &str = env!("CARGO_BIN_EXE_report");
const WATCHED: [(&str, &str); 1] = [("ONLOOKER_WATCH", "arn:aws:iam::*:role/Auditor")];

/// The number of objects in the bucket.
fn object_count(cloud: &FakeAws) -> usize {
    cloud.state().buckets["b"].objects.len()
}

#[test]
fn a_report_without_evidence_is_insufficient_evidence() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &WATCHED);
    let first = function.invoke(json!({ "schedule": "rate(1 hour)" })).unwrap();
    assert_eq!(first["current_status"]["status"], "INSUFFICIENT_EVIDENCE", "{first}");
    let key = first["reports"][0]["keys"][0].as_str().unwrap();
    assert!(key.starts_with(&format!("reports/account={ACCOUNT}/dt=")), "{key}");
    let state = cloud.state();
    let report: Report = serde_json::from_slice(state.buckets["b"].get(key).unwrap()).unwrap();
    assert_eq!(report.run.caller.as_ref().map(|caller| &*caller.account), Some(ACCOUNT));
    assert_eq!(report.run.request_id.as_deref(), Some("11111111-2222-3333-4444-555555555555"));
    assert_eq!(state.buckets["b"].content_types[key], "application/json");
    assert_eq!((state.published.len(), state.put_events.len()), (1, 1), "the first status is notified");
    drop(state);
    // A second invocation publishes the same report and neither overwrites nor adds objects. Once an hour the window moves
    // with the clock: then the comparison starts again with the report on the new window.
    let (mut before, mut objects) = (first, object_count(&cloud));
    let again = loop {
        let again = function.invoke(json!({})).unwrap();
        if again["reports"][0]["window"] == before["reports"][0]["window"] {
            break again;
        }
        (before, objects) = (again, object_count(&cloud));
    };
    let newest = |response: &Value| response["reports"][0].clone();
    assert_eq!(newest(&again)["new"], false);
    assert_eq!(newest(&again)["keys"], newest(&before)["keys"]);
    assert_eq!(object_count(&cloud), objects);
    assert!(cloud.state().buckets["b"].objects.values().all(|versions| versions.len() == 1));
}

#[test]
fn a_requested_window_needs_both_ends() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &WATCHED);
    let request = json!({ "since": "2026-01-30T00:00:00Z", "until": "2026-01-31T00:00:00Z" });
    let response = function.invoke(request).unwrap();
    assert_eq!(response["reports"][0]["purpose"], "requested");
    assert_eq!(response["current_status"], Value::Null);
    let (kind, message) = function.invoke(json!({ "since": "2026-01-30T00:00:00Z" })).unwrap_err();
    assert_eq!(kind, "InvalidRequest");
    assert!(message.contains("`until` is missing"), "{message}");
}

#[test]
fn a_report_that_cannot_be_stored_stays_pending() {
    let cloud = FakeAws::start();
    let denial = "User: x is not authorized to perform: s3:PutObject";
    cloud.inject_faults(move |request| {
        let denied = request.operation() == "PutObject" && request.key().starts_with("reports/");
        denied.then(|| HttpFault::Respond(HttpResponse::s3_error(403, "AccessDenied", denial)))
    });
    let function = RunningFunction::start(FUNCTION, &cloud, &WATCHED);
    let (kind, message) = function.invoke(json!({})).unwrap_err();
    assert_eq!(kind, "AccessDenied");
    assert!(
        message.contains("cannot write (s3:PutObject) `s3://b/reports/") && message.contains(denial),
        "{message}"
    );
    cloud.inject_faults(|_| None);
    let response = function.invoke(json!({})).unwrap();
    assert_eq!(response["current_status"]["status"], "INSUFFICIENT_EVIDENCE");
}
