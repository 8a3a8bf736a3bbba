//! The published schemas: whether they are current, and whether a value fits one.
//!
//! Enters: the schema of a type and the version of its shape, or a value. Leaves: a failure that says what to do, or where a value
//! violates the schema. Law: a schema that accepts other values than the published one needs another version, also to be written.

use std::path::{Path, PathBuf};

use onlooker_core::render::json::escape_json;
use serde::Serialize;
use serde_json::{Map, Value};

/// The path of a published document.
pub fn published_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// Asserts that a published document is current; with `UPDATE_SCHEMA` in the environment, writes it.
pub fn assert_document_is_current(name: &str, current: &str) {
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(published_path(name), current).unwrap();
    }
    let published = std::fs::read_to_string(published_path(name)).unwrap_or_default();
    assert!(
        published == current,
        "docs/{name} is stale: run UPDATE_SCHEMA=1 cargo test --workspace --all-features schema"
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
         second number for a field that is new, the first for anything else; then UPDATE_SCHEMA=1 cargo test --workspace --all-features schema"
    );
    assert_document_is_current(name, &current);
}

/// As [`assert_schema_is_current`], of `docs/NAME.schema.json`.
pub fn assert_published(name: &str, version: &str, schema: &impl Serialize) {
    let text = serde_json::to_string_pretty(schema).unwrap();
    assert_schema_is_current(&format!("{name}.schema.json"), version, &escape_json(text));
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
                let named = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
                value
                    .as_object()?
                    .iter()
                    .filter(|(key, _)| !named.contains_key(*key))
                    .find_map(|(key, value)| schema_violation(value, wanted, root, &format!("{at}.{key}")))
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
fn object_violation(value: &Value, schema: &Map<String, Value>, root: &Value, at: &str) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
