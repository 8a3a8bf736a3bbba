//! Standards and their packs as JSON documents, as `onlooker standards` prints them.
//!
//! Enters: packs, and the standard in force. Leaves: a list, a pack, or the result of a validation. Laws: a note is no
//! problem; a pack is valid if reports can use it, whatever the notes say.

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::{Control, ControlPack, ControlPackError, ControlRequirement};
use crate::{
    config::{ConfigProblem, Standard},
    finding,
};

/// Version of these documents; the first number changes if a field loses its meaning.
pub const STANDARDS_SCHEMA_VERSION: &str = "1.0";

/// What `onlooker standards list --json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StandardsList {
    /// Version of this shape.
    pub schema_version: &'static str,
    /// Every standard that can be configured.
    pub standards: Vec<StandardSummary>,
}

/// A standard, without its controls.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StandardSummary {
    /// The name, as `standard` and `--standard` take it.
    pub name: Standard,
    /// Title of its pack; absent for `CUSTOM` without a `standard_file`.
    pub title: Option<String>,
    /// The document and its edition that the ids of the controls refer to.
    pub reference: Option<String>,
    /// Number of controls of its pack; absent for `CUSTOM` without a `standard_file`.
    pub controls: Option<u64>,
    /// Whether reports use it, as configured.
    pub in_force: bool,
}

/// What `onlooker standards show --json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PackDocument<'a> {
    /// Version of this shape.
    pub schema_version: &'static str,
    /// The standard of the pack.
    pub standard: Standard,
    /// The pack.
    pub pack: &'a ControlPack,
}

/// What `onlooker standards validate --json` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PackValidation {
    /// Version of this shape.
    pub schema_version: &'static str,
    /// Name of the file, as given by the user.
    pub file: String,
    /// Whether reports can use the pack.
    pub valid: bool,
    /// Id of the pack; absent if it is not valid.
    pub id: Option<String>,
    /// Number of controls; absent if the pack is not valid.
    pub controls: Option<u64>,
    /// What is wrong, each with file, line, column, message and remedy.
    #[schemars(with = "Vec<PackProblem>")]
    pub problems: Vec<ConfigProblem>,
    /// What the author may want to add.
    pub notes: Vec<String>,
}

/// The shape of a problem; only its schema is used.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only the schema is used")]
struct PackProblem {
    /// Name of the file, as given by the user.
    file: String,
    /// One-based number of the line.
    line: u64,
    /// Column in characters, from 1.
    column: u64,
    /// What is wrong: lower case, no period, input in backticks.
    message: String,
    /// What to do about the problem, as an instruction.
    remedy: String,
}

/// One of the documents; only its schema is used.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only the schema is used")]
enum StandardsDocument {
    /// What `onlooker standards list --json` prints.
    List(StandardsList),
    /// What `onlooker standards show --json` prints.
    Show(PackDocument<'static>),
    /// What `onlooker standards validate --json` prints.
    Validate(PackValidation),
}

/// The published JSON schema of what `onlooker standards` prints with `--json`: any of its documents.
pub fn standards_schema() -> Schema {
    schemars::schema_for!(StandardsDocument)
}

impl StandardSummary {
    /// A standard with its pack, if there is one.
    pub fn of(name: Standard, pack: Option<&ControlPack>, in_force: bool) -> Self {
        Self {
            name,
            title: pack.map(|pack| pack.title.clone()),
            reference: pack.and_then(|pack| pack.reference.clone()),
            controls: pack.map(|pack| pack.controls.len() as u64),
            in_force,
        }
    }
}

impl PackValidation {
    /// The result of reading a file as a pack.
    pub fn of(file: &str, read: &Result<ControlPack, ControlPackError>) -> Self {
        let pack = read.as_ref().ok();
        let problems = match read {
            Err(ControlPackError::Invalid(error)) => error.problems.clone(),
            _ => Vec::new(),
        };
        Self {
            schema_version: STANDARDS_SCHEMA_VERSION,
            file: file.to_owned(),
            valid: pack.is_some(),
            id: pack.map(|pack| pack.id.clone()),
            controls: pack.map(|pack| pack.controls.len() as u64),
            problems,
            notes: pack.map_or_else(Vec::new, ControlPack::notes),
        }
    }
}

impl ControlPack {
    /// What the author of a valid pack may want to add.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.controls.iter().flat_map(Control::notes).collect();
        let unreached: Vec<String> = self.unreached_rules().map(|rule| format!("`{rule}`")).collect();
        if !unreached.is_empty() {
            notes.push(format!("rules that fail no control: {}", unreached.join(", ")));
        }
        notes
    }
}

impl Control {
    fn notes(&self) -> Vec<String> {
        let missing: Vec<&str> = [("`shows`", &self.shows), ("`does_not_show`", &self.does_not_show)]
            .into_iter()
            .filter_map(|(key, text)| text.is_none().then_some(key))
            .collect();
        let silent = (!missing.is_empty())
            .then(|| format!("control `{}` has no {}", self.id, missing.join(" and no ")));
        let mut rules = self.failing_rules.iter().filter_map(|id| finding::rule(id));
        let policies = rules
            .find(|rule| rule.needs_policies && !self.requires.contains(&ControlRequirement::Policies))
            .map(|rule| {
                format!(
                    "control `{}` can pass although no policies were read, in which `{}` is not evaluated: add `policies` to `requires`",
                    self.id, rule.id
                )
            });
        silent.into_iter().chain(policies).collect()
    }
}
