//! Several principals, judged.
//!
//! Enters: [`PermissionsAssessment`]. Leaves: [`PermissionsReport`], what `onlooker permissions --json` prints. Laws: the worst principal
//! comes first, and what is said of all is what is said of it; a principal that was asked for and is not there is INVALID.

use std::{cmp::Reverse, collections::BTreeSet};

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use super::{OverallStatus, PermissionsAssessment};

/// The permissions of several principals, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionsReport {
    /// The worst of them; absent if nobody was judged.
    pub overall: Option<OverallStatus>,
    /// Patterns of principals that were asked for and are not there. Each counts as INVALID.
    pub missing: BTreeSet<String>,
    /// Patterns of promises about accounts whose policies were not given: not judged.
    pub not_assessed: BTreeSet<String>,
    /// Principals, the worst first.
    pub principals: Vec<PermissionsAssessment>,
}

impl PermissionsReport {
    /// Puts verdicts in order.
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
        Self { overall: worst.max(absent), missing, not_assessed: elsewhere, principals }
    }

    /// The published schema.
    pub fn schema() -> Schema {
        schemars::schema_for!(Self)
    }
}
