//! The outcome of a run as metrics and as JSON.
//!
//! Enters: [`PermissionsOutcome`]. Leaves: metrics, the answer to the invocation, the report of the run. Law: a
//! principal without a status is listed with the reason, and with the age of the policies that stay in force.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    evaluation_run::{EvaluatedPrincipal, FailedPrincipal, PermissionsOutcome},
    policy_history::PolicyRecord,
    policy_reader::UnsupportedPrincipal,
};
use crate::{
    permissions::{OverallStatus, PermissionsAssessment},
    render::emf::Metrics,
    time::Time,
};

/// Version of the shape of [`PermissionsRunReport`]; the first number changes if a field loses its meaning.
pub const PERMISSIONS_RUN_SCHEMA_VERSION: &str = "1.0";

/// The answer of the function `permissions`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PermissionsAnswer {
    /// Principals with a status.
    pub principals: Vec<PrincipalStatus>,
    /// Principals without a status, because they could not be read.
    pub failed: Vec<PrincipalWithoutStatus>,
    /// Principals that are not supported.
    pub unsupported: Vec<UnsupportedPrincipal>,
    /// Patterns that match no principal.
    pub unmatched: Vec<String>,
    /// Key of the report of the run.
    pub report_key: String,
}

/// A principal with a status.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PrincipalStatus {
    /// ARN of the principal.
    pub principal: Arc<str>,
    /// Its status.
    pub overall_status: OverallStatus,
    /// Why it is that.
    pub reason: String,
    /// SHA-256 of its policies.
    pub policies_sha256: String,
    /// Since when these policies are in force; `null` for a principal that does not exist.
    pub since: Option<Time>,
}

/// A principal without a status.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PrincipalWithoutStatus {
    /// ARN of the principal, or the ARN pattern.
    pub principal: String,
    /// Why it could not be evaluated.
    pub cause: String,
    /// The last policies that were read, which stay in force; `null` without any.
    pub policies: Option<PolicyRecord>,
    /// Seconds since they were last read.
    pub last_seen_seconds_ago: Option<u32>,
}

/// The report of a run, as it is stored: every assessment in full, and all principals without one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PermissionsRunReport {
    /// Version of this shape.
    pub schema_version: &'static str,
    /// Id of the run.
    pub run_id: String,
    /// When the policies were read.
    pub timestamp: Time,
    /// Principals with a status.
    pub principals: Vec<EvaluatedPrincipal>,
    /// Principals without a status, because they could not be read.
    pub failed: Vec<PrincipalWithoutStatus>,
    /// Principals that are not supported.
    pub unsupported: Vec<UnsupportedPrincipal>,
    /// Patterns that match no principal.
    pub unmatched: Vec<String>,
}

impl PrincipalWithoutStatus {
    fn of(failed: &FailedPrincipal, at: Time) -> Self {
        Self {
            principal: failed.failure.principal.clone(),
            cause: failed.failure.cause.clone(),
            policies: failed.policies.clone(),
            last_seen_seconds_ago: failed.policies.as_ref().map(|record| at.since(record.last_seen)),
        }
    }
}

impl PermissionsOutcome {
    /// Number of principals with this status.
    pub fn count(&self, status: OverallStatus) -> u64 {
        self.evaluated.iter().filter(|one| one.permissions.overall_status == status).count() as u64
    }

    /// The metrics of the run, for its record and for CloudWatch.
    pub fn metrics(&self) -> Metrics {
        Metrics::default()
            .count("principals", (self.evaluated.len() + self.failed.len()) as u64)
            .count("over_privileged", self.count(OverallStatus::OverPrivileged))
            .count("indeterminate", self.count(OverallStatus::Indeterminate))
            .count("invalid", self.count(OverallStatus::Invalid))
            .count("not_evaluated", self.failed.len() as u64)
            .count("unsupported", self.unsupported.len() as u64)
            .count("notifications_sent", self.notifications_sent)
    }

    /// The report of the run.
    pub(super) fn to_report(&self, at: Time, run: &str) -> PermissionsRunReport {
        PermissionsRunReport {
            schema_version: PERMISSIONS_RUN_SCHEMA_VERSION,
            run_id: run.to_owned(),
            timestamp: at,
            principals: self.evaluated.clone(),
            failed: self.without_status(at),
            unsupported: self.unsupported.clone(),
            unmatched: self.unmatched.clone(),
        }
    }

    /// The answer to the invocation, at this time.
    pub fn to_answer(&self, at: Time) -> PermissionsAnswer {
        let status = |one: &EvaluatedPrincipal| {
            let PermissionsAssessment { identity, overall_status, reason, policies_sha256, .. } =
                &one.permissions;
            PrincipalStatus {
                principal: identity.arn.clone(),
                overall_status: *overall_status,
                reason: reason.clone(),
                policies_sha256: policies_sha256.clone(),
                since: one.policies.as_ref().map(|record| record.since),
            }
        };
        PermissionsAnswer {
            principals: self.evaluated.iter().map(status).collect(),
            failed: self.without_status(at),
            unsupported: self.unsupported.clone(),
            unmatched: self.unmatched.clone(),
            report_key: self.report_key.clone(),
        }
    }

    fn without_status(&self, at: Time) -> Vec<PrincipalWithoutStatus> {
        self.failed.iter().map(|failed| PrincipalWithoutStatus::of(failed, at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        let schema = schemars::schema_for!(PermissionsRunReport);
        assert_published("permissions-run", PERMISSIONS_RUN_SCHEMA_VERSION, &schema);
    }
}
