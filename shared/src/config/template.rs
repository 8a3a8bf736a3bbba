//! The commented configuration that `config init` writes.
//!
//! Enters: the schema. Leaves: `onlooker.toml` with every key, its description and its default. Law: reading it gives
//! the default configuration.

use serde_json::Value as Json;

use super::schema::{SchemaNode, ValueKind};

const HEADER: &str = "\
# Configuration of Onlooker: the watched principals, the expected evidence and the settings of a run.
#
# Every key is here with its default. A line that starts with `#` and no space is an example: remove the `#`.
# Each key can also be set as an environment variable, which overrides this file: `thresholds.error_rate` is
# ONLOOKER_THRESHOLDS_ERROR_RATE. Lists are separated by commas, and ONLOOKER_WATCH is a list of patterns.
#
#   onlooker config validate   checks this file
#   onlooker config show       prints what is in force, variables included
#   onlooker config schema     prints the JSON Schema, for editors
";

/// The commented default configuration.
pub fn template() -> String {
    let mut text = String::from(HEADER);
    let (tables, plain): (Vec<_>, Vec<_>) =
        SchemaNode::root().keys().partition(|(_, shape)| is_table(*shape));
    for (name, shape) in plain {
        key(&mut text, name, shape, false);
    }
    for (name, shape) in tables {
        text.push('\n');
        comment(&mut text, shape.description());
        match shape.kind() {
            ValueKind::List(item) => section(&mut text, &format!("[[{name}]]"), name, item, true),
            _ => section(&mut text, &format!("[{name}]"), name, shape, shape.default().is_none()),
        }
    }
    text
}

fn is_table(shape: SchemaNode<'_>) -> bool {
    match shape.kind() {
        ValueKind::Table => true,
        ValueKind::List(item) => matches!(item.kind(), ValueKind::Table),
        _ => false,
    }
}

fn section(text: &mut String, header: &str, path: &str, table: SchemaNode<'_>, commented: bool) {
    let mark = if commented { "#" } else { "" };
    text.push_str(&format!("{mark}{header}\n"));
    let mut inner = Vec::new();
    for (name, shape) in table.keys() {
        if is_table(shape) {
            inner.push((name, shape));
        } else {
            key(text, name, shape, commented);
        }
    }
    for (name, shape) in inner {
        text.push('\n');
        comment(text, shape.description());
        let path = format!("{path}.{name}");
        match shape.kind() {
            ValueKind::List(item) => section(text, &format!("[[{path}]]"), &path, item, true),
            _ => section(text, &format!("[{path}]"), &path, shape, true),
        }
    }
}

/// One key: its description, then its default, or an example after a `#`.
fn key(text: &mut String, name: &str, shape: SchemaNode<'_>, commented: bool) {
    if !commented {
        text.push('\n');
    }
    comment(text, shape.description());
    let (value, mark) = match (shape.default(), shape.example()) {
        (Some(default), _) if !commented => (default, ""),
        (_, Some(example)) => (example, "#"),
        (Some(default), None) => (default, "#"),
        (None, None) => return,
    };
    text.push_str(&format!("{mark}{name} = {}", literal(value)));
    if let (Json::Array(items), Some(example)) = (value, shape.example())
        && items.is_empty()
    {
        text.push_str(&format!("  # such as {}", literal(example)));
    }
    text.push('\n');
}

fn literal(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Json::String(text) => toml::Value::String(text.clone()).to_string(),
        other => other.to_string(),
    }
}

/// A description as comment lines of at most 110 characters.
fn comment(text: &mut String, description: &str) {
    let mut line = String::from("#");
    for word in description.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > 110 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}
