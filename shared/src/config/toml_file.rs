//! A TOML file that a schema describes, read as the configuration is.
//!
//! Enters: the text of a file and the schema of its type. Leaves: the value with the location of each of its parts, or
//! [`ConfigError`] with every problem. Law: an unknown key is an error with its line.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{
    diagnostic::{ConfigError, ConfigLocation, ConfigProblem, Diagnostic},
    reader::{ConfigReader, location_of},
    schema::SchemaNode,
    tree::ConfigNode,
};

/// A value that was read from a TOML file.
#[derive(Debug)]
pub(crate) struct TomlFile<T> {
    /// The value.
    pub value: T,
    locations: BTreeMap<String, ConfigLocation>,
}

impl<T: DeserializeOwned> TomlFile<T> {
    /// Reads a text. `file` is the name of the file for errors, `schema` the schema of the type without references, and
    /// `what` what such a file is called.
    pub fn read(
        text: &str,
        file: &str,
        schema: &'static Json,
        what: &'static str,
    ) -> Result<Self, ConfigError> {
        let tree = ConfigNode::from_toml(text, file)?;
        let schema = SchemaNode::of(schema);
        let mut reader = ConfigReader::of(schema, what);
        let values = reader.read(&tree, schema, "");
        ConfigError::from_problems(reader.problems)?;
        let value = serde_json::from_value(values).map_err(|error| ConfigError {
            problems: vec![Diagnostic::new(error.to_string(), "correct the value").at(&tree.location)],
        })?;
        Ok(Self { value, locations: reader.locations })
    }
}

impl<T> TomlFile<T> {
    /// The location of a part, by its path, such as `control[1].id`.
    pub fn location(&self, path: &str) -> ConfigLocation {
        location_of(&self.locations, path)
    }

    /// A problem with a part.
    pub fn problem(&self, path: &str, diagnostic: Diagnostic) -> ConfigProblem {
        diagnostic.at(&self.location(path))
    }
}
