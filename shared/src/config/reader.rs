//! Holds a tree against the shape of a configuration.
//!
//! Enters: a tree of values with their places. Leaves: the same values as JSON, and every problem found on the way.
//! Law: a key is either known and right, or a problem; a faulty value becomes `null`, so that the rest can still be
//! checked and all problems are told at once.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value as Json};

use super::{
    problem::{Fault, Place, Problem, quoted},
    schema::{Kind, Shape},
    standard,
    tree::{Entry, Node, Value, join},
    vocabulary,
};
use crate::nearest::nearest;

/// What reading a tree found.
#[derive(Default)]
pub(super) struct Reader {
    pub problems: Vec<Problem>,
    /// Place of every value, by its path.
    pub places: BTreeMap<String, Place>,
}

impl Reader {
    /// Reads a value; `path` is the path of its key.
    pub fn read(&mut self, node: &Node, shape: Shape<'_>, path: &str) -> Json {
        self.places.insert(path.to_owned(), node.place.clone());
        match (shape.kind(), &node.value) {
            (Kind::Table, Value::Table(entries)) => self.table(node, entries, shape, path),
            (Kind::List(item), Value::List(nodes)) => {
                if nodes.is_empty() && !shape.may_be_empty() {
                    let message = format!("`{path}` is empty");
                    self.report(
                        node,
                        Fault::new(message, "name at least one, or remove the key for the default"),
                    );
                }
                self.list(nodes, item, path)
            }
            (Kind::Text { format: Some("date-time") }, Value::Moment(text)) => {
                self.text(node, "date-time", text)
            }
            (Kind::Text { format }, Value::Text(text)) => self.text(node, format.unwrap_or_default(), text),
            (Kind::OneOf(words), Value::Text(text)) => match words.contains(&text.as_str()) {
                true => Json::from(text.as_str()),
                false => self.report(node, not_one_of(text, &words)),
            },
            (Kind::Boolean, Value::Boolean(flag)) => Json::from(*flag),
            (Kind::Integer, Value::Integer(number)) =>
            {
                #[expect(clippy::cast_precision_loss, reason = "only compared with small limits")]
                self.number(node, shape, path, *number as f64, Json::from(*number))
            }
            #[expect(clippy::cast_precision_loss, reason = "percentages")]
            (Kind::Number, Value::Integer(number)) => {
                self.number(node, shape, path, *number as f64, Json::from(*number as f64))
            }
            (Kind::Number, Value::Float(number)) => {
                self.number(node, shape, path, *number, Json::from(*number))
            }
            (kind, _) => {
                let (wanted, remedy) = wanted(&kind, path);
                let message = format!("`{path}` must be {wanted}, not {}", node.described());
                self.report(node, Fault::new(message, remedy))
            }
        }
    }

    fn report(&mut self, node: &Node, fault: Fault) -> Json {
        self.problems.push(fault.at(&node.place));
        Json::Null
    }

    fn table(&mut self, node: &Node, entries: &[Entry], shape: Shape<'_>, path: &str) -> Json {
        let mut table = Map::new();
        for Entry { name, place, node } in entries {
            let path = join(path, name);
            match shape.key(name) {
                Some(shape) => {
                    table.insert(name.clone(), self.read(node, shape, &path));
                }
                None => self.problems.push(unknown_key(name, &path, shape).at(place)),
            }
        }
        for name in shape.required().filter(|name| !table.contains_key(*name)) {
            let example = shape
                .key(name)
                .and_then(Shape::example)
                .map_or_else(String::new, |example| format!(", such as `{name} = {example}`"));
            let table = if path.is_empty() { "the configuration" } else { path };
            let fault = Fault::new(format!("`{table}` has no `{name}`"), format!("add it{example}"));
            self.problems.push(fault.at(&node.place));
        }
        Json::Object(table)
    }

    fn list(&mut self, nodes: &[Node], item: Shape<'_>, path: &str) -> Json {
        let mut seen = BTreeMap::<&str, usize>::new();
        let values = nodes.iter().enumerate().map(|(n, node)| {
            let value = self.read(node, item, &format!("{path}[{n}]"));
            if let Value::Text(text) = &node.value
                && seen.insert(text, n).is_some()
            {
                let fault = Fault::new(format!("{} is listed twice", quoted(text)), "remove one of the two");
                self.problems.push(fault.at(&node.place));
            }
            value
        });
        Json::Array(values.collect())
    }

    fn text(&mut self, node: &Node, format: &str, text: &str) -> Json {
        match vocabulary::check(format, text) {
            Some(Err(fault)) => self.report(node, fault),
            _ => Json::from(text),
        }
    }

    fn number(&mut self, node: &Node, shape: Shape<'_>, path: &str, number: f64, value: Json) -> Json {
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
            Fault::new(message, format!("write a number from {} to {}", bound(least), bound(most))),
        )
    }
}

/// The place of a path, or of the nearest table around it that has one.
pub(super) fn place_of(places: &BTreeMap<String, Place>, path: &str) -> Place {
    let mut around = path;
    loop {
        if let Some(place) = places.get(around) {
            return place.clone();
        }
        match around.rfind(['.', '[']).and_then(|at| around.get(..at)) {
            Some(shorter) => around = shorter,
            None if around.is_empty() => return Place::Key { key: Arc::from(path) },
            None => around = "",
        }
    }
}

fn unknown_key(name: &str, path: &str, shape: Shape<'_>) -> Fault {
    // A key can be right and stand in the wrong table, most often after a `[section]` header.
    let elsewhere = || {
        Shape::root().keys().find_map(|(table, shape)| {
            let of = match shape.kind() {
                Kind::List(item) => item,
                _ => shape,
            };
            (table == name)
                .then(|| format!("`{name}` belongs at the top, before the first `[section]`"))
                .or_else(|| of.key(name).map(|_| format!("`{name}` belongs in `{table}`")))
        })
    };
    let remedy = match nearest(name, shape.keys().map(|(known, _)| known)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => elsewhere().unwrap_or_else(|| {
            let known: Vec<_> = shape.keys().map(|(known, _)| format!("`{known}`")).collect();
            format!("remove it; known here are {}", known.join(", "))
        }),
    };
    Fault::new(format!("unknown key {}", quoted(path)), remedy)
}

fn not_one_of(text: &str, words: &[&str]) -> Fault {
    if words.contains(&super::Standard::General.as_str())
        && let Err(fault) = standard::exact(text)
    {
        return fault;
    }
    let known: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    let meant = nearest(text, words.iter().copied())
        .map_or_else(String::new, |word| format!("did you mean `{word}`? "));
    Fault::new(
        format!("{} is not known here", quoted(text)),
        format!("{meant}known are {}", known.join(", ")),
    )
}

fn wanted(kind: &Kind<'_>, path: &str) -> (&'static str, String) {
    let name = path.rsplit('.').next().unwrap_or(path);
    match kind {
        Kind::Table => ("a table", format!("write its keys in a section of its own: `[{path}]`")),
        Kind::List(item) if matches!(item.kind(), Kind::Table) => {
            ("a list of tables", format!("start each entry with `[[{path}]]`"))
        }
        Kind::List(_) => ("a list", format!("write it in brackets: `{name} = [\"…\"]`")),
        Kind::Text { format: Some("date-time") } => {
            ("a point in time", "write date, time and offset, such as `2027-01-31T00:00:00Z`".into())
        }
        Kind::Text { .. } | Kind::OneOf(_) => ("a text", "write it in double quotes".into()),
        Kind::Integer => ("a whole number", "write it without quotes and without a fraction".into()),
        Kind::Number => ("a number", "write it without quotes, such as `12.5`".into()),
        Kind::Boolean => ("`true` or `false`", "write one of the two, without quotes".into()),
    }
}
