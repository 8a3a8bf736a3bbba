//! Checks a tree of values against the schema of a configuration or of another TOML file.
//!
//! Enters: a tree of values with their locations. Leaves: the same values as JSON, and every problem. Laws: a key is
//! either known and valid, or a problem; an invalid value becomes `null`, so that the rest is still checked and all
//! problems are reported together; a single value is accepted where the schema allows it in place of a list.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value as Json};

use super::{
    diagnostic::{ConfigLocation, ConfigProblem, Diagnostic, quoted},
    formats,
    schema::{SchemaNode, ValueKind},
    standard,
    tree::{ConfigEntry, ConfigNode, ConfigValue, join},
};
use crate::suggest::suggest;

/// The results of reading a tree.
pub(super) struct ConfigReader {
    pub problems: Vec<ConfigProblem>,
    /// Location of every value, by its path.
    pub locations: BTreeMap<String, ConfigLocation>,
    /// The schema of the whole file, and what the file is called.
    file: (SchemaNode<'static>, &'static str),
}

impl Default for ConfigReader {
    fn default() -> Self {
        Self::of(SchemaNode::root(), "configuration")
    }
}

impl ConfigReader {
    /// A reader of files with this schema. `what` is what such a file is called.
    pub fn of(schema: SchemaNode<'static>, what: &'static str) -> Self {
        Self { problems: Vec::new(), locations: BTreeMap::new(), file: (schema, what) }
    }

    /// Reads a value; `path` is the path of its key.
    pub fn read(&mut self, node: &ConfigNode, shape: SchemaNode<'_>, path: &str) -> Json {
        self.locations.insert(path.to_owned(), node.location.clone());
        match (shape.kind(), &node.value) {
            (ValueKind::Table, ConfigValue::Table(entries)) => self.table(node, entries, shape, path),
            (ValueKind::List(item), ConfigValue::List(nodes)) => {
                if nodes.is_empty() && !shape.may_be_empty() {
                    let message = format!("`{path}` is empty");
                    self.report(
                        node,
                        Diagnostic::new(
                            message,
                            "write at least one value, or remove the key for the default",
                        ),
                    );
                }
                self.list(nodes, item, shape.is_set(), path)
            }
            (ValueKind::List(item), ConfigValue::Text(_)) if shape.takes_single() => {
                self.list(std::slice::from_ref(node), item, true, path)
            }
            (ValueKind::Text { format: Some("date-time") }, ConfigValue::DateTime(text)) => {
                self.text(node, "date-time", text)
            }
            (ValueKind::Text { format }, ConfigValue::Text(text)) => {
                self.text(node, format.unwrap_or_default(), text)
            }
            (ValueKind::OneOf(words), ConfigValue::Text(text)) => match words.contains(&text.as_str()) {
                true => Json::from(text.as_str()),
                false => self.report(node, unknown_word(text, &words)),
            },
            (ValueKind::Boolean, ConfigValue::Boolean(flag)) => Json::from(*flag),
            (ValueKind::Integer, ConfigValue::Integer(number)) =>
            {
                #[expect(clippy::cast_precision_loss, reason = "only compared with small limits")]
                self.number(node, shape, path, *number as f64, Json::from(*number))
            }
            #[expect(clippy::cast_precision_loss, reason = "percentages")]
            (ValueKind::Number, ConfigValue::Integer(number)) => {
                self.number(node, shape, path, *number as f64, Json::from(*number as f64))
            }
            (ValueKind::Number, ConfigValue::Float(number)) => {
                self.number(node, shape, path, *number, Json::from(*number))
            }
            (kind, _) => {
                let (wanted, remedy) = expected_kind(&kind, path);
                let message = format!("`{path}` must be {wanted}, not {}", node.description());
                self.report(node, Diagnostic::new(message, remedy))
            }
        }
    }

    fn report(&mut self, node: &ConfigNode, fault: Diagnostic) -> Json {
        self.problems.push(fault.at(&node.location));
        Json::Null
    }

    fn table(
        &mut self,
        node: &ConfigNode,
        entries: &[ConfigEntry],
        shape: SchemaNode<'_>,
        path: &str,
    ) -> Json {
        let mut table = Map::new();
        for ConfigEntry { name, location: place, node } in entries {
            let path = join(path, name);
            match shape.key(name) {
                Some(shape) => {
                    table.insert(name.clone(), self.read(node, shape, &path));
                }
                None => self.problems.push(unknown_key(name, &path, shape, self.file.0).at(place)),
            }
        }
        for name in shape.required().filter(|name| !table.contains_key(*name)) {
            let example = shape
                .key(name)
                .and_then(SchemaNode::example)
                .map_or_else(String::new, |example| format!(", such as `{name} = {example}`"));
            let table = if path.is_empty() { format!("the {}", self.file.1) } else { format!("`{path}`") };
            let fault = Diagnostic::new(format!("{table} has no `{name}`"), format!("add the key{example}"));
            self.problems.push(fault.at(&node.location));
        }
        Json::Object(table)
    }

    fn list(&mut self, nodes: &[ConfigNode], item: SchemaNode<'_>, is_set: bool, path: &str) -> Json {
        let mut seen = BTreeMap::<&str, usize>::new();
        let values = nodes.iter().enumerate().map(|(n, node)| {
            let value = self.read(node, item, &format!("{path}[{n}]"));
            if let ConfigValue::Text(text) = &node.value
                && seen.insert(text, n).is_some()
                && !is_set
            {
                let fault =
                    Diagnostic::new(format!("{} is listed twice", quoted(text)), "remove one of the two");
                self.problems.push(fault.at(&node.location));
            }
            value
        });
        Json::Array(values.collect())
    }

    fn text(&mut self, node: &ConfigNode, format: &str, text: &str) -> Json {
        match formats::check(format, text) {
            Some(Err(fault)) => self.report(node, fault),
            _ => Json::from(text),
        }
    }

    fn number(
        &mut self,
        node: &ConfigNode,
        shape: SchemaNode<'_>,
        path: &str,
        number: f64,
        value: Json,
    ) -> Json {
        let (least, most) = shape.range();
        let limit = |limit: Option<&Json>| limit.and_then(Json::as_f64);
        let in_range = number.is_finite()
            && limit(least).is_none_or(|least| number >= least)
            && limit(most).is_none_or(|most| number <= most);
        if in_range {
            return value;
        }
        let bound = |limit: Option<&Json>| limit.map_or_else(|| "any".into(), ToString::to_string);
        let shown = if number.is_finite() { value.to_string() } else { number.to_string() };
        let message = format!("`{path}` cannot be {}", quoted(&shown));
        self.report(
            node,
            Diagnostic::new(message, format!("write a number from {} to {}", bound(least), bound(most))),
        )
    }
}

/// The location of a path, or of the nearest enclosing table with a location.
pub(super) fn location_of(places: &BTreeMap<String, ConfigLocation>, path: &str) -> ConfigLocation {
    let mut around = path;
    loop {
        if let Some(place) = places.get(around) {
            return place.clone();
        }
        match around.rfind(['.', '[']).and_then(|at| around.get(..at)) {
            Some(shorter) => around = shorter,
            None if around.is_empty() => return ConfigLocation::Key { key: Arc::from(path) },
            None => around = "",
        }
    }
}

fn unknown_key(name: &str, path: &str, shape: SchemaNode<'_>, root: SchemaNode<'_>) -> Diagnostic {
    // A known key can be in the wrong table, most often after a `[section]` header.
    let elsewhere = || {
        root.keys().find_map(|(table, shape)| {
            let of = match shape.kind() {
                ValueKind::List(item) => item,
                _ => shape,
            };
            (table == name)
                .then(|| format!("`{name}` belongs at the top, before the first `[section]`"))
                .or_else(|| of.key(name).map(|_| format!("`{name}` belongs in `{table}`")))
        })
    };
    let remedy = match suggest(name, shape.keys().map(|(known, _)| known)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => elsewhere().unwrap_or_else(|| {
            let known: Vec<_> = shape.keys().map(|(known, _)| format!("`{known}`")).collect();
            format!("remove the key; the known keys are {}", known.join(", "))
        }),
    };
    Diagnostic::new(format!("unknown key {}", quoted(path)), remedy)
}

fn unknown_word(text: &str, words: &[&str]) -> Diagnostic {
    if words.contains(&super::Standard::General.as_str())
        && let Err(fault) = standard::check_exact_name(text)
    {
        return fault;
    }
    let known: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    let meant = suggest(text, words.iter().copied())
        .map_or_else(String::new, |word| format!("did you mean `{word}`? "));
    Diagnostic::new(
        format!("unknown value {}", quoted(text)),
        format!("{meant}the known values are {}", known.join(", ")),
    )
}

fn expected_kind(kind: &ValueKind<'_>, path: &str) -> (&'static str, String) {
    let name = path.rsplit('.').next().unwrap_or(path);
    match kind {
        ValueKind::Table if path.ends_with(']') => {
            let list = path.rsplit_once('[').map_or(path, |(list, _)| list);
            (
                "a table",
                format!("start each entry with a line `[[{list}]]`, and write its keys below that line"),
            )
        }
        ValueKind::Table => ("a table", format!("write the keys of the table in the section `[{path}]`")),
        ValueKind::List(item) if matches!(item.kind(), ValueKind::Table) => {
            ("a list of tables", format!("start each entry with `[[{path}]]`"))
        }
        ValueKind::List(_) => ("a list", format!("write the value in brackets: `{name} = [\"…\"]`")),
        ValueKind::Text { format: Some("date-time") } => {
            ("a point in time", "write date, time and offset, such as `2027-01-31T00:00:00Z`".into())
        }
        ValueKind::Text { .. } | ValueKind::OneOf(_) => ("a text", "write the value in double quotes".into()),
        ValueKind::Integer => {
            ("a whole number", "write the value without quotes and without a fraction".into())
        }
        ValueKind::Number => ("a number", "write the value without quotes, such as `12.5`".into()),
        ValueKind::Boolean => ("`true` or `false`", "write one of the two, without quotes".into()),
    }
}
