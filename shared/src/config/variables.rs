//! Keys given as environment variables.
//!
//! Enters: names and values. Leaves: the tree with those values in place of the file's. Laws: every key that is a
//! scalar or a list has one variable, `ONLOOKER_` and its path in upper case; a variable that starts with
//! `ONLOOKER_` and names no key is a problem, never silence.

use std::sync::Arc;

use super::{
    diagnostic::{ConfigLocation, ConfigProblem, Diagnostic, quoted},
    schema::{SchemaNode, ValueKind},
    tree::{ConfigEntry, ConfigNode, ConfigValue},
};
use crate::suggest::suggest;

const PREFIX: &str = "ONLOOKER_";

/// Variables that are not keys of the configuration, each with its meaning.
pub const RESERVED_VARIABLES: [(&str, &str); 10] = [
    ("ONLOOKER_CONFIG", "configuration file to use; of a function `s3://bucket/key`"),
    ("ONLOOKER_TABLE", "DynamoDB table of the functions"),
    ("ONLOOKER_BUCKET", "S3 bucket the functions keep evidence and reports in"),
    ("ONLOOKER_TOPIC", "ARN of the SNS topic the functions publish to"),
    ("ONLOOKER_BUS", "EventBridge bus the functions put events on"),
    ("ONLOOKER_DEPLOYMENT", "name of the stack the functions belong to"),
    ("ONLOOKER_ROLES", "roles of the functions as `name=ARN`, which they watch themselves"),
    ("ONLOOKER_KEYS", "KMS keys of the stack as `name=ARN`"),
    ("ONLOOKER_LOG", "what to log, such as `info` or `onlooker_core=debug`"),
    ("ONLOOKER_TEST_DATA", "folder of test data; read by the project's own tests alone"),
];

/// An environment variable and the key it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvVariable {
    /// Its name, such as `ONLOOKER_THRESHOLDS_ERROR_RATE`.
    pub name: String,
    /// Path of the key, such as `thresholds.error_rate`.
    pub key: String,
    /// What the key means.
    pub meaning: String,
}

/// Every variable, in the order of the keys.
pub fn variables() -> Vec<EnvVariable> {
    let mut found = Vec::new();
    visit_keys(SchemaNode::root(), &[], &mut |path, shape| {
        let name = format!("{PREFIX}{}", path.join("_").to_uppercase());
        found.push(EnvVariable { name, key: path.join("."), meaning: shape.description().to_owned() });
    });
    found
}

/// Puts variables over the tree. An empty variable counts as not set. A pattern with a comma in it cannot be said
/// here; `?` stands for one.
pub(super) fn apply_variables(
    tree: &mut ConfigNode,
    given: impl IntoIterator<Item = (String, String)>,
    problems: &mut Vec<ConfigProblem>,
) {
    let mut given: Vec<_> = given
        .into_iter()
        .filter(|(name, value)| {
            name.starts_with(PREFIX)
                && !value.is_empty()
                && !RESERVED_VARIABLES.iter().any(|(reserved, _)| name == reserved)
        })
        .collect();
    given.sort();
    for (name, value) in given {
        let place = ConfigLocation::Variable { variable: Arc::from(name.as_str()) };
        let mut known = None;
        visit_keys(SchemaNode::root(), &[], &mut |path, shape| {
            if name.strip_prefix(PREFIX) == Some(path.join("_").to_uppercase().as_str()) {
                known = Some((path.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>(), shape));
            }
        });
        let Some((path, shape)) = known else {
            problems.push(unknown_variable(&name).at(&place));
            continue;
        };
        match read(&value, shape, &place) {
            Ok(node) => insert_at(tree, &path, node, &place),
            Err(fault) => problems.push(fault.at(&place)),
        }
    }
}

/// Visits every key that can be given as a variable.
fn visit_keys<'a>(
    shape: SchemaNode<'a>,
    path: &[&'a str],
    visit: &mut impl FnMut(&[&'a str], SchemaNode<'a>),
) {
    for (name, shape) in shape.keys() {
        let path = [path, &[name]].concat();
        match shape.kind() {
            ValueKind::Table => visit_keys(shape, &path, visit),
            ValueKind::List(item) if matches!(item.kind(), ValueKind::Table) && sole_key(item).is_none() => {}
            _ => visit(&path, shape),
        }
    }
}

/// The one key a table needs, when it needs no other.
fn sole_key<'a>(table: SchemaNode<'a>) -> Option<&'a str> {
    let mut required = table.required();
    required.next().filter(|_| required.next().is_none())
}

fn read(text: &str, shape: SchemaNode<'_>, place: &ConfigLocation) -> Result<ConfigNode, Diagnostic> {
    let not =
        |what: &str| Diagnostic::new(format!("{} is not {what}", quoted(text)), format!("write {what}"));
    let value = match shape.kind() {
        ValueKind::Text { .. } | ValueKind::OneOf(_) => ConfigValue::Text(text.to_owned()),
        ValueKind::Integer => text.parse().map(ConfigValue::Integer).map_err(|_| not("a whole number"))?,
        ValueKind::Number => text.parse().map(ConfigValue::Float).map_err(|_| not("a number"))?,
        ValueKind::Boolean => text.parse().map(ConfigValue::Boolean).map_err(|_| not("`true` or `false`"))?,
        ValueKind::List(item) => {
            let pieces = text.split(',').map(str::trim).filter(|piece| !piece.is_empty());
            ConfigValue::List(pieces.map(|piece| entry(piece, item, place)).collect::<Result<_, _>>()?)
        }
        ValueKind::Table => return Err(not("a table")),
    };
    Ok(ConfigNode { location: place.clone(), value })
}

fn entry(text: &str, item: SchemaNode<'_>, place: &ConfigLocation) -> Result<ConfigNode, Diagnostic> {
    let Some(key) = sole_key(item).filter(|_| matches!(item.kind(), ValueKind::Table)) else {
        return read(text, item, place);
    };
    let node = ConfigNode { location: place.clone(), value: ConfigValue::Text(text.to_owned()) };
    let entry = ConfigEntry { name: key.to_owned(), location: place.clone(), node };
    Ok(ConfigNode { location: place.clone(), value: ConfigValue::Table(vec![entry]) })
}

fn insert_at(tree: &mut ConfigNode, path: &[String], node: ConfigNode, place: &ConfigLocation) {
    let Some((name, rest)) = path.split_first() else {
        *tree = node;
        return;
    };
    // Whatever else the file says in the place of a table is reported by the reader; the variable still counts.
    let ConfigValue::Table(entries) = &mut tree.value else { return };
    if let Some(entry) = entries.iter_mut().find(|entry| entry.name == *name) {
        return insert_at(&mut entry.node, rest, node, place);
    }
    let mut child = ConfigNode { location: place.clone(), value: ConfigValue::Table(Vec::new()) };
    insert_at(&mut child, rest, node, place);
    entries.push(ConfigEntry { name: name.clone(), location: place.clone(), node: child });
}

fn unknown_variable(name: &str) -> Diagnostic {
    let known: Vec<String> = variables().into_iter().map(|variable| variable.name).collect();
    let all =
        known.iter().map(String::as_str).chain(RESERVED_VARIABLES.into_iter().map(|(reserved, _)| reserved));
    let remedy = match suggest(name, all) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if name.starts_with("ONLOOKER_OVERRIDE") => {
            "overrides need an owner and a reason: write them in the file, or use `onlooker override add`"
                .into()
        }
        None => {
            "unset it; a key `section.key` is `ONLOOKER_SECTION_KEY`, see `onlooker config schema`".into()
        }
    };
    Diagnostic::new(format!("the variable {} names no key", quoted(name)), remedy)
}
