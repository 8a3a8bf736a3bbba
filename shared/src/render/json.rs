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
    use serde_json::{Map, Value};

    use super::*;
    use crate::{render::sample, report::SCHEMA_VERSION};

    #[test]
    fn the_published_schema_is_current() {
        assert_schema_is_current("report.schema.json", SCHEMA_VERSION, &schema().unwrap());
    }

    fn published_path(name: &str) -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
    }

    /// Asserts that a published document is current; with `UPDATE_SCHEMA` in the environment, writes it.
    pub fn assert_document_is_current(name: &str, current: &str) {
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(published_path(name), current).unwrap();
        }
        let published = std::fs::read_to_string(published_path(name)).unwrap_or_default();
        assert!(
            published == current,
            "docs/{name} is stale: run UPDATE_SCHEMA=1 cargo test -p onlooker-core schema"
        );
    }

    /// Asserts that a published schema matches the types and names its version; with `UPDATE_SCHEMA` in the environment, writes it.
    /// A schema that differs from the published one in more than words needs another version, also to be written.
    pub fn assert_schema_is_current(name: &str, version: &str, current: &str) {
        let published = std::fs::read_to_string(published_path(name)).unwrap_or_default();
        let current = with_version(current, version);
        assert!(
            !needs_another_version(&published, &current),
            "docs/{name} differs from the types, and both have the version {version}: raise the constant with the version, the \
             second number for a field that is new, the first for anything else; then UPDATE_SCHEMA=1 cargo test -p onlooker-core schema"
        );
        assert_document_is_current(name, &current);
    }

    /// A schema that names the version of the values that it describes.
    fn with_version(schema: &str, version: &str) -> String {
        let Value::Object(schema) = serde_json::from_str(schema).unwrap() else { panic!("a schema") };
        let dialect = ("$schema".to_owned(), schema["$schema"].clone());
        let comment = ("$comment".to_owned(), Value::from(format!("version {version}")));
        let fields = schema.into_iter().filter(|(name, _)| name != "$schema");
        let all: Map<String, Value> = [dialect, comment].into_iter().chain(fields).collect();
        escape_json(serde_json::to_string_pretty(&all).unwrap())
    }

    /// Whether two schemas of one version accept different values.
    fn needs_another_version(published: &str, current: &str) -> bool {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let (published, current) = (read(published), read(current));
        published["$comment"] == current["$comment"] && without_words(published) != without_words(current)
    }

    /// A schema without what is for readers alone. A field of this name keeps its schema.
    fn without_words(schema: Value) -> Value {
        match schema {
            Value::Object(fields) => fields
                .into_iter()
                .filter(|(key, value)| !(matches!(&**key, "title" | "description") && value.is_string()))
                .map(|(key, value)| (key, without_words(value)))
                .collect(),
            Value::Array(items) => items.into_iter().map(without_words).collect(),
            other => other,
        }
    }

    #[test]
    fn a_schema_that_accepts_other_values_needs_another_version() {
        let schema = |version: &str, description: &str, kind: &str| {
            let text = format!(
                r#"{{"$schema": "s", "description": "{description}", "properties": {{"title": {{"type": "{kind}"}}}}}}"#
            );
            with_version(&text, version)
        };
        let published = schema("1.0", "a", "string");
        assert!(
            published.starts_with("{\n  \"$schema\": \"s\",\n  \"$comment\": \"version 1.0\","),
            "{published}"
        );
        assert!(!needs_another_version(&published, &published));
        assert!(!needs_another_version(&published, &schema("1.0", "b", "string")), "only words changed");
        assert!(needs_another_version(&published, &schema("1.0", "a", "number")));
        assert!(!needs_another_version(&published, &schema("2.0", "a", "number")));
        assert!(!needs_another_version("", &published), "nothing was published");
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
            // The results of `onlooker check` are a list, and each has the version.
            // A file may describe several documents.
            let linked = |one: &Value| schema.pointer(one["$ref"].as_str()?.strip_prefix('#')?).cloned();
            let item = linked(&schema["items"]);
            let documents =
                schema["anyOf"].as_array().map(|all| all.iter().filter_map(linked).collect::<Vec<_>>());
            let documents = documents.unwrap_or_else(|| vec![item.unwrap_or_else(|| schema.clone())]);
            let is_versioned = |document: &Value| {
                ["schema_version", "version"]
                    .iter()
                    .any(|field| document["properties"][field]["type"] == "string")
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

    /// Where and how a value violates a schema. Only the keywords of the published schemas are supported; any other
    /// is a violation.
    pub fn schema_violation(value: &Value, schema: &Value, root: &Value, at: &str) -> Option<String> {
        let Value::Object(schema) = schema else {
            return (*schema == Value::Bool(false)).then(|| format!("{at}: no value is allowed here"));
        };
        schema.iter().find_map(|(keyword, wanted)| {
            let wrong = |fits: bool| (!fits).then(|| format!("{at}: {value} violates {keyword} {wanted}"));
            match keyword.as_str() {
                "$schema" | "$comment" | "$defs" | "title" | "description" | "format" | "required"
                | "default" | "examples" => None,
                "$ref" => {
                    let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                    schema_violation(value, root.pointer(pointer).unwrap(), root, at)
                }
                "type" => wrong(match wanted {
                    Value::Array(types) => types.iter().any(|one| has_json_type(value, one)),
                    one => has_json_type(value, one),
                }),
                "enum" => wrong(wanted.as_array().unwrap().contains(value)),
                "const" => wrong(wanted == value),
                "minimum" => wrong(value.as_f64().is_none_or(|n| n >= wanted.as_f64().unwrap())),
                "maximum" => wrong(value.as_f64().is_none_or(|n| n <= wanted.as_f64().unwrap())),
                "minItems" => {
                    wrong(value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap()))
                }
                "maxItems" => {
                    wrong(value.as_array().is_none_or(|items| items.len() as u64 <= wanted.as_u64().unwrap()))
                }
                "uniqueItems" => None,
                "anyOf" | "oneOf" => {
                    let any = wanted
                        .as_array()
                        .unwrap()
                        .iter()
                        .any(|one| schema_violation(value, one, root, at).is_none());
                    wrong(any)
                }
                "properties" => object_violation(value, schema, root, at),
                "additionalProperties" => {
                    let named =
                        schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
                    value.as_object()?.iter().filter(|(key, _)| !named.contains_key(*key)).find_map(
                        |(key, value)| schema_violation(value, wanted, root, &format!("{at}.{key}")),
                    )
                }
                "items" => value
                    .as_array()?
                    .iter()
                    .enumerate()
                    .find_map(|(n, item)| schema_violation(item, wanted, root, &format!("{at}[{n}]"))),
                "prefixItems" => value
                    .as_array()?
                    .iter()
                    .zip(wanted.as_array().unwrap())
                    .find_map(|(item, wanted)| schema_violation(item, wanted, root, at)),
                _ => Some(format!("{at}: the keyword {keyword} is not supported")),
            }
        })
    }

    /// Treats fields that the schema does not name as violations, so that every field of the report is described.
    fn object_violation(
        value: &Value,
        schema: &Map<String, Value>,
        root: &Value,
        at: &str,
    ) -> Option<String> {
        let (fields, named) = (value.as_object()?, schema.get("properties")?.as_object()?);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let mut missing = required.filter_map(Value::as_str).filter(|key| !fields.contains_key(*key));
        missing.next().map(|key| format!("{at}.{key} is missing")).or_else(|| {
            fields.iter().find_map(|(key, value)| match named.get(key) {
                Some(schema) => schema_violation(value, schema, root, &format!("{at}.{key}")),
                None => Some(format!("{at}.{key} is not described")),
            })
        })
    }

    fn has_json_type(value: &Value, wanted: &Value) -> bool {
        match wanted.as_str().unwrap() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "number" => value.is_number(),
            "integer" => value.is_u64() || value.is_i64(),
            other => panic!("unknown type {other}"),
        }
    }
}
