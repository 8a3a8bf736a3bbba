//! A configuration before its meaning is known: values, each with the place it was given at.
//!
//! Enters: TOML text, or a value made by the program. Leaves: a tree of [`Node`]s. Law: every key and every value
//! carries a place, so whatever is found wrong later can be pointed at.

use std::sync::Arc;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::{ConfigError, Fault, Place, quoted};
use crate::plain::plain;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: Place,
    pub value: Value,
}

/// What a configuration is made of.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    /// A date or time written without quotes.
    Moment(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub name: String,
    /// Place of the key; that of the value is its own.
    pub place: Place,
    pub node: Node,
}

impl Node {
    /// A table without keys, at the start of nothing.
    pub fn empty() -> Self {
        Self { place: Place::Key { key: Arc::from("") }, value: Value::Table(Vec::new()) }
    }

    /// Reads TOML. What follows a syntax error is guesswork, so with one there is no tree.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, ConfigError> {
        let lines = Lines::new(text, file);
        let (document, errors) = DeTable::parse_recoverable(text);
        let problems = errors.iter().map(|error| {
            let span = error.span().unwrap_or(text.len()..text.len());
            let place = lines.place(span.start);
            match (error.message(), text.get(span)) {
                ("duplicate key", Some(key)) => {
                    Fault::new(format!("{} is given twice", quoted(key.trim())), ONCE).at(&place)
                }
                (message, _) => {
                    Fault::new(format!("this is not TOML: {}", plain(message)), SYNTAX).at(&place)
                }
            }
        });
        ConfigError::unless_empty(problems.collect())?;
        Ok(lines.table(document.get_ref()))
    }

    /// The tree of a value made by the program; its places are the paths of the keys.
    pub fn from_json(value: &serde_json::Value, path: &str) -> Option<Self> {
        use serde_json::Value as Json;
        let place = Place::Key { key: Arc::from(path) };
        let value = match value {
            Json::Null => return None,
            Json::Bool(flag) => Value::Boolean(*flag),
            Json::String(text) => Value::Text(text.clone()),
            Json::Number(number) => match number.as_i64() {
                Some(integer) => Value::Integer(integer),
                None => Value::Float(number.as_f64().unwrap_or(f64::INFINITY)),
            },
            Json::Array(items) => Value::List(
                items
                    .iter()
                    .enumerate()
                    .filter_map(|(n, item)| Self::from_json(item, &format!("{path}[{n}]")))
                    .collect(),
            ),
            Json::Object(entries) => Value::Table(
                entries
                    .iter()
                    .filter_map(|(name, value)| {
                        let path = join(path, name);
                        let node = Self::from_json(value, &path)?;
                        Some(Entry { name: name.clone(), place: node.place.clone(), node })
                    })
                    .collect(),
            ),
        };
        Some(Self { place, value })
    }

    /// The word for its type, with an article.
    pub fn described(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("the text {}", quoted(text)),
            Value::Moment(text) => format!("the date {}", quoted(text)),
            Value::Integer(number) => format!("the number {}", quoted(&number.to_string())),
            Value::Float(number) => format!("the number {}", quoted(&number.to_string())),
            Value::Boolean(flag) => quoted(&flag.to_string()),
            Value::List(_) => "a list".into(),
            Value::Table(_) => "a table".into(),
        }
    }
}

/// The path of a key in a table.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

const SYNTAX: &str = "keys are written `key = value`, text goes in double quotes, lists in `[ ]`, sections start with `[name]`";
const ONCE: &str =
    "keep one; each key and each `[section]` is written once, entries of a list repeat `[[watch]]`";

/// Where lines start, so that an offset becomes a line and a column.
struct Lines<'a> {
    text: &'a str,
    file: Arc<str>,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str, file: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, file: Arc::from(file), starts }
    }

    fn table(&self, table: &DeTable<'_>) -> Node {
        let entries = table
            .iter()
            .map(|(key, value)| Entry {
                name: key.get_ref().to_string(),
                place: self.place(key.span().start),
                node: self.value(value),
            })
            .collect();
        Node { place: self.place(0), value: Value::Table(entries) }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let place = self.place(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Datetime(moment) => Value::Moment(moment.to_string()),
            DeValue::Boolean(flag) => Value::Boolean(*flag),
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Integer(number) => {
                // Too many digits for an `i64` are beyond the range of every key too.
                let beyond = if number.as_str().starts_with('-') { i64::MIN } else { i64::MAX };
                Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(beyond))
            }
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.value(item)).collect()),
            DeValue::Table(table) => self.table(table).value,
        };
        Node { place, value }
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        Place::File { file: Arc::clone(&self.file), line, column: before.chars().count() + 1 }
    }
}
