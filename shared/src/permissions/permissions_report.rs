//! The permissions of several principals.
//!
//! Enters: [`PermissionsAssessment`]s. Leaves: [`PermissionsReport`], the output of `onlooker permissions --json`.
//! Laws: the worst principal comes first; the overall status is the worst status; a requested principal that does not
//! exist counts as INVALID; with a part of a file that was not read, the overall status is at best INDETERMINATE.

use std::{cmp::Reverse, collections::BTreeSet};

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use super::{OverallStatus, PermissionsAssessment, UnreadPart};

/// Version of the shape of a [`PermissionsReport`]; the first number changes if a field loses its meaning.
pub const PERMISSIONS_SCHEMA_VERSION: &str = "1.1";

/// The assessed permissions of several principals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionsReport {
    /// Version of this shape.
    pub schema_version: String,
    /// The worst status; absent if no principal was assessed.
    pub overall: Option<OverallStatus>,
    /// Requested principals, as patterns, that do not exist. Each counts as INVALID.
    pub missing: BTreeSet<String>,
    /// Patterns of promises about accounts without given policies; not assessed.
    pub not_assessed: BTreeSet<String>,
    /// Parts of the given files that were not read and may declare principals or policies. With any of them, the
    /// overall status is at best INDETERMINATE.
    #[serde(default)]
    pub unread: Vec<UnreadPart>,
    /// What else the given files do not say, in sentences.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Principals, the worst first.
    pub principals: Vec<PermissionsAssessment>,
}

impl PermissionsReport {
    /// Sorts assessments and determines the overall status.
    pub fn of(
        mut principals: Vec<PermissionsAssessment>,
        missing: BTreeSet<String>,
        elsewhere: BTreeSet<String>,
    ) -> Self {
        principals.sort_by(|a, b| {
            let rank = |one: &PermissionsAssessment| {
                let sure = one.escalation_paths.iter().filter(|path| path.is_unconditional).count();
                Reverse((one.overall_status, sure))
            };
            rank(a).cmp(&rank(b)).then_with(|| a.identity.arn.cmp(&b.identity.arn))
        });
        let worst = principals.first().map(|permissions| permissions.overall_status);
        let absent = (!missing.is_empty()).then_some(OverallStatus::Invalid);
        Self {
            schema_version: PERMISSIONS_SCHEMA_VERSION.to_owned(),
            overall: worst.max(absent),
            missing,
            not_assessed: elsewhere,
            unread: Vec::new(),
            notes: Vec::new(),
            principals,
        }
    }

    /// The report with what the given files do not hold.
    #[must_use]
    pub fn with_unread(mut self, unread: Vec<UnreadPart>, notes: Vec<String>) -> Self {
        if !unread.is_empty() {
            self.overall = self.overall.map(|status| status.max(OverallStatus::Indeterminate));
        }
        (self.unread, self.notes) = (unread, notes);
        self
    }

    /// The published JSON schema of the report.
    pub fn schema() -> Schema {
        schemars::schema_for!(Self)
    }
}
