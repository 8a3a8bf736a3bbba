//! The policy document that a template or plan writes.
//!
//! Enters: a [`SourceValue`]. Leaves: the text of a policy document that the evaluator reads. Laws: a document that is
//! known in full keeps its meaning; what is not known never removes a grant: in `Resource`, `Principal` and `Condition` it is a
//! policy variable without a value, an `Action` becomes every action that it may be, an undecided statement is
//! conditional, and a document or statement that is not known at all is malformed.

use std::sync::Arc;

use super::value::{SourceValue, TextPart, display, placeholder};
use crate::grants::{Policy, PolicyOrigin, json::Json, undetermined_text};

const VERSION: &str = "2012-10-17";

/// A policy with the document that this value writes. With a condition, the file does not decide whether the policy
/// exists.
pub(super) fn policy(
    name: &str,
    origin: PolicyOrigin,
    document: Option<&SourceValue>,
    condition: Option<&str>,
) -> Policy {
    let text = match document {
        Some(document) => document_text(document, condition),
        None => undetermined_text("the file has no document for it"),
    };
    Policy { name: name.into(), origin, text: text.into() }
}

/// The text of a document.
fn document_text(document: &SourceValue, condition: Option<&str>) -> String {
    if let (SourceValue::Text(_), Some(text), None) = (document, document.known_text(), condition) {
        return text;
    }
    let parsed;
    let document = match (document, document.known_text()) {
        (SourceValue::Text(_), Some(text)) => match serde_json::from_str::<Json>(&text) {
            Ok(json) => {
                parsed = SourceValue::of(&json);
                &parsed
            }
            Err(_) => return text,
        },
        _ => document,
    };
    let SourceValue::Object(members) = document else {
        let name = document.unknown_name().unwrap_or_else(|| "the document, which is not an object".into());
        return undetermined_text(&format!("the file does not say the value of {name}"));
    };
    if document.unknown_name().is_none() && condition.is_none() {
        return json_text(&known(document, false));
    }
    let version = members.iter().find(|(name, _)| name == "Version").map(|(_, value)| value.known_text());
    // Before version 2012-10-17 a document has no variables: what looks like one is text.
    let escapes = match version {
        Some(Some(version)) if version == VERSION => false,
        Some(Some(_)) | None => true,
        Some(None) => return undetermined_text("the file does not say the value of `Version`"),
    };
    let mut all = vec![("Version".to_owned(), Json::Text(VERSION.to_owned()))];
    for (name, value) in members.iter().filter(|(name, _)| name != "Version") {
        let value = match name.as_str() {
            "Statement" => Json::List(
                value
                    .clone()
                    .items()
                    .into_iter()
                    .flat_map(|one| statements(one, condition, escapes))
                    .collect(),
            ),
            "Id" => Json::Text(value.display()),
            _ => known(value, escapes),
        };
        all.push((name.clone(), value));
    }
    json_text(&Json::Object(all))
}

fn json_text(json: &Json) -> String {
    // Strings, lists and objects can always be written.
    serde_json::to_string(json).unwrap_or_default()
}

/// The statements for one item of `Statement`.
fn statements(item: SourceValue, condition: Option<&str>, escapes: bool) -> Vec<Json> {
    let (item, choice) = item.assumed();
    let mut open: Vec<String> = condition.map(|name| format!("condition {name}")).into_iter().collect();
    open.extend(choice.map(|name| format!("condition {name}")));
    let SourceValue::Object(members) = &item else {
        let name = item.unknown_name().unwrap_or_else(|| "a statement, which is not an object".into());
        return vec![Json::Text(undetermined_text(&format!("the file does not say the value of {name}")))];
    };
    let mut effects = Vec::new();
    let mut rest = Vec::new();
    for (name, value) in members {
        let value = match (name.as_str(), value.unknown_name()) {
            ("Sid", Some(_)) => continue,
            ("Effect", Some(unknown)) => {
                open.push(format!("value of {unknown}"));
                effects = vec!["Allow", "Deny"];
                continue;
            }
            ("Action" | "NotAction", Some(unknown)) => {
                open.push(format!("value of {unknown}"));
                let (name, patterns) = actions(name, value.clone());
                rest.push((name.to_owned(), Json::List(patterns)));
                continue;
            }
            ("Resource" | "NotResource", Some(_)) => {
                Json::List(value.clone().items().into_iter().map(|item| resource(item, escapes)).collect())
            }
            ("Condition", Some(_)) => conditions(value, &mut open, escapes),
            ("Principal" | "NotPrincipal", Some(_)) => match known(value, escapes) {
                named @ Json::Object(_) => named,
                // The value may name any principal.
                any => Json::Object(vec![("AWS".to_owned(), any)]),
            },
            (_, Some(unknown)) => {
                open.push(format!("value of {unknown}"));
                continue;
            }
            (_, None) => known(value, escapes),
        };
        rest.push((name.clone(), value));
    }
    open.sort_unstable();
    open.dedup();
    // An element that the evaluator does not know makes its statement conditional.
    rest.extend(open.into_iter().map(|name| (name, Json::Bool(true))));
    if effects.is_empty() {
        return vec![Json::Object(rest)];
    }
    let with = |effect: &str| {
        let effect = ("Effect".to_owned(), Json::Text(effect.to_owned()));
        Json::Object(std::iter::once(effect).chain(rest.iter().cloned()).collect())
    };
    effects.into_iter().map(with).collect()
}

/// Patterns of actions, with `*` for what is not known. A pattern of `NotAction` that is not known excludes nothing.
fn actions(name: &str, value: SourceValue) -> (&str, Vec<Json>) {
    let wildcard = |parts: Vec<TextPart>| {
        let text = parts.into_iter().map(|part| match part {
            TextPart::Known(text) => text,
            TextPart::Unknown(_) => "*".to_owned(),
        });
        Json::Text(text.collect())
    };
    let items = value.items();
    if name == "Action" {
        let any = || Json::Text("*".to_owned());
        let pattern = |item: SourceValue| item.assumed().0.text_parts().map_or_else(any, wildcard);
        return (name, items.into_iter().map(pattern).collect());
    }
    let excluded: Vec<Json> = items.iter().filter_map(SourceValue::known_text).map(Json::Text).collect();
    match excluded.is_empty() {
        true => ("Action", vec![Json::Text("*".to_owned())]),
        false => (name, excluded),
    }
}

fn resource(item: SourceValue, escapes: bool) -> Json {
    // An undecided resource may be any text.
    match item.text_parts() {
        Some(parts) => Json::Text(with_variables(&parts, escapes)),
        None => known(&item, escapes),
    }
}

fn conditions(value: &SourceValue, open: &mut Vec<String>, escapes: bool) -> Json {
    let SourceValue::Object(operators) = value else {
        open.extend(value.unknown_name().map(|name| format!("value of {name}")));
        return Json::Object(Vec::new());
    };
    let mut all = Vec::new();
    for (operator, keys) in operators {
        let SourceValue::Object(keys) = keys else {
            open.extend(keys.unknown_name().map(|name| format!("value of {name}")));
            continue;
        };
        let values = keys.iter().map(|(key, value)| {
            let values = value.clone().items().into_iter().map(|item| match item.unknown_name() {
                Some(_) => resource(item, escapes),
                None => known(&item, escapes),
            });
            (key.clone(), Json::List(values.collect()))
        });
        all.push((operator.clone(), Json::Object(values.collect())));
    }
    Json::Object(all)
}

fn with_variables(parts: &[TextPart], escapes: bool) -> String {
    match escapes {
        false => display(parts),
        true => parts
            .iter()
            .map(|part| match part {
                TextPart::Known(text) => escaped(text),
                TextPart::Unknown(name) => placeholder(name),
            })
            .collect(),
    }
}

/// A text without variables, for a document that has variables.
fn escaped(text: &str) -> String {
    text.replace("${", "${$}{")
}

/// A value as it is written. What is not known in it is a policy variable.
fn known(value: &SourceValue, escapes: bool) -> Json {
    match value {
        SourceValue::Literal(json) => json.clone(),
        SourceValue::Text(parts) => Json::Text(with_variables(parts, escapes)),
        SourceValue::List(items) => Json::List(items.iter().map(|item| known(item, escapes)).collect()),
        SourceValue::Object(members) => {
            Json::Object(members.iter().map(|(name, value)| (name.clone(), known(value, escapes))).collect())
        }
        unknown => Json::Text(with_variables(&unknown.text_parts().unwrap_or_default(), escapes)),
    }
}

/// The name of a policy that a value gives, or of the part of the file that holds it.
pub(super) fn name_or(value: Option<&SourceValue>, place: &str) -> Arc<str> {
    value.and_then(SourceValue::known_text).map_or_else(|| place.into(), Into::into)
}
