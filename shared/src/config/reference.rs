//! The reference of all settings.
//!
//! Enters: the schema. Leaves: Markdown: a table for each section, with each key, its variable, the values it takes, its default and its
//! meaning. Law: every key of the schema is in it once.

use serde_json::Value as Json;

use super::{
    schema::{SchemaNode, ValueKind},
    variables::{RESERVED_VARIABLES, variables},
};

const HEADER: &str = "\
# Reference of the configuration

This page is generated from the types of the configuration; `UPDATE_SCHEMA=1 cargo test -p onlooker-core schema` writes it.
[Configuration](configuration.md) explains the settings. A key is set in `onlooker.toml`, or by its environment variable, which overrides
the file; a list in a variable is separated by commas. A key without a variable is one of a list of tables and is set in the file.
`onlooker config init` writes a file with every key, and `onlooker config validate` checks one.
";

/// The reference as Markdown.
pub fn reference() -> String {
    let (tables, plain): (Vec<_>, Vec<_>) =
        SchemaNode::root().keys().partition(|(_, shape)| table_of(*shape).is_some());
    let mut text = String::from(HEADER);
    text.push_str("\n## Top level\n\n");
    rows(&mut text, "", plain);
    for (name, shape) in tables {
        section(&mut text, name, shape);
    }
    text.push_str("\n## Variables that are not keys\n\n| variable | meaning |\n|---|---|\n");
    for (name, meaning) in RESERVED_VARIABLES {
        text.push_str(&format!("| `{name}` | {} |\n", cell(meaning)));
    }
    text
}

/// The keys of a table, or of each table of a list.
fn table_of(shape: SchemaNode<'_>) -> Option<(SchemaNode<'_>, bool)> {
    match shape.kind() {
        ValueKind::Table => Some((shape, false)),
        ValueKind::List(item) => matches!(item.kind(), ValueKind::Table).then_some((item, true)),
        _ => None,
    }
}

fn section(text: &mut String, path: &str, shape: SchemaNode<'_>) {
    let Some((table, is_list)) = table_of(shape) else { return };
    let header = if is_list { format!("[[{path}]]") } else { format!("[{path}]") };
    text.push_str(&format!("\n## `{header}`\n\n{}\n\n", shape.description()));
    let (inner, plain): (Vec<_>, Vec<_>) = table.keys().partition(|(_, shape)| table_of(*shape).is_some());
    let required: Vec<&str> = table.required().collect();
    rows_of(text, path, plain, &required);
    for (name, shape) in inner {
        section(text, &format!("{path}.{name}"), shape);
    }
}

fn rows(text: &mut String, path: &str, keys: Vec<(&str, SchemaNode<'_>)>) {
    rows_of(text, path, keys, &[]);
}

fn rows_of(text: &mut String, path: &str, keys: Vec<(&str, SchemaNode<'_>)>, required: &[&str]) {
    if keys.is_empty() {
        return;
    }
    let known = variables();
    text.push_str("| key | variable | values | default | meaning |\n|---|---|---|---|---|\n");
    for (name, shape) in keys {
        let key = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let variable = known.iter().find(|variable| variable.key == key);
        let variable = variable.map_or_else(|| "–".to_owned(), |variable| format!("`{}`", variable.name));
        let default = match shape.default() {
            _ if required.contains(&name) => "required".to_owned(),
            Some(default) => format!("`{}`", cell(&literal(default))),
            None => "–".to_owned(),
        };
        text.push_str(&format!(
            "| `{name}` | {variable} | {} | {default} | {} |\n",
            values(shape),
            cell(shape.description())
        ));
    }
}

/// The values that a key takes, in words.
fn values(shape: SchemaNode<'_>) -> String {
    let number = |what: &str| match shape.range() {
        (Some(least), Some(most)) => format!("{what}, {least} to {most}"),
        (Some(least), None) => format!("{what}, {least} or more"),
        (None, Some(most)) => format!("{what}, at most {most}"),
        (None, None) => what.to_owned(),
    };
    match shape.kind() {
        ValueKind::Table => "table".to_owned(),
        ValueKind::List(item) => format!("list: {}", values(item)),
        ValueKind::Text { format: None } => "text".to_owned(),
        ValueKind::Text { format: Some(format) } => format.replace('-', " "),
        ValueKind::OneOf(names) => {
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        }
        ValueKind::Integer => number("whole number"),
        ValueKind::Number => number("number"),
        ValueKind::Boolean => "`true`, `false`".to_owned(),
    }
}

fn literal(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(literal).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A text that ends no cell of a table.
fn cell(text: &str) -> String {
    let text = text.replace('|', "\\|").replace('\n', " ");
    if text.is_empty() { "empty".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_reference_is_that_of_the_schema() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration-reference.md");
        let text = reference();
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            published == text,
            "docs/configuration-reference.md is stale: UPDATE_SCHEMA=1 cargo test -p onlooker-core schema"
        );
    }

    #[test]
    fn each_key_with_a_variable_is_in_it_once() {
        let text = reference();
        for variable in variables() {
            let rows = text.matches(&format!("| `{}` |", variable.name)).count();
            // A list of tables that a variable sets by its only required key has a section of its own.
            let is_section = text.contains(&format!("## `[[{}]]`", variable.key));
            assert!(rows == 1 || is_section, "{variable:?}: {rows}");
        }
    }
}
