//! A control pack as a file.
//!
//! Enters: TOML. Leaves: a [`ControlPack`], or every problem with its line and its remedy. Laws: an unknown key and an
//! unknown rule are problems; a pack of an earlier version is still one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use super::ControlRequirement;
use crate::{
    config::{ConfigError, Diagnostic, Standard, TomlFile, inlined_schema, quoted},
    finding::RULES,
};

/// One control of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Reference of the control in its standard, such as `CC6.1`.
    #[schemars(example = &"CC6.1")]
    pub id: String,
    /// What the control requires of the organization, in your own words.
    #[schemars(example = &"Access follows least privilege")]
    pub title: String,
    /// What must be there before the control can pass: one requirement or a list of them. Absent: `watched-calls`.
    #[serde(default = "watched_calls", deserialize_with = "one_or_more")]
    #[schemars(with = "OneOrMore")]
    pub requires: BTreeSet<ControlRequirement>,
    /// Ids of the rules that fail it; `docs/semantics.md` lists them.
    #[schemars(schema_with = "rule_ids")]
    pub failing_rules: BTreeSet<String>,
    /// What a pass of the control shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows: Option<String>,
    /// What the control also asks for, and no report shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub does_not_show: Option<String>,
}

/// The controls of a standard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlPack {
    /// Id of the pack, such as `SOC2`.
    #[schemars(example = &"OUR_RULES")]
    pub id: String,
    /// Title of the standard.
    #[schemars(example = &"Rules of our security team")]
    pub title: String,
    /// The document and its edition that the ids of the controls refer to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What the standard also asks for, and no control of the pack is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub does_not_show: Option<String>,
    /// Controls of the pack, in the order of the file.
    #[serde(rename = "control")]
    pub controls: Vec<Control>,
}

/// Requirements as a pack may write them; only its schema is used.
struct OneOrMore;

impl JsonSchema for OneOrMore {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OneOrMore".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<ControlRequirement>();
        json_schema!({ "anyOf": [{ "type": "array", "items": one, "uniqueItems": true, "minItems": 1 }, one] })
    }
}

/// What a control without `requires` requires.
fn watched_calls() -> BTreeSet<ControlRequirement> {
    BTreeSet::from([ControlRequirement::WatchedCalls])
}

fn one_or_more<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeSet<ControlRequirement>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(ControlRequirement),
        More(BTreeSet<ControlRequirement>),
    }
    Ok(match Written::deserialize(input)? {
        Written::One(one) => BTreeSet::from([one]),
        Written::More(all) => all,
    })
}

fn rule_ids(_: &mut SchemaGenerator) -> Schema {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    json_schema!({ "type": "array", "items": { "type": "string", "enum": ids }, "uniqueItems": true })
}

/// The schema without references, by which a file is read.
static INLINED_SCHEMA: LazyLock<Json> = LazyLock::new(inlined_schema::<ControlPack>);

/// The published JSON schema of a control pack, for editors and people.
pub fn pack_schema() -> Json {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<ControlPack>().to_value();
    if let Json::Object(root) = &mut schema {
        root.insert("title".into(), "Control pack of Onlooker (standard_file)".into());
    }
    schema
}

/// Why a pack cannot be used.
#[derive(Debug, Error)]
pub enum ControlPackError {
    /// The file is not a pack: its problems, each with its line and its remedy.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
    /// The standard `CUSTOM` has no built-in pack.
    #[error("the standard `CUSTOM` needs a control pack: set `standard_file`, or pass `--pack FILE`")]
    MissingPack,
}

impl ControlPack {
    /// The built-in pack of a standard; `CUSTOM` has none.
    ///
    /// # Errors
    /// [`ControlPackError::MissingPack`] for `CUSTOM`; a test shows that built-in packs are valid.
    pub fn built_in(standard: Standard) -> Result<Self, ControlPackError> {
        let (file, text) = match standard {
            Standard::General => ("general.toml", include_str!("../../data/packs/general.toml")),
            Standard::Soc2 => ("soc2.toml", include_str!("../../data/packs/soc2.toml")),
            Standard::Iso27001 => ("iso27001.toml", include_str!("../../data/packs/iso27001.toml")),
            Standard::CisAws => ("cis_aws.toml", include_str!("../../data/packs/cis_aws.toml")),
            Standard::Nist80053 => ("nist_800_53.toml", include_str!("../../data/packs/nist_800_53.toml")),
            Standard::Custom => return Err(ControlPackError::MissingPack),
        };
        Self::from_toml(text, file)
    }

    /// Reads a pack and checks it. `file` is the name of the file for errors.
    ///
    /// # Errors
    /// [`ControlPackError`], naming the line of each problem and what to change.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, ControlPackError> {
        let read = TomlFile::<Self>::read(text, file, &INLINED_SCHEMA, "control pack")?;
        let mut problems = Vec::new();
        if read.value.controls.is_empty() {
            let fault = Diagnostic::new("the control pack has no controls", "add a `[[control]]`");
            problems.push(read.problem("", fault));
        }
        let texts = [("id", &read.value.id), ("title", &read.value.title)];
        let empty = |texts: [(&'static str, &String); 2], prefix: &str| {
            let empty = texts.into_iter().filter(|(_, text)| text.trim().is_empty());
            empty.map(|(key, _)| format!("{prefix}{key}")).collect::<Vec<_>>()
        };
        let mut blank = empty(texts, "");
        let mut first_of = BTreeMap::new();
        for (n, control) in read.value.controls.iter().enumerate() {
            let path = format!("control[{n}].");
            blank.extend(empty([("id", &control.id), ("title", &control.title)], &path));
            if control.failing_rules.is_empty() && control.requires == watched_calls() {
                let message = format!("the control {} can never fail", quoted(&control.id));
                let remedy = "name rules in `failing_rules`, which `onlooker standards show GENERAL` lists, or a `requires`";
                problems
                    .push(read.problem(&format!("{path}failing_rules"), Diagnostic::new(message, remedy)));
            }
            if let Some(first) = first_of.insert(&control.id, n) {
                let other = read.location(&format!("control[{first}].id"));
                let message = format!("two controls have the id {}", quoted(&control.id));
                let remedy = format!("change or remove one; the other is at {other}");
                problems.push(read.problem(&format!("{path}id"), Diagnostic::new(message, remedy)));
            }
        }
        problems.extend(blank.into_iter().map(|path| {
            let fault = Diagnostic::new(format!("`{path}` is empty"), "write a text in one line");
            read.problem(&path, fault)
        }));
        ConfigError::from_problems(problems)?;
        Ok(read.value)
    }

    /// Ids of the controls that the findings of a rule fail.
    pub fn controls_failed_by(&self, rule: &str) -> BTreeSet<String> {
        let is_failed = |control: &&Control| control.failing_rules.contains(rule);
        self.controls.iter().filter(is_failed).map(|control| control.id.clone()).collect()
    }

    /// Rules that fail no control of the pack, in the order of [`RULES`].
    pub fn unreached_rules(&self) -> impl Iterator<Item = &'static str> {
        RULES.iter().map(|rule| rule.id).filter(|id| self.controls_failed_by(id).is_empty())
    }
}
