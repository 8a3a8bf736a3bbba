//! What the events of OCSF say: required fields, values of enumerations, and times.

use std::collections::BTreeSet;

use super::*;
use crate::{controls::ControlState, escape::is_hidden, render::sample};

fn events(report: &Report) -> Vec<Value> {
    ocsf(report).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_events_of_the_broken_promise_are_as_reviewed() {
    insta::assert_json_snapshot!("ocsf_non_compliant", events(&sample::non_compliant()));
    insta::assert_json_snapshot!("ocsf_empty", events(&sample::empty()));
}

#[test]
fn there_is_one_line_for_the_report_each_control_and_each_finding() {
    for (name, report) in sample::all() {
        let text = ocsf(&report).unwrap();
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)), "{name}");
        let of_class =
            |class: u32| events(&report).iter().filter(|event| event["class_uid"] == class).count();
        assert_eq!(of_class(2003), 1 + report.result.controls.len(), "{name}");
        assert_eq!(of_class(2004), report.result.findings.len(), "{name}");
    }
}

/// Required by the classes 2003 and 2004 of OCSF 1.5.0 with the profile `cloud`.
#[test]
fn every_event_has_what_the_schema_requires() {
    for (name, report) in sample::all() {
        let mut ids = BTreeSet::new();
        for event in events(&report) {
            for pointer in [
                "/activity_id",
                "/category_uid",
                "/class_uid",
                "/type_uid",
                "/time",
                "/severity_id",
                "/finding_info/uid",
                "/finding_info/title",
                "/metadata/version",
                "/metadata/product/name",
                "/cloud/provider",
            ] {
                assert!(event.pointer(pointer).is_some(), "{name} {pointer}: {event}");
            }
            let class = event["class_uid"].as_u64().unwrap();
            assert_eq!(event["type_uid"], class * 100 + 1);
            assert_eq!((&event["metadata"]["version"], &event["category_uid"]), (&json!("1.5.0"), &json!(2)));
            assert!((1..=5).contains(&event["severity_id"].as_u64().unwrap()));
            match class {
                2003 => assert!(event["compliance"]["status_id"].as_u64().unwrap() <= 3, "{event}"),
                _ => assert!(event["remediation"]["desc"].is_string(), "{event}"),
            }
            assert!(ids.insert(event["metadata"]["uid"].to_string()), "{name}: two events have one id");
            times_are_in_milliseconds(&event);
        }
    }
}

fn times_are_in_milliseconds(value: &Value) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match value.as_i64() {
            Some(time) if key == "time" || key.ends_with("_time") => {
                assert!((1_000_000_000_000..10_000_000_000_000).contains(&time), "{key} {time}");
            }
            _ => {
                assert!(!key.ends_with("_time"), "{key} is not a number");
                times_are_in_milliseconds(value);
            }
        }),
        Value::Array(items) => items.iter().for_each(times_are_in_milliseconds),
        _ => {}
    }
}

#[test]
fn account_and_region_are_in_cloud_and_in_resources() {
    let events = events(&sample::non_compliant());
    let write = events.iter().find(|event| event["metadata"]["event_code"] == "write-succeeded").unwrap();
    let (cloud, resource) = (&write["cloud"], &write["resources"][0]);
    assert_eq!((&cloud["account"]["uid"], &cloud["region"]), (&json!("777788889999"), &json!("us-east-1")));
    assert_eq!(
        (&resource["owner"]["account"]["uid"], &resource["region"]),
        (&cloud["account"]["uid"], &cloud["region"])
    );
    assert_eq!(cloud["account"]["name"], "777788889999");
    let service = &write["evidences"][0]["api"]["service"];
    assert_eq!((&service["uid"], &service["version"]), (&json!("s3.amazonaws.com"), &json!("unspecified")));
}

#[test]
fn a_control_without_evidence_is_a_warning_and_a_discovery_is_unknown() {
    let report = sample::non_compliant();
    let states: Vec<ControlState> = report.result.controls.iter().map(|control| control.state).collect();
    assert_eq!(states, [ControlState::Fail, ControlState::NoEvidence, ControlState::Pass]);
    let of = |report: &Report| -> Vec<String> {
        let compliance = events(report).into_iter().filter(|event| event["class_uid"] == 2003);
        compliance.map(|event| event["compliance"]["status"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of(&report), ["Fail", "Fail", "Warning", "Pass"]);
    assert_eq!(of(&sample::insufficient()), ["Warning"]);
    assert_eq!(of(&sample::discovery()), ["Unknown"]);
}
