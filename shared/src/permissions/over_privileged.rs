//! The event about a principal that may do more than read.
//!
//! Enters: the assessment of a principal's permissions. Leaves: an [`OverPrivilegedPrincipal`], the detail of a
//! notification. Law: it is valid by the schema in `docs/over-privileged.schema.json`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OverallStatus;
use crate::time::Time;

/// Version of the schema. The first number changes when a reader of the old schema would be misled.
pub const OVER_PRIVILEGED_VERSION: &str = "1.0";

/// A principal with policies that allow more than reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverPrivilegedPrincipal {
    /// Version of the schema `docs/over-privileged.schema.json`.
    pub version: String,
    /// ARN of the principal.
    pub principal: Arc<str>,
    /// Account of the principal.
    pub account: Arc<str>,
    /// Pattern of the watch entry that matches the principal.
    pub watched_as: Option<String>,
    /// When these policies were first read.
    pub since: Time,
    /// Status of the permissions.
    pub overall_status: OverallStatus,
    /// The reason for the status, as a sentence.
    pub statement: String,
    /// SHA-256 of the policies, in hex.
    pub policies_sha256: String,
    /// When the permissions were evaluated.
    pub timestamp: Time,
}

impl OverPrivilegedPrincipal {
    /// The published JSON schema.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}
