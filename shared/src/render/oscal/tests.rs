//! What the OSCAL of a report says, and what its schema wants of it.

use super::*;
use crate::render::sample;

fn document(report: &Report) -> Value {
    serde_json::from_str(&oscal(report).unwrap()).unwrap()
}

/// Every value in a document, with its key.
fn visit(key: &str, value: &Value, visitor: &mut dyn FnMut(&str, &Value)) {
    visitor(key, value);
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| visit(key, value, visitor)),
        Value::Array(items) => items.iter().for_each(|item| visit(key, item, visitor)),
        _ => {}
    }
}

#[test]
fn the_results_of_the_broken_promise_are_as_reviewed() {
    insta::assert_json_snapshot!("oscal_non_compliant", document(&sample::non_compliant()));
    insta::assert_json_snapshot!("oscal_empty", document(&sample::empty()));
}

#[test]
fn every_uuid_has_version_5_and_names_one_thing() {
    for (name, report) in sample::all() {
        let (mut defined, mut referred) = (BTreeSet::new(), BTreeSet::new());
        visit("", &document(&report), &mut |key, value| match key {
            "uuid" => {
                let text = value.as_str().unwrap();
                assert_eq!(uuid::Uuid::try_parse(text).unwrap().get_version_num(), 5, "{name}");
                assert!(defined.insert(text.to_owned()), "{name}: {text} is there twice");
            }
            "subject-uuid" | "observation-uuid" => {
                referred.insert(value.as_str().unwrap().to_owned());
            }
            _ => {}
        });
        assert!(referred.is_subset(&defined), "{name}");
    }
}

#[test]
fn nothing_is_empty_but_the_selection_of_all_controls() {
    for (name, report) in sample::all() {
        visit("", &document(&report), &mut |key, value| {
            let is_empty = match value {
                Value::Null => true,
                Value::String(text) => text.trim() != text || text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(fields) => fields.is_empty() && key != "include-all",
                _ => false,
            };
            assert!(!is_empty, "{name}: `{key}` is {value}");
        });
    }
}

#[test]
fn times_have_milliseconds_and_ids_are_tokens() {
    let is_token = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    for (name, report) in sample::all() {
        visit("", &document(&report), &mut |key, value| match (key, value.as_str()) {
            ("last-modified" | "start" | "end" | "collected", Some(time)) => {
                assert!(time.ends_with(".000Z") && time.len() == 24, "{name}: {time}");
            }
            ("control-id" | "target-id" | "types" | "reason" | "name", Some(id)) => {
                assert!(is_token(id), "{name}: {id}");
            }
            ("oscal-version", Some(version)) => assert_eq!(version, "1.1.3"),
            _ => {}
        });
    }
}

#[test]
fn a_control_without_evidence_is_not_satisfied() {
    let document = document(&sample::non_compliant());
    let states: Vec<&Value> = document["assessment-results"]["results"][0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["target"]["status"])
        .collect();
    let state = |state: &str, reason: &str| json!({ "state": state, "reason": reason });
    let expected =
        [state("not-satisfied", "fail"), state("not-satisfied", "other"), state("satisfied", "pass")];
    assert!(states.into_iter().eq(&expected));
}

#[test]
fn hostile_text_forms_no_markup() {
    let text = oscal(&sample::hostile()).unwrap();
    assert!(!text.contains('\u{1b}'));
    visit("", &document(&sample::hostile()), &mut |key, value| {
        if let ("title" | "description" | "remarks", Some(text)) = (key, value.as_str()) {
            let outside: String = text.split('`').step_by(2).collect();
            assert!(!outside.contains("<script>") && !outside.contains("](http"), "{text}");
        }
    });
}
