//! The broken promise with hostile text in every free text.
//!
//! Enters: the broken promise. Leaves: the same report with other texts.

use serde_json::Value;

use super::non_compliant;
use crate::report::Report;

/// The broken promise with hostile text in every free text.
pub fn hostile() -> Report {
    const HOSTILE_TEXT: &str =
        "=1+1\u{1b}[2J\u{202e}|`<script>alert(1)</script>\n# [x](http://e.com) @team \"q\", ";
    let mut value = serde_json::to_value(non_compliant()).unwrap();
    make_hostile(&mut value, HOSTILE_TEXT);
    let changed: Report = serde_json::from_value(value).unwrap();
    Report::new(changed.result, changed.run).unwrap()
}

/// Puts `hostile` before each text, except where only fixed words are valid.
fn make_hostile(value: &mut Value, hostile: &str) {
    const FIXED_KEYS: [&str; 35] = [
        "schema_version",
        "task",
        "result",
        "id",
        "mode",
        "standard",
        "overall_compliance",
        "risk_level",
        "level",
        "kind",
        "status",
        "behavior",
        "operation_type",
        "mutates",
        "access_level",
        "capabilities",
        "provenance",
        "counts",
        "state",
        "severity",
        "outcome",
        "denied_by",
        "from",
        "until",
        "hour",
        "hours",
        "first_seen",
        "last_seen",
        "expires",
        "timestamp",
        "overall_status",
        "certainty",
        "unevaluated",
        "since",
        "inferred_parts",
    ];
    match value {
        Value::String(text) => *text = format!("{hostile}{text}"),
        Value::Array(items) => items.iter_mut().for_each(|item| make_hostile(item, hostile)),
        Value::Object(fields) => {
            let fixed = |key: &str| FIXED_KEYS.contains(&key) || key.ends_with("_at");
            let keys: Vec<String> = fields.keys().cloned().collect();
            for key in keys {
                // The ids of findings, overrides and controls are free text; the id of the report is computed again.
                let free = !fixed(&key) || (key == "id" && fields.contains_key("title"));
                if let Some(field) = fields.get_mut(&key).filter(|_| free) {
                    make_hostile(field, hostile);
                }
            }
        }
        _ => {}
    }
}
