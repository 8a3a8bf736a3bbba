//! SARIF 2.1.0: the rules of the driver and the results of one run.
//!
//! Enters: rules, results, and what is said of the run. Leaves: the document. Laws: each result has a level, a location and the index of
//! a rule of the driver that has its id; a text of a record forms no placeholder and no link (section 3.11 of SARIF), and has no hidden
//! character.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::json::escape_json;
use crate::{escape::escape_hidden, finding::phrases::truncate};

/// Characters of an id; GitHub refuses more than 255.
const MAX_ID_CHARS: usize = 255;

/// The rules and the results of a run, as far as they are added.
#[derive(Default)]
pub(crate) struct SarifLog {
    rules: Vec<Value>,
    indexes: BTreeMap<String, usize>,
    results: Vec<Value>,
}

/// One result.
pub(crate) struct SarifResult<'a> {
    /// Id of its rule.
    pub rule: &'a str,
    /// How severe it is.
    pub level: SarifLevel,
    /// What was found, with texts of records.
    pub text: &'a str,
    /// Identity of the result in every run.
    pub fingerprint: &'a str,
    /// URI of the file that the result is shown at, relative to the repository.
    pub uri: &'a str,
    /// ARN of the principal, when the result is about one.
    pub principal: Option<&'a str>,
    /// Further facts.
    pub properties: Option<Value>,
}

/// Level of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SarifLevel {
    /// A serious problem.
    Error,
    /// A problem.
    Warning,
    /// Worth knowing.
    Note,
}

impl SarifLevel {
    /// The word in SARIF.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl SarifLog {
    /// Adds a rule with its descriptor, unless its id is known. A descriptor has every field but `id`.
    pub(crate) fn add_rule(&mut self, id: &str, descriptor: Value) -> usize {
        let id = rule_id(id);
        let index = self.rules.len();
        if let Some(known) = self.indexes.get(&id) {
            return *known;
        }
        let mut fields = Map::from_iter([("id".to_owned(), Value::from(id.clone()))]);
        if let Value::Object(more) = descriptor {
            fields.extend(more);
        }
        self.rules.push(Value::Object(fields));
        self.indexes.insert(id, index);
        index
    }

    /// Adds a result, and its rule if the driver does not have it.
    pub(crate) fn add_result(&mut self, result: &SarifResult<'_>) {
        let words = literal(&result.rule.replace('-', " "));
        let index = self.add_rule(result.rule, json!({ "shortDescription": { "text": words } }));
        let mut location = json!({ "physicalLocation": {
            "artifactLocation": { "uri": result.uri }, "region": { "startLine": 1 },
        } });
        if let (Some(fields), Some(arn)) = (location.as_object_mut(), result.principal) {
            let name = escape_hidden(arn);
            fields.insert(
                "logicalLocations".to_owned(),
                json!([{ "fullyQualifiedName": name, "kind": "resource" }]),
            );
        }
        let mut value = json!({
            "ruleId": rule_id(result.rule),
            "ruleIndex": index,
            "level": result.level.as_str(),
            "message": { "text": literal(result.text) },
            "locations": [location],
            // GitHub tells results apart by this name alone.
            "partialFingerprints": { "primaryLocationLineHash": escape_hidden(result.fingerprint) },
        });
        if let (Some(fields), Some(properties)) = (value.as_object_mut(), &result.properties) {
            fields.insert("properties".to_owned(), properties.clone());
        }
        self.results.push(value);
    }

    /// The document. `run` has what is said of the run beside its tool and results.
    pub(crate) fn into_text(self, run: Value) -> String {
        let mut fields = Map::from_iter([
            (
                "tool".to_owned(),
                json!({ "driver": {
                    "name": "Onlooker",
                    "version": env!("CARGO_PKG_VERSION"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": self.rules,
                } }),
            ),
            ("results".to_owned(), Value::Array(self.results)),
        ]);
        if let Value::Object(more) = run {
            fields.extend(more);
        }
        let log = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [fields],
        });
        escape_json(format!("{log:#}"))
    }
}

/// Id of a rule: visible, on one line, and as long as GitHub takes it.
fn rule_id(id: &str) -> String {
    truncate(&escape_hidden(id), MAX_ID_CHARS - 1)
}

/// A text without the syntax of a message: `{0}` is a placeholder and `[a](b)` a link.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in escape_hidden(text).chars() {
        match c {
            '{' | '}' => out.extend([c, c]),
            '[' | ']' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_forms_no_placeholder_and_no_link() {
        assert_eq!(literal("{0} [x](http://e.com)\u{1b}"), "{{0}} \\[x\\](http://e.com)\\u{{1b}}");
    }

    #[test]
    fn a_result_brings_its_rule_once() {
        let mut log = SarifLog::default();
        let result = SarifResult {
            rule: "new-rule",
            level: SarifLevel::Note,
            text: "t",
            fingerprint: "f",
            uri: "report.json",
            principal: None,
            properties: None,
        };
        log.add_rule("other", json!({}));
        log.add_result(&result);
        log.add_result(&result);
        let log: Value = serde_json::from_str(&log.into_text(json!({}))).unwrap();
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 2);
        for result in run["results"].as_array().unwrap() {
            assert_eq!((&result["ruleId"], &result["ruleIndex"]), (&json!("new-rule"), &json!(1)));
        }
    }
}
