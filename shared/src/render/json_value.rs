//! JSON values of exports: made visible, and without empty parts.
//!
//! Enters: a JSON value with texts of a report. Leaves: a JSON value. Laws: no text has a hidden character; no array, object or text
//! is empty, and nothing is null, as OSCAL and OCSF want it.

use serde_json::{Map, Value};

use crate::escape::escape_hidden;

/// The value without nulls, empty texts, arrays and objects, also those that become empty.
pub(super) fn pruned(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            Value::Array(items.into_iter().map(pruned).filter(|item| !is_empty(item)).collect())
        }
        Value::Object(fields) => {
            let kept: Map<String, Value> = fields
                .into_iter()
                .map(|(key, value)| (key, pruned(value)))
                .filter(|(_, value)| !is_empty(value))
                .collect();
            Value::Object(kept)
        }
        other => other,
    }
}

/// The value with every text as [`escape_hidden`] shows it.
pub(super) fn visible(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(escape_hidden(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(visible).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, visible(value))).collect())
        }
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn empty_parts_are_left_out_at_any_depth() {
        let value =
            json!({ "a": [], "b": { "c": [{ "d": null }, ""] }, "e": 0, "f": false, "g": ["x", null] });
        assert_eq!(pruned(value), json!({ "e": 0, "f": false, "g": ["x"] }));
    }

    #[test]
    fn hidden_characters_are_shown_in_every_text() {
        let value = json!({ "a": ["\u{1b}[2J", { "b": "x\u{202e}" }] });
        assert_eq!(visible(value), json!({ "a": ["\\u{1b}[2J", { "b": "x\\u{202e}" }] }));
    }
}
