//! What a run has found, in figures and in JSON.
//!
//! Enters: [`Examined`]. Leaves: figures, the answer to whoever invoked, the report of the run. Law: who has no verdict stands
//! there with the reason, and with how long ago the policies were seen that stay in force.

use serde_json::json;

use super::examine::{Examined, Kept, Unread};
use crate::{
    permissions::{OverallStatus, Permissions},
    render::emf::Figures,
    time::Time,
};

impl Examined {
    /// How many verdicts say this.
    pub fn count(&self, status: OverallStatus) -> u64 {
        self.judged.iter().filter(|kept| kept.permissions.overall_status == status).count() as u64
    }

    /// The run in figures, for its record and for metrics.
    pub fn figures(&self) -> Figures {
        Figures::default()
            .count("principals", (self.judged.len() + self.failed.len()) as u64)
            .count("over_privileged", self.count(OverallStatus::OverPrivileged))
            .count("indeterminate", self.count(OverallStatus::Indeterminate))
            .count("invalid", self.count(OverallStatus::Invalid))
            .count("unread", self.failed.len() as u64)
            .count("unjudged", self.unjudged.len() as u64)
            .count("told", self.told)
    }

    /// The report of the run: every verdict in full, everybody without one.
    pub(super) fn report(&self, at: Time, run: &str) -> serde_json::Value {
        let judged: Vec<_> = self
            .judged
            .iter()
            .map(|kept| json!({ "permissions": kept.permissions, "policies": kept.policies }))
            .collect();
        json!({
            "run_id": run, "timestamp": at, "principals": judged, "failed": self.told_failed(at),
            "unjudged": self.told_unjudged(), "unmatched": self.unmatched,
        })
    }

    /// What a caller is told.
    pub fn answer(&self, at: Time) -> serde_json::Value {
        let judged = |kept: &Kept| {
            let Permissions { identity, overall_status, statement, policies_sha256, .. } = &kept.permissions;
            json!({
                "principal": identity.arn, "overall_status": overall_status, "statement": statement,
                "policies_sha256": policies_sha256, "since": kept.policies.as_ref().map(|noted| noted.since),
            })
        };
        json!({
            "principals": self.judged.iter().map(judged).collect::<Vec<_>>(), "failed": self.told_failed(at),
            "unjudged": self.told_unjudged(), "unmatched": self.unmatched, "report": self.report,
        })
    }

    fn told_failed(&self, at: Time) -> Vec<serde_json::Value> {
        let one = |unread: &Unread| {
            let age = unread.policies.as_ref().map(|noted| at.since(noted.last_seen));
            json!({
                "principal": unread.failed.principal, "cause": unread.failed.cause, "policies": unread.policies,
                "last_seen_seconds_ago": age,
            })
        };
        self.failed.iter().map(one).collect()
    }

    fn told_unjudged(&self) -> Vec<serde_json::Value> {
        self.unjudged.iter().map(|one| json!({ "principal": one.principal, "why": one.why })).collect()
    }
}
