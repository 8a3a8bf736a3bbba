//! The project's corrections where the sources are wrong, incomplete or contradictory.
//!
//! Enters: `corrections.tsv`, each row with one change, its reason and its evidence. Leaves: [`Correction`]s in file
//! order. Law: every row has a reason and names one field.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::key_search::Glob;
use crate::operation::Capabilities;

/// Why the corrections cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CorrectionError {
    /// A row does not have six columns.
    #[error("line {line}: expected the columns service, operation, field, value, reason, evidence")]
    Columns {
        /// One-based number of the line.
        line: usize,
    },
    /// A field or value is unknown.
    #[error("line {line}: unknown {what} `{text}`")]
    UnknownWord {
        /// One-based number of the line.
        line: usize,
        /// What is unknown: `field`, `value`, ...
        what: &'static str,
        /// The text that is not a known field or value.
        text: String,
    },
    /// A row without a reason.
    #[error("line {line}: the correction has no reason")]
    MissingReason {
        /// One-based number of the line.
        line: usize,
    },
}

/// The class a correction puts an operation into; sets level, type and the `mutates` axis together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionClass {
    /// A read: read-only.
    Read,
    /// A list operation: read-only.
    List,
    /// A write: mutating.
    Write,
    /// Permissions management: mutating.
    PermissionsManagement,
    /// Issues credentials and is logged as a write: privileged.
    IssueCredentials,
    /// Not a read, yet changes nothing: privileged.
    Privileged,
}

impl CorrectionClass {
    /// The snake-case name of the class.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
            Self::PermissionsManagement => "permissions_management",
            Self::IssueCredentials => "issue_credentials",
            Self::Privileged => "privileged",
        }
    }
}

/// What one row changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionChange {
    /// Level, type and `mutates` at once.
    Class(CorrectionClass),
    /// Adds capabilities to the classification of the operation.
    Adds(Capabilities),
    /// Removes capabilities from the classification of the operation.
    Drops(Capabilities),
    /// The known value of CloudTrail's `readOnly`: `true` for a read.
    Cloudtrail(bool),
    /// What another version of the SDK model says: `true` for a read.
    Model(bool),
    /// The IAM actions that an API operation needs, if they cannot be derived from its name.
    Actions(Vec<String>),
}

/// One row of `corrections.tsv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Services to which the correction applies: catalog service names, comma-separated; `*` for all.
    pub service: String,
    /// The operations: names or patterns with `*` and `?`, comma-separated.
    pub operation: String,
    /// What the correction changes.
    pub change: CorrectionChange,
    /// Why the sources are corrected.
    pub reason: String,
    /// Source that supports the correction, such as a page of the AWS documentation.
    pub evidence: String,
}

impl Correction {
    /// Reads the file. Empty lines, `#` lines and the header line are skipped.
    ///
    /// # Errors
    /// A malformed row, with its line number.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, CorrectionError> {
        text.lines()
            .enumerate()
            .filter(|(_, line)| {
                !line.trim().is_empty() && !line.starts_with('#') && !line.starts_with("service\t")
            })
            .map(|(index, line)| Self::parse(line, index + 1))
            .collect()
    }

    fn parse(text: &str, line: usize) -> Result<Self, CorrectionError> {
        let columns: Vec<&str> = text.split('\t').map(str::trim).collect();
        let [service, operation, field, value, reason, evidence] = columns.as_slice() else {
            return Err(CorrectionError::Columns { line });
        };
        if reason.is_empty() {
            return Err(CorrectionError::MissingReason { line });
        }
        let unknown = |what| CorrectionError::UnknownWord { line, what, text: (*value).to_owned() };
        let capability = || Capabilities::parse(value).ok_or_else(|| unknown("capability"));
        let reads = || match *value {
            "read" => Ok(true),
            "write" => Ok(false),
            _ => Err(unknown("value")),
        };
        let change = match *field {
            "class" => CorrectionChange::Class(match *value {
                "read" => CorrectionClass::Read,
                "list" => CorrectionClass::List,
                "write" => CorrectionClass::Write,
                "permissions_management" => CorrectionClass::PermissionsManagement,
                "issue_credentials" => CorrectionClass::IssueCredentials,
                "privileged" => CorrectionClass::Privileged,
                _ => return Err(unknown("class")),
            }),
            "adds" => CorrectionChange::Adds(capability()?),
            "drops" => CorrectionChange::Drops(capability()?),
            "cloudtrail" => CorrectionChange::Cloudtrail(reads()?),
            "model" => CorrectionChange::Model(reads()?),
            "actions" => {
                CorrectionChange::Actions(value.split(',').map(|action| action.trim().to_owned()).collect())
            }
            _ => return Err(CorrectionError::UnknownWord { line, what: "field", text: (*field).to_owned() }),
        };
        Ok(Self {
            service: (*service).to_owned(),
            operation: (*operation).to_owned(),
            change,
            reason: (*reason).to_owned(),
            evidence: (*evidence).to_owned(),
        })
    }

    /// The services that the correction names, as in the catalog.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.service.split(',').map(str::trim)
    }

    /// The patterns of the operations to which the correction applies.
    pub(crate) fn operations(&self) -> Vec<Glob> {
        self.operation.split(',').filter_map(|pattern| Glob::new(pattern.trim())).collect()
    }
}
