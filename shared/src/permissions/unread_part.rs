//! A part of a file that was not read.
//!
//! Enters: what a template or plan names and does not hold. Leaves: [`UnreadPart`] for a report. Law: a part that may
//! declare principals or policies, and that was not read, is in the report, and no result is better than
//! INDETERMINATE because of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a file that was not read, and that may declare principals or policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct UnreadPart {
    /// Name of the file.
    pub file: String,
    /// The resource or section of the file.
    pub name: String,
    /// What it is, and what to give instead.
    pub message: String,
}

/// The template of a nested stack, as its parent declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedTemplate {
    /// URL, or path in the folder of the parent.
    pub location: String,
    /// Values of parameters that the parent passes; none for a value that is not known.
    pub parameters: BTreeMap<String, Option<String>>,
}

/// A part that was not read, and what tells whether another file has it or whether it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadDeclaration {
    /// The part, for a report.
    pub part: UnreadPart,
    /// The template that has the content, if the declaration says which.
    pub template: Option<NestedTemplate>,
    /// SHA-256 of the declaration, in hex; none if the content may change without it.
    pub sha256: Option<String>,
}

impl UnreadDeclaration {
    /// Whether an older declaration has the same content.
    pub fn is_same(&self, older: &Self) -> bool {
        self.sha256.is_some() && self.sha256 == older.sha256
    }
}
