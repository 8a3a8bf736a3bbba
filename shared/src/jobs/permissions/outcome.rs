//! The outcome of a run as metrics and as JSON.
//!
//! Enters: [`PermissionsOutcome`]. Leaves: metrics, the response to the invocation, the report of the run. Law: a
//! principal without a status is listed with the reason, and with the age of the policies that stay in force.

use serde_json::json;

use super::evaluation_run::{EvaluatedPrincipal, FailedPrincipal, PermissionsOutcome};
use crate::{
    permissions::{OverallStatus, PermissionsAssessment},
    render::emf::Metrics,
    time::Time,
};

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

    /// The report of the run: every assessment in full, and all principals without one.
    pub(super) fn to_report(&self, at: Time, run: &str) -> serde_json::Value {
        let principals: Vec<_> = self
            .evaluated
            .iter()
            .map(|one| json!({ "permissions": one.permissions, "policies": one.policies }))
            .collect();
        json!({
            "run_id": run, "timestamp": at, "principals": principals, "failed": self.failed_json(at),
            "unsupported": self.unsupported_json(), "unmatched": self.unmatched,
        })
    }

    /// The response to the invocation.
    pub fn to_response(&self, at: Time) -> serde_json::Value {
        let to_json = |one: &EvaluatedPrincipal| {
            let PermissionsAssessment { identity, overall_status, reason, policies_sha256, .. } =
                &one.permissions;
            json!({
                "principal": identity.arn, "overall_status": overall_status, "reason": reason,
                "policies_sha256": policies_sha256, "since": one.policies.as_ref().map(|record| record.since),
            })
        };
        json!({
            "principals": self.evaluated.iter().map(to_json).collect::<Vec<_>>(), "failed": self.failed_json(at),
            "unsupported": self.unsupported_json(), "unmatched": self.unmatched, "report_key": self.report_key,
        })
    }

    fn failed_json(&self, at: Time) -> Vec<serde_json::Value> {
        let one = |failed: &FailedPrincipal| {
            let age = failed.policies.as_ref().map(|record| at.since(record.last_seen));
            json!({
                "principal": failed.failure.principal, "cause": failed.failure.cause, "policies": failed.policies,
                "last_seen_seconds_ago": age,
            })
        };
        self.failed.iter().map(one).collect()
    }

    fn unsupported_json(&self) -> Vec<serde_json::Value> {
        self.unsupported
            .iter()
            .map(|one| json!({ "principal": one.principal, "reason": one.reason }))
            .collect()
    }
}
