//! What a control requires before it can pass.
//!
//! Enters: a requirement and the state of the evidence. Leaves: whether the evidence is there, in words, is missing, or
//! speaks against the control. Law: what is not known is missing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{coverage::IntegrityHours, finding::count_noun};

/// What a control requires before it can pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ControlRequirement {
    /// Complete evidence and at least one call of a watched principal.
    WatchedCalls,
    /// Any evidence: the control is about the evidence itself.
    Evidence,
    /// Complete evidence, also without a call of a watched principal: the control is about all principals.
    CompleteEvidence,
    /// The policies of every watched principal, and any evidence: the control is about permissions.
    Policies,
    /// Digest files prove the log files of every expected hour.
    LogIntegrity,
    /// The maintenance of the deployment verified Onlooker's own audit trail within two days.
    AuditTrail,
    /// The maintenance of the deployment applied the retention of audit trail and evidence within two days.
    Retention,
}

/// What the maintenance of a deployment says of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpkeepState {
    /// No maintenance is known, as outside a deployment.
    #[default]
    Unknown,
    /// The task did not come to its end within two days.
    Overdue,
    /// The task did all that was due, and found nothing wrong.
    Done,
    /// The task found this number of problems.
    ProblemsFound(u64),
}

/// What the maintenance of a deployment did with Onlooker's own records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordKeeping {
    /// The verification of the audit trail.
    pub audit_trail: UpkeepState,
    /// The retention of the audit trail.
    pub audit_retention: UpkeepState,
    /// The retention of the evidence.
    pub evidence_retention: UpkeepState,
}

/// State of the evidence, as far as controls depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlEvidence {
    /// Rules that could not be evaluated, each with the reason.
    pub inactive_rules: BTreeMap<&'static str, &'static str>,
    /// Number of calls of watched principals.
    pub watched_calls: u64,
    /// Number of them that overrides allow although they are not read-only.
    pub allowed_calls: u64,
    /// No evidence is known to be missing.
    pub is_complete: bool,
    /// What is missing, in words.
    pub gaps: Vec<String>,
    /// Number of hours with evidence.
    pub observed_hours: u64,
    /// Number of files that the caller excluded from the evidence.
    pub excluded_files: u64,
    /// Watched principals that were seen or have policies that were read.
    pub watched_principals: u64,
    /// Watched principals, and watch entries without a principal seen, without policies that were read.
    pub unread_policies: u64,
    /// Watched principals with policies that cannot be read in full, or that were read only for a part of the period.
    pub partial_policies: u64,
    /// The expected hours by what was proven of their log files; `None` if no log file was verified.
    pub log_integrity: Option<IntegrityHours>,
    /// What the maintenance of the deployment did.
    pub record_keeping: RecordKeeping,
}

/// What the evidence says of a requirement.
pub(super) enum RequirementState {
    /// The evidence is there: what it is.
    Met(String),
    /// The evidence is missing: what of it.
    Missing(String),
    /// The evidence shows the opposite: what.
    Contradicted(String),
}

use RequirementState::{Contradicted, Met, Missing};

/// Most gaps that a control names.
const MAX_GAPS: usize = 1;

impl ControlEvidence {
    /// The evidence that is missing.
    fn missing_evidence(&self) -> String {
        let named: Vec<&str> = self.gaps.iter().take(MAX_GAPS).map(String::as_str).collect();
        match (named.is_empty(), self.gaps.len().saturating_sub(MAX_GAPS)) {
            (true, _) => "evidence is missing".to_owned(),
            (false, 0) => format!("evidence is missing: {}", named.join("; ")),
            (false, more) => format!("evidence is missing: {}; and {more} more", named.join("; ")),
        }
    }

    /// Whether the policies of all watched principals were read in full.
    pub(super) const fn all_policies_read(&self) -> bool {
        self.watched_principals > 0 && self.unread_policies == 0 && self.partial_policies == 0
    }

    fn policies(&self) -> RequirementState {
        let principals = |count| count_noun(count, "watched principal");
        if self.unread_policies > 0 {
            Missing(format!("the policies of {} were not read", principals(self.unread_policies)))
        } else if self.partial_policies > 0 {
            Missing(format!(
                "the policies of {} were read only in part, or only for a part of the period",
                principals(self.partial_policies)
            ))
        } else if self.watched_principals == 0 {
            Missing("no principal is watched".to_owned())
        } else if self.observed_hours == 0 {
            Missing("no evidence was observed".to_owned())
        } else {
            Met(format!("no findings in the policies of {}", principals(self.watched_principals)))
        }
    }

    fn log_integrity(&self) -> RequirementState {
        let Some(hours) = self.log_integrity.filter(|hours| hours.all() > 0) else {
            return Missing("the log files were not verified by digest files".to_owned());
        };
        let of_all = |count: u64| format!("{count} of {}", count_noun(hours.all(), "account-region hour"));
        match hours {
            IntegrityHours { tampered: 1.., .. } => Contradicted(format!(
                "the log files of {} are not as CloudTrail delivered them",
                of_all(hours.tampered)
            )),
            IntegrityHours { missing: 0, unverified: 0, .. } => {
                Met(format!("the log files of {} are verified", of_all(hours.verified)))
            }
            _ => Missing(format!(
                "the log files of {} are missing or not verified",
                of_all(hours.missing + hours.unverified)
            )),
        }
    }
}

impl RecordKeeping {
    /// What it says of the retention. A deployment that keeps its audit trail without an end records that too.
    fn retention(self) -> RequirementState {
        const EVIDENCE: &str = "the retention of the evidence";
        match (self.evidence_retention, self.audit_retention) {
            (UpkeepState::Done, audit) => audit.judge(
                "the retention of the audit trail",
                "the retention of the evidence and of the audit trail was applied",
            ),
            (evidence, _) => evidence.judge(EVIDENCE, EVIDENCE),
        }
    }
}

impl UpkeepState {
    /// What it says of a requirement. `what` names the task, and `done` says that it succeeded.
    fn judge(self, what: &str, done: &str) -> RequirementState {
        match self {
            Self::Done => Met(done.to_owned()),
            Self::Unknown => Missing(format!("no maintenance of a deployment did {what}")),
            Self::Overdue => {
                Missing(format!("{what} did not come to its end within two days before the report"))
            }
            Self::ProblemsFound(problems) => {
                Contradicted(format!("{what} found {}", count_noun(problems, "problem")))
            }
        }
    }
}

impl ControlRequirement {
    /// All requirements, in their order.
    pub const ALL: [Self; 7] = [
        Self::WatchedCalls,
        Self::Evidence,
        Self::CompleteEvidence,
        Self::Policies,
        Self::LogIntegrity,
        Self::AuditTrail,
        Self::Retention,
    ];

    /// The word for it in packs and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WatchedCalls => "watched-calls",
            Self::Evidence => "evidence",
            Self::CompleteEvidence => "complete-evidence",
            Self::Policies => "policies",
            Self::LogIntegrity => "log-integrity",
            Self::AuditTrail => "audit-trail",
            Self::Retention => "retention",
        }
    }

    /// What must be there, for people, as an object of "requires".
    pub const fn title(self) -> &'static str {
        match self {
            Self::WatchedCalls => "complete evidence with at least one call of a watched principal",
            Self::Evidence => "any evidence",
            Self::CompleteEvidence => "complete evidence",
            Self::Policies => "the policies of every watched principal, read in full",
            Self::LogIntegrity => "log files of every expected hour that digest files prove",
            Self::AuditTrail => "a verified audit trail of the deployment",
            Self::Retention => "retention that the deployment applied to audit trail and evidence",
        }
    }

    /// What the evidence says of it.
    pub(super) fn judge(self, state: &ControlEvidence) -> RequirementState {
        let hours = || count_noun(state.observed_hours, "hour");
        match self {
            Self::WatchedCalls if state.watched_calls == 0 => {
                Missing("no call of a watched principal was seen".to_owned())
            }
            Self::WatchedCalls | Self::CompleteEvidence if !state.is_complete => {
                Missing(state.missing_evidence())
            }
            Self::Evidence | Self::CompleteEvidence if state.observed_hours == 0 => {
                Missing("no evidence was observed".to_owned())
            }
            Self::WatchedCalls => {
                Met(format!("no findings in {}", count_noun(state.watched_calls, "watched call")))
            }
            Self::CompleteEvidence => Met(format!("no findings in {} of complete evidence", hours())),
            Self::Evidence => {
                let excluded = match state.excluded_files {
                    0 => String::new(),
                    1 => "; what 1 excluded file contains is not known".to_owned(),
                    files => format!("; what {files} excluded files contain is not known"),
                };
                Met(format!("{} observed, no evidence missing or damaged{excluded}", hours()))
            }
            Self::Policies => state.policies(),
            Self::LogIntegrity => state.log_integrity(),
            Self::AuditTrail => state
                .record_keeping
                .audit_trail
                .judge("the verification of the audit trail", "the audit trail is verified"),
            Self::Retention => state.record_keeping.retention(),
        }
    }
}
