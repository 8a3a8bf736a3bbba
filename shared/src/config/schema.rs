//! The schema of a configuration, derived from its types.
//!
//! Enters: nothing. Leaves: the JSON Schema of `onlooker.toml`, and its parts as [`SchemaNode`]s for the reader, the
//! variables and the template. Law: the types of the parent module are the only description of the keys.

use std::sync::LazyLock;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value as Json;

use super::Config;

/// JSON Schema of `onlooker.toml`, for editors and people.
pub fn schema() -> Json {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Config>().to_value();
    if let Json::Object(root) = &mut schema {
        root.insert("title".into(), "Configuration of Onlooker (onlooker.toml)".into());
    }
    schema
}

/// The schema without references.
static INLINED_SCHEMA: LazyLock<Json> = LazyLock::new(inlined_schema::<Config>);

/// The schema of a type, without references.
pub(crate) fn inlined_schema<T: JsonSchema>() -> Json {
    let mut generator =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    T::json_schema(&mut generator).to_value()
}

/// The schema of one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct SchemaNode<'a>(&'a Json);

/// The kinds of values.
#[derive(Debug)]
pub(super) enum ValueKind<'a> {
    Table,
    List(SchemaNode<'a>),
    Text { format: Option<&'a str> },
    OneOf(Vec<&'a str>),
    Integer,
    Number,
    Boolean,
}

impl SchemaNode<'static> {
    /// The schema of the whole configuration.
    pub fn root() -> Self {
        Self(&INLINED_SCHEMA)
    }

    /// A schema that [`inlined_schema`] made.
    pub const fn of(schema: &'static Json) -> Self {
        Self(schema)
    }
}

impl<'a> SchemaNode<'a> {
    /// The schema of the value, without the alternative that it is absent.
    fn present(self) -> Self {
        let options = self.0.get("anyOf").and_then(Json::as_array);
        let present =
            options.and_then(|all| all.iter().find(|one| one.get("type") != Some(&Json::from("null"))));
        present.map_or(self, Self)
    }

    pub fn kind(self) -> ValueKind<'a> {
        let schema = self.present().0;
        let format = schema.get("format").and_then(Json::as_str);
        let constants = schema.get("oneOf").or_else(|| schema.get("enum")).and_then(Json::as_array);
        if let Some(options) = constants {
            return ValueKind::OneOf(
                options.iter().filter_map(|one| one.get("const").unwrap_or(one).as_str()).collect(),
            );
        }
        let name = match schema.get("type") {
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).find(|name| *name != "null"),
            Some(name) => name.as_str(),
            None => None,
        };
        match name {
            Some("object") => ValueKind::Table,
            Some("array") => schema
                .get("items")
                .map_or(ValueKind::Text { format: None }, |items| ValueKind::List(SchemaNode(items))),
            Some("integer") => ValueKind::Integer,
            Some("number") => ValueKind::Number,
            Some("boolean") => ValueKind::Boolean,
            _ => ValueKind::Text { format },
        }
    }

    /// Keys of a table, in the order of its type.
    pub fn keys(self) -> impl Iterator<Item = (&'a str, SchemaNode<'a>)> {
        let properties = self.present().0.get("properties").and_then(Json::as_object);
        properties.into_iter().flatten().map(|(name, shape)| (name.as_str(), Self(shape)))
    }

    /// The schema of one key.
    pub fn key(self, name: &str) -> Option<SchemaNode<'a>> {
        self.present().0.get("properties")?.get(name).map(Self)
    }

    /// Names of the required keys of a table.
    pub fn required(self) -> impl Iterator<Item = &'a str> {
        let required = self.present().0.get("required").and_then(Json::as_array);
        required.into_iter().flatten().filter_map(Json::as_str)
    }

    /// Smallest and largest number.
    pub fn range(self) -> (Option<&'a Json>, Option<&'a Json>) {
        let schema = self.present().0;
        (schema.get("minimum"), schema.get("maximum"))
    }

    /// Whether a list may be empty.
    pub fn may_be_empty(self) -> bool {
        self.present().0.get("minItems").and_then(Json::as_u64).unwrap_or(0) == 0
    }

    /// Whether the value is a list in which the number of times that a value is listed has no meaning.
    pub fn is_set(self) -> bool {
        self.present().0.get("uniqueItems") == Some(&Json::Bool(true))
    }

    /// Whether a single value may stand in place of a list.
    pub fn takes_single(self) -> bool {
        let options = self.0.get("anyOf").and_then(Json::as_array);
        let is_null = |option: &&Json| option.get("type") == Some(&Json::from("null"));
        options.is_some_and(|all| all.iter().filter(|option| !is_null(option)).count() > 1)
    }

    /// Description of the key.
    pub fn description(self) -> &'a str {
        self.0.get("description").and_then(Json::as_str).unwrap_or_default()
    }

    /// The value that applies when the key is absent.
    pub fn default(self) -> Option<&'a Json> {
        self.0.get("default").filter(|value| !value.is_null())
    }

    /// An example of a value.
    pub fn example(self) -> Option<&'a Json> {
        let own = self.0.get("examples").or_else(|| self.present().0.get("examples"));
        own.and_then(Json::as_array).and_then(|all| all.first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::formats;

    fn visit(shape: SchemaNode<'_>, path: &str, seen: &mut Vec<String>) {
        for (name, shape) in shape.keys() {
            let path = format!("{path}.{name}");
            assert!(!shape.description().is_empty(), "{path} has no description");
            let (kind, shape) = match shape.kind() {
                ValueKind::List(item) => (item.kind(), item),
                kind => (kind, shape),
            };
            match kind {
                ValueKind::Table => visit(shape, &path, seen),
                ValueKind::Text { format } => {
                    let format = format.unwrap_or_else(|| panic!("{path} has no format"));
                    assert!(
                        formats::check(format, "").is_some(),
                        "{path}: the format `{format}` is not checked"
                    );
                }
                ValueKind::Integer | ValueKind::Number => {
                    assert!(matches!(shape.range(), (Some(_), Some(_))), "{path} has no range");
                }
                ValueKind::OneOf(words) => assert!(!words.is_empty(), "{path}"),
                ValueKind::Boolean | ValueKind::List(_) => {}
            }
            seen.push(path);
        }
    }

    #[test]
    fn every_key_is_described_and_every_text_and_number_is_validated() {
        let mut seen = Vec::new();
        visit(SchemaNode::root(), "", &mut seen);
        assert!(seen.len() > 30, "{seen:#?}");
    }
}
