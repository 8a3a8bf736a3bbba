//! An alert about Onlooker itself, such as too many errors of its own runs.
//!
//! Enters: what a job found about its own work. Leaves: an [`OperationalAlert`]. Law: it says nothing about a watched
//! principal, and no report has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{operation::RiskLevel, time::Time};

/// Version of the schema of an operational alert. The first number changes when a reader of the old schema would be misled.
pub const OPERATIONAL_VERSION: &str = "1.0";

/// Something that the operator of Onlooker should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationalAlert {
    /// Version of the schema `docs/operational-alert.schema.json`.
    pub version: String,
    /// What happened, in one line.
    pub title: String,
    /// How urgent it is.
    pub severity: RiskLevel,
    /// A few lines for people: what was seen, and what to do about it.
    pub text: String,
    /// When it was seen.
    pub time: Time,
    /// Equal for alerts that say the same about the same thing.
    pub deduplication_key: String,
    /// Seconds in which alerts with this key are sent once.
    pub deduplication_seconds: u32,
}

impl OperationalAlert {
    /// An alert that is sent once in `deduplication_seconds` for its key, such as `error-threshold`.
    pub fn new(
        title: impl Into<String>,
        severity: RiskLevel,
        text: impl Into<String>,
        (deduplication_key, deduplication_seconds): (&str, u32),
        time: Time,
    ) -> Self {
        Self {
            version: OPERATIONAL_VERSION.to_owned(),
            title: title.into(),
            severity,
            text: text.into(),
            time,
            deduplication_key: deduplication_key.to_owned(),
            deduplication_seconds,
        }
    }

    /// JSON Schema of the alert.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}
