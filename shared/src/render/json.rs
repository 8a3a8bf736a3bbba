//! The report as JSON.
//!
//! Enters: a [`Report`]. Leaves: indented JSON with a newline at its end. Laws: reading it gives the same report,
//! with the same id; it is valid by the schema in `docs/report.schema.json`; it holds no character that controls a
//! terminal.
//!
//! The schema is generated from the types. After a change of the types, `UPDATE_SCHEMA=1 cargo test -p onlooker-core
//! schema` regenerates it.

use std::fmt::Write as _;

use super::{Format, RenderedFile};
use crate::{escape::is_hidden, report::Report};

/// Media type of JSON (RFC 8259); its character set is always UTF-8.
pub const MEDIA_TYPE: &str = "application/json";

/// The format.
pub const FORMAT: Format = Format {
    name: "json",
    help: "The complete report, for programs; its schema is published",
    fits_standard_output: true,
    render: |report| {
        let bytes = json(report)?.into_bytes();
        Ok(vec![RenderedFile { name: "report.json", media_type: MEDIA_TYPE, bytes }])
    },
};

/// The report as indented JSON with a newline at its end.
///
/// # Errors
/// When the report cannot be written as JSON.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(report)?))
}

/// The schema of [`json`] as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&Report::schema())?))
}

/// Escapes hidden characters as `\u009b`, and adds a newline at the end. Apart from the newlines of the indentation,
/// hidden characters occur only within strings, so the value is unchanged.
pub fn escape_json(mut json: String) -> String {
    if !json.chars().any(|c| c != '\n' && is_hidden(c)) {
        json.push('\n');
        return json;
    }
    let mut text = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if c != '\n' && is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` does not fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use test_support::schemas::published_path;
    pub use test_support::schemas::{assert_document_is_current, assert_schema_is_current, schema_violation};

    use super::*;
    use crate::{render::sample, report::SCHEMA_VERSION};

    #[test]
    fn the_published_schema_is_current() {
        assert_schema_is_current("report.schema.json", SCHEMA_VERSION, &schema().unwrap());
    }

    #[test]
    fn every_published_schema_names_its_version() {
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            return; // Other tests are writing them.
        }
        let mut count = 0;
        for entry in std::fs::read_dir(published_path("")).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().ends_with(".schema.json") {
                continue;
            }
            let schema: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let version = schema["$comment"].as_str().and_then(|comment| comment.strip_prefix("version "));
            assert!(version.is_some(), "{}", path.display());
            // Some results are a list, and each item has the version. A file may describe several documents.
            let linked = |one: &Value| schema.pointer(one["$ref"].as_str()?.strip_prefix('#')?).cloned();
            let item = linked(&schema["items"]);
            let documents =
                schema["anyOf"].as_array().map(|all| all.iter().filter_map(linked).collect::<Vec<_>>());
            let documents = documents.unwrap_or_else(|| vec![item.unwrap_or_else(|| schema.clone())]);
            let is_versioned = |document: &Value| {
                ["schema_version", "version"].iter().any(|field| {
                    let kind = &document["properties"][field]["type"];
                    kind == "string" || kind == "integer"
                })
            };
            let has_field = !documents.is_empty() && documents.iter().all(is_versioned);
            // A control pack is written by hand, and its schema alone has a version.
            let is_input = path.ends_with("control-pack.schema.json");
            assert!(has_field || is_input, "{} describes no version", path.display());
            count += 1;
        }
        assert!(count > 15, "{count}");
    }

    #[test]
    fn every_sample_fits_the_schema() {
        let schema = serde_json::to_value(Report::schema()).unwrap();
        for (name, report) in sample::all() {
            let report: Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
            assert_eq!(schema_violation(&report, &schema, &schema, "$"), None, "{name}");
        }
    }

    #[test]
    fn an_invalid_report_does_not_fit_the_schema() {
        let schema = serde_json::to_value(Report::schema()).unwrap();
        let right = serde_json::to_value(sample::non_compliant()).unwrap();
        let wrong = [
            ("/result/totals/events", Value::from(-1)),
            ("/result/mode", Value::from("guess")),
            ("/result/coverage/account_regions/0/account", Value::Null),
            ("/result/findings/0/severity", Value::from("critical")),
            ("/result/operations/0/capabilities/0", Value::from("fly")),
        ];
        for (pointer, value) in wrong {
            let mut report = right.clone();
            *report.pointer_mut(pointer).unwrap() = value;
            assert!(schema_violation(&report, &schema, &schema, "$").is_some(), "{pointer}");
        }
    }

    #[test]
    fn a_report_round_trips_with_the_same_id() {
        for (name, report) in sample::all() {
            let read: Report = serde_json::from_str(&json(&report).unwrap()).unwrap();
            assert_eq!(read, report, "{name}");
            assert_eq!(read.result.id().unwrap(), report.id, "{name}");
        }
    }

    #[test]
    fn json_matches_the_snapshots() {
        for (name, report) in sample::all() {
            insta::assert_snapshot!(format!("json_{name}"), json(&report).unwrap());
        }
    }

    proptest! {
        #[test]
        fn any_text_round_trips_without_hidden_characters(text: String) {
            let mut report = sample::empty();
            report.result.limitations = vec![text];
            let json = json(&report).unwrap();
            prop_assert!(!json.chars().any(|c| c != '\n' && is_hidden(c)));
            let read: Report = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read.result.limitations, report.result.limitations);
        }
    }
}
