//! The function as Lambda runs it: reports, the status, and what is said when evidence is missing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use onlooker_core::report::Report;
use serde_json::json;
use test_support::cloud::{ACCOUNT, Answer, Cloud, Fault, lambda::Function};

const FUNCTION: &str = env!("CARGO_BIN_EXE_report");
const WATCHED: [(&str, &str); 1] = [("ONLOOKER_WATCH", "arn:aws:iam::*:role/Auditor")];

#[test]
fn without_evidence_the_report_says_insufficient_evidence() {
    let cloud = Cloud::start();
    let function = Function::start(FUNCTION, &cloud, &WATCHED);
    let answer = function.invoke(json!({ "schedule": "rate(1 hour)" })).unwrap();
    assert_eq!(answer["standing"]["status"], "INSUFFICIENT_EVIDENCE", "{answer}");
    let key = answer["reports"][0]["keys"][0].as_str().unwrap();
    assert!(key.starts_with(&format!("reports/account={ACCOUNT}/dt=")), "{key}");
    let state = cloud.state();
    let report: Report = serde_json::from_slice(state.buckets["b"].get(key).unwrap()).unwrap();
    assert_eq!(report.run.caller.as_ref().map(|caller| &*caller.account), Some(ACCOUNT));
    assert_eq!(report.run.request_id.as_deref(), Some("11111111-2222-3333-4444-555555555555"));
    assert_eq!(state.buckets["b"].types[key], "application/json");
    assert_eq!((state.published.len(), state.put.len()), (1, 1), "the first status is news");
    let objects = state.buckets["b"].objects.len();
    drop(state);
    // Again: the same report, and no object is written over or added.
    let again = function.invoke(json!({})).unwrap();
    assert_eq!((&again["reports"][0]["new"], &again["reports"][0]["keys"][0]), (&json!(false), &json!(key)));
    let state = cloud.state();
    assert_eq!(state.buckets["b"].objects.len(), objects);
    assert!(state.buckets["b"].objects.values().all(|versions| versions.len() == 1));
}

#[test]
fn a_requested_window_needs_both_ends() {
    let cloud = Cloud::start();
    let function = Function::start(FUNCTION, &cloud, &WATCHED);
    let asked = json!({ "since": "2026-01-30T00:00:00Z", "until": "2026-01-31T00:00:00Z" });
    let answer = function.invoke(asked).unwrap();
    assert_eq!((&answer["reports"][0]["purpose"], &answer["standing"]), (&json!("asked"), &json!(null)));
    let (kind, message) = function.invoke(json!({ "since": "2026-01-30T00:00:00Z" })).unwrap_err();
    assert_eq!(kind, "InvalidRequest");
    assert!(message.contains("`until` is missing"), "{message}");
}

#[test]
fn a_report_that_cannot_be_stored_stays_pending() {
    let cloud = Cloud::start();
    let said = "User: x is not authorized to perform: s3:PutObject";
    cloud.plan(move |request| {
        let denied = request.operation() == "PutObject" && request.key().starts_with("reports/");
        denied.then(|| Fault::Answer(Answer::s3_error(403, "AccessDenied", said)))
    });
    let function = Function::start(FUNCTION, &cloud, &WATCHED);
    let (kind, message) = function.invoke(json!({})).unwrap_err();
    assert_eq!(kind, "AccessDenied");
    assert!(
        message.contains("cannot write (s3:PutObject) `s3://b/reports/") && message.contains(said),
        "{message}"
    );
    cloud.plan(|_| None);
    let answer = function.invoke(json!({})).unwrap();
    assert_eq!(answer["standing"]["status"], "INSUFFICIENT_EVIDENCE");
}
