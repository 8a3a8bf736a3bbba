//! An unchecked configuration: values, each with its location.
//!
//! Enters: TOML text, or a value made by the program. Leaves: a tree of [`ConfigNode`]s. Law: every key and every
//! value has a location, so that every later error can name it.

use std::sync::Arc;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::diagnostic::{ConfigError, ConfigLocation, Diagnostic, quoted};
use crate::escape::escape_hidden;

/// A value and its location.
#[derive(Clone, Debug)]
pub(super) struct ConfigNode {
    pub location: ConfigLocation,
    pub value: ConfigValue,
}

/// A value of a configuration.
#[derive(Clone, Debug)]
pub(super) enum ConfigValue {
    Text(String),
    /// A date or time written without quotes.
    DateTime(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    List(Vec<ConfigNode>),
    Table(Vec<ConfigEntry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct ConfigEntry {
    pub name: String,
    /// Location of the key; the value has its own.
    pub location: ConfigLocation,
    pub node: ConfigNode,
}

impl ConfigNode {
    /// A table without keys and without a location.
    pub fn empty() -> Self {
        Self { location: ConfigLocation::Key { key: Arc::from("") }, value: ConfigValue::Table(Vec::new()) }
    }

    /// Reads TOML. A file with a syntax error gives no tree, because the rest of it cannot be interpreted.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, ConfigError> {
        let lines = LineIndex::new(text, file);
        let (document, errors) = DeTable::parse_recoverable(text);
        let problems = errors.iter().map(|error| {
            let span = error.span().unwrap_or(text.len()..text.len());
            let place = lines.location(span.start);
            match (error.message(), text.get(span)) {
                ("duplicate key", Some(key)) => {
                    Diagnostic::new(format!("{} is set twice", quoted(key.trim())), DUPLICATE_KEY_HELP)
                        .at(&place)
                }
                (message, _) => {
                    Diagnostic::new(format!("not valid TOML: {}", escape_hidden(message)), SYNTAX_HELP)
                        .at(&place)
                }
            }
        });
        ConfigError::from_problems(problems.collect())?;
        Ok(lines.table(document.get_ref()))
    }

    /// The tree of a value made by the program. Its locations are the paths of the keys.
    pub fn from_json(value: &serde_json::Value, path: &str) -> Option<Self> {
        use serde_json::Value as Json;
        let place = ConfigLocation::Key { key: Arc::from(path) };
        let value = match value {
            Json::Null => return None,
            Json::Bool(flag) => ConfigValue::Boolean(*flag),
            Json::String(text) => ConfigValue::Text(text.clone()),
            Json::Number(number) => match number.as_i64() {
                Some(integer) => ConfigValue::Integer(integer),
                None => ConfigValue::Float(number.as_f64().unwrap_or(f64::INFINITY)),
            },
            Json::Array(items) => ConfigValue::List(
                items
                    .iter()
                    .enumerate()
                    .filter_map(|(n, item)| Self::from_json(item, &format!("{path}[{n}]")))
                    .collect(),
            ),
            Json::Object(entries) => ConfigValue::Table(
                entries
                    .iter()
                    .filter_map(|(name, value)| {
                        let path = join(path, name);
                        let node = Self::from_json(value, &path)?;
                        Some(ConfigEntry { name: name.clone(), location: node.location.clone(), node })
                    })
                    .collect(),
            ),
        };
        Some(Self { location: place, value })
    }

    /// Type of the value with an article, and the value itself if it is a scalar.
    pub fn description(&self) -> String {
        match &self.value {
            ConfigValue::Text(text) => format!("the text {}", quoted(text)),
            ConfigValue::DateTime(text) => format!("the date {}", quoted(text)),
            ConfigValue::Integer(number) => format!("the number {}", quoted(&number.to_string())),
            ConfigValue::Float(number) => format!("the number {}", quoted(&number.to_string())),
            ConfigValue::Boolean(flag) => quoted(&flag.to_string()),
            ConfigValue::List(_) => "a list".into(),
            ConfigValue::Table(_) => "a table".into(),
        }
    }
}

/// The path of a key in a table.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

const SYNTAX_HELP: &str =
    "write `key = value`, text in double quotes, lists in `[ ]`, and section headers as `[name]`";
const DUPLICATE_KEY_HELP: &str =
    "keep one; each key and each `[section]` occurs once, and only list entries repeat, such as `[[watch]]`";

/// The offsets of all line starts, which turn an offset into a line and a column.
struct LineIndex<'a> {
    text: &'a str,
    file: Arc<str>,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    fn new(text: &'a str, file: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, file: Arc::from(file), starts }
    }

    fn table(&self, table: &DeTable<'_>) -> ConfigNode {
        let entries = table
            .iter()
            .map(|(key, value)| ConfigEntry {
                name: key.get_ref().to_string(),
                location: self.location(key.span().start),
                node: self.value(value),
            })
            .collect();
        ConfigNode { location: self.location(0), value: ConfigValue::Table(entries) }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> ConfigNode {
        let place = self.location(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => ConfigValue::Text(text.to_string()),
            DeValue::Datetime(moment) => ConfigValue::DateTime(moment.to_string()),
            DeValue::Boolean(flag) => ConfigValue::Boolean(*flag),
            DeValue::Float(number) => ConfigValue::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Integer(number) => {
                // A number that does not fit an `i64` is outside the range of every key.
                let beyond = if number.as_str().starts_with('-') { i64::MIN } else { i64::MAX };
                ConfigValue::Integer(i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(beyond))
            }
            DeValue::Array(items) => ConfigValue::List(items.iter().map(|item| self.value(item)).collect()),
            DeValue::Table(table) => self.table(table).value,
        };
        ConfigNode { location: place, value }
    }

    fn location(&self, offset: usize) -> ConfigLocation {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        ConfigLocation::File { file: Arc::clone(&self.file), line, column: before.chars().count() + 1 }
    }
}
