//! What a run has found, in figures and in JSON.
//!
//! Enters: [`PermissionsOutcome`]. Leaves: figures, the answer to whoever invoked, the report of the run. Law: who has no verdict stands
//! there with the reason, and with how long ago the policies were seen that stay in force.

use serde_json::json;

use super::evaluation_run::{EvaluatedPrincipal, FailedPrincipal, PermissionsOutcome};
use crate::{
    permissions::{OverallStatus, PermissionsAssessment},
    render::emf::Metrics,
    time::Time,
};

impl PermissionsOutcome {
    /// How many verdicts say this.
    pub fn count(&self, status: OverallStatus) -> u64 {
        self.evaluated.iter().filter(|kept| kept.permissions.overall_status == status).count() as u64
    }

    /// The run in figures, for its record and for metrics.
    pub fn metrics(&self) -> Metrics {
        Metrics::default()
            .count("principals", (self.evaluated.len() + self.failed.len()) as u64)
            .count("over_privileged", self.count(OverallStatus::OverPrivileged))
            .count("indeterminate", self.count(OverallStatus::Indeterminate))
            .count("invalid", self.count(OverallStatus::Invalid))
            .count("unread", self.failed.len() as u64)
            .count("unjudged", self.unsupported.len() as u64)
            .count("told", self.notifications_sent)
    }

    /// The report of the run: every verdict in full, everybody without one.
    pub(super) fn to_report(&self, at: Time, run: &str) -> serde_json::Value {
        let judged: Vec<_> = self
            .evaluated
            .iter()
            .map(|kept| json!({ "permissions": kept.permissions, "policies": kept.policies }))
            .collect();
        json!({
            "run_id": run, "timestamp": at, "principals": judged, "failed": self.failed_json(at),
            "unjudged": self.unsupported_json(), "unmatched": self.unmatched,
        })
    }

    /// What a caller is told.
    pub fn to_response(&self, at: Time) -> serde_json::Value {
        let judged = |kept: &EvaluatedPrincipal| {
            let PermissionsAssessment {
                identity, overall_status, reason: statement, policies_sha256, ..
            } = &kept.permissions;
            json!({
                "principal": identity.arn, "overall_status": overall_status, "statement": statement,
                "policies_sha256": policies_sha256, "since": kept.policies.as_ref().map(|noted| noted.since),
            })
        };
        json!({
            "principals": self.evaluated.iter().map(judged).collect::<Vec<_>>(), "failed": self.failed_json(at),
            "unjudged": self.unsupported_json(), "unmatched": self.unmatched, "report": self.report_key,
        })
    }

    fn failed_json(&self, at: Time) -> Vec<serde_json::Value> {
        let one = |unread: &FailedPrincipal| {
            let age = unread.policies.as_ref().map(|noted| at.since(noted.last_seen));
            json!({
                "principal": unread.failure.principal, "cause": unread.failure.cause, "policies": unread.policies,
                "last_seen_seconds_ago": age,
            })
        };
        self.failed.iter().map(one).collect()
    }

    fn unsupported_json(&self) -> Vec<serde_json::Value> {
        self.unsupported.iter().map(|one| json!({ "principal": one.principal, "why": one.reason })).collect()
    }
}
