//! Keys that are set as environment variables.
//!
//! Enters: names and values. Leaves: the tree with these values in place of those of the file. Laws: every key with a
//! scalar or a list has one variable, `ONLOOKER_` and its path in upper case; a variable that starts with `ONLOOKER_`
//! and names no key is an error.

use std::sync::Arc;

use super::{
    diagnostic::{ConfigLocation, ConfigProblem, Diagnostic, quoted},
    schema::{SchemaNode, ValueKind},
    tree::{ConfigEntry, ConfigNode, ConfigValue},
};
use crate::suggest::suggest;

const PREFIX: &str = "ONLOOKER_";

/// Variables that are not keys of the configuration, each with its description.
pub const RESERVED_VARIABLES: [(&str, &str); 14] = [
    ("ONLOOKER_CONFIG", "configuration file; for a function `s3://bucket/key`"),
    ("ONLOOKER_TABLE", "DynamoDB table of the functions"),
    ("ONLOOKER_BUCKET", "S3 bucket in which the functions store evidence and reports"),
    ("ONLOOKER_TOPIC", "ARN of the SNS topic to which the functions publish notifications"),
    ("ONLOOKER_BUS", "EventBridge bus to which the functions send events"),
    ("ONLOOKER_DEPLOYMENT", "name of the stack of the functions"),
    (
        "ONLOOKER_TRAIL",
        "`s3://bucket/prefix` of the folders of accounts in the trail; it ends with `AWSLogs/` or `AWSLogs/o-.../`",
    ),
    ("ONLOOKER_SIGNING_KEY", "ARN of the KMS key with which the functions sign seals of the audit trail"),
    ("ONLOOKER_BACKUPS", "`s3://bucket/prefix/` of the daily backups of the functions"),
    ("ONLOOKER_SECOND_BACKUPS", "`s3://bucket/prefix/` of the weekly backups of the functions"),
    ("ONLOOKER_ROLES", "roles of the functions as `name=ARN`; Onlooker watches them"),
    ("ONLOOKER_KEYS", "KMS keys of the stack as `name=ARN`"),
    ("ONLOOKER_LOG", "log filter, such as `info` or `onlooker_core=debug`"),
    ("ONLOOKER_TEST_DATA", "folder of test data; only the tests of this project read it"),
];

/// An environment variable and the key that it sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvVariable {
    /// Name of the variable, such as `ONLOOKER_THRESHOLDS_ERROR_RATE`.
    pub name: String,
    /// Path of the key, such as `thresholds.error_rate`.
    pub key: String,
    /// Description of the key.
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

/// Applies variables to the tree. An empty variable counts as not set. A pattern in a variable cannot contain a
/// comma; `?` matches one.
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

/// Visits every key that a variable can set.
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

/// The only required key of a table; none if it has another number of them.
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
    // A value in place of a table is reported by the reader. The variable still applies.
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
            "write overrides in the file, with an owner and a reason, or use `onlooker override add`".into()
        }
        None => {
            "unset it; the key `section.key` is `ONLOOKER_SECTION_KEY`, see `onlooker config schema`".into()
        }
    };
    Diagnostic::new(format!("the variable {} does not set a key", quoted(name)), remedy)
}
