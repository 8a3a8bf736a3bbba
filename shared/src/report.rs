//! The report as a value.
//!
//! Enters: an assessment, findings and controls. Leaves: [`Report`]: `result`, which is the same for the same
//! evidence in any order, split and repetition, and `run`, which describes one run. Law: the report's id is the
//! SHA-256 of its `result` as JSON, so two results with the same id are equal byte for byte.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

mod compose;
mod difference;
mod executive;
mod inferred;
mod limitations;
mod maintenance;
mod omitted;
mod redaction;
mod run;
mod status_reasons;
mod stored;

pub use compose::compose;
pub use difference::{
    DIFFERENCE_SCHEMA_VERSION, DifferenceResult, FindingChange, FindingLine, OperationVerdict,
    ReportDifference,
};
pub use maintenance::{MaintenanceTask, RestoredSpan, TaskRecord, TaskResult};
pub use omitted::{MAX_ENTRIES, OmittedEntries};
pub use redaction::{redact, redact_value};
pub use run::{CallerIdentity, InputFile, ReportRun, RunPerformance};
pub use stored::StoredReportError;

pub use crate::{
    access_matrix::{
        AccessMatrix, MatrixRow, MatrixRowKind, RoleChainActivity, UngrantedOperation, UnusedReadServices,
        UnusedService,
    },
    assessment::ReportMode,
    grants::PolicySnapshotRef,
    record::{SkippedFile, UnreadablePosition},
};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    classification::Provenance,
    config::Standard,
    controls::ControlResult,
    coverage::Coverage,
    event::{DenyingPolicy, EventKind, Outcome},
    finding::{Finding, Recommendation},
    hex::hex,
    operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel},
    period::Period,
    principal::PrincipalKind,
    score::{ComplianceScore, EvidenceCompleteness, RiskScore, Status},
    time::{Hour, Time},
};

/// Version of the report's schema: the first number changes with a change that is not backward compatible.
pub const SCHEMA_VERSION: &str = "1.3";

/// A report: an id, a run and a result.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// Version of the schema `docs/report.schema.json`.
    pub schema_version: String,
    /// SHA-256 of `result` as compact JSON, in hex.
    pub id: String,
    /// The result, which the report's id identifies.
    pub result: ReportResult,
    /// The run that computed the report.
    pub run: ReportRun,
}

impl<'de> Deserialize<'de> for Report {
    /// Reads a report, and gives its findings the origins that its run has.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct WrittenReport {
            schema_version: String,
            id: String,
            result: ReportResult,
            run: ReportRun,
        }

        let WrittenReport { schema_version, id, mut result, run } = WrittenReport::deserialize(deserializer)?;
        for finding in &mut result.findings {
            finding.origins = run.origins.get(&finding.fingerprint).cloned().unwrap_or_default();
        }
        Ok(Self { schema_version, id, result, run })
    }
}

/// The result: identical for the same evidence, configuration and catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportResult {
    /// Whether the report is a proof or a discovery.
    pub mode: ReportMode,
    /// Standard the controls belong to.
    pub standard: Standard,
    /// Title of the control pack.
    pub standard_title: String,
    /// The hours that the result is about, as in `coverage`. Absent without evidence, and in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Executive summary of the result.
    pub summary: ExecutiveSummary,
    /// Score of the watched calls.
    pub compliance: ComplianceScore,
    /// Risk of the watched principals; absent in a discovery.
    pub risk: Option<RiskScore>,
    /// Counts over all evidence in the period.
    pub totals: ReportTotals,
    /// Coverage of the evidence.
    pub coverage: Coverage,
    /// Numbers of calls by hour.
    pub activity: Vec<HourlyActivity>,
    /// Every principal that was seen, and every watch entry that no principal seen matches.
    pub principals: Vec<PrincipalSummary>,
    /// Operations that are not read-only, are sensitive or were not classified by the catalog, with their
    /// classification.
    pub operations: Vec<OperationSummary>,
    /// Sign-in, service and console events: listed, not scored.
    pub other_events: Vec<OtherEvent>,
    /// Findings, most severe first.
    pub findings: Vec<Finding>,
    /// Recommendations, most urgent first.
    pub recommendations: Vec<Recommendation>,
    /// Controls of the standard, with their results.
    pub controls: Vec<ControlResult>,
    /// Sample calls of the findings, one entry each.
    pub audit_entries: Vec<AuditEntry>,
    /// Sample calls that are not listed, because `audit.max_audit_entries` are; absent if all are listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub audit_entries_omitted: u64,
    /// Overrides of the configuration and their usage.
    pub overrides: Vec<OverrideUsage>,
    /// Entries that are left out of lists that are too long; absent if all are listed. Status, scores, totals and controls
    /// are about them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<OmittedEntries>,
    /// What this result does not cover.
    pub limitations: Vec<String>,
    /// What the result was computed from.
    pub inputs: ReportInputs,
}

/// Executive summary of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutiveSummary {
    /// Overall status; absent in a discovery.
    pub overall_compliance: Option<Status>,
    /// A statement of the status and the event classes it covers.
    pub statement: String,
    /// What was inferred of accounts, regions and period, and which settings name it; absent when nothing was.
    #[serde(default)]
    pub inferred: Option<String>,
    /// Why the overall status is not `COMPLIANT`, as parts of a sentence; empty when it is, and in a discovery.
    #[serde(default)]
    pub status_reasons: Vec<String>,
    /// How complete the evidence about the watched principals is, whatever they did; absent if more than hours is missing or
    /// something is uncertain, in a discovery, and in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_completeness: Option<EvidenceCompleteness>,
    /// How many calls overrides allowed; absent if they allowed none.
    #[serde(default)]
    pub overrides: Option<OverrideSummary>,
    /// Patterns of the watch entries that no principal in the evidence matches.
    #[serde(default)]
    pub unseen_watches: Vec<String>,
    /// Compliance score 0-100; absent when there were no watched calls.
    pub compliance_score: Option<f64>,
    /// Risk score 0-100; absent in a discovery.
    pub risk_score: Option<f64>,
    /// LOW, MEDIUM (above 30) or HIGH (above 70); absent in a discovery.
    pub risk_level: Option<crate::score::RiskBand>,
    /// The most severe findings, one line each, at most five.
    pub key_findings: Vec<String>,
    /// The most urgent recommendations, at most five; first those that complete the evidence, if that decides the status.
    pub top_actions: Vec<String>,
    /// Whether the key findings and the top actions are left out, because `report.generate_executive_summary` is off.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_shortened: bool,
}

/// The calls that overrides allowed, of all calls that the summary is about: those of watched principals, in a
/// discovery those of all principals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideSummary {
    /// Number of calls that overrides allowed.
    pub allowed_calls: u64,
    /// Number of calls.
    pub calls: u64,
    /// Number of overrides that allowed a call.
    pub overrides: u64,
}

/// Counts over all evidence in the period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportTotals {
    /// Number of distinct events.
    pub events: u64,
    /// API calls among them: the events that are classified.
    pub operations: u64,
    /// API calls by watched principals.
    pub watched_operations: u64,
    /// API calls that are read-only.
    pub read_only: u64,
    /// API calls that mutate.
    pub mutating: u64,
    /// API calls that are privileged.
    pub privileged: u64,
    /// API calls of unknown operations.
    pub unknown: u64,
    /// API calls that succeeded.
    pub succeeded: u64,
    /// API calls that AWS denied.
    pub denied: u64,
    /// API calls that ended in another error.
    pub failed: u64,
    /// API calls by watched principals, not read-only, that AWS denied.
    pub blocked: u64,
    /// Reads of secrets or customer data by any principal that succeeded.
    pub sensitive_reads: u64,
    /// Sign-in, service and console events.
    pub other_events: u64,
    /// Insights events and aggregated events of CloudTrail. They are set aside: counted, and not classified.
    pub insight_events: u64,
    /// Pieces of evidence that could not be read.
    pub unreadable_evidence: u64,
    /// Events delivered with two different contents under the same identity.
    pub conflicting_events: u64,
    /// Number of distinct principals.
    pub principals: u64,
    /// Distinct watched principals that were seen.
    pub watched_principals: u64,
    /// Number of distinct accounts.
    pub accounts: u64,
    /// Number of distinct regions.
    pub regions: u64,
}

/// API calls of one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HourlyActivity {
    /// The hour that is counted.
    pub hour: Hour,
    /// Read-only calls that were not denied.
    pub reads: u64,
    /// Mutating calls that were not denied.
    pub writes: u64,
    /// Privileged and unknown calls that were not denied.
    pub other: u64,
    /// Number of calls that AWS denied.
    pub denied: u64,
    /// Number of API calls of watched principals.
    pub watched: u64,
}

/// What a principal was seen to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Behavior {
    /// The principal does not appear in the evidence.
    NotSeen,
    /// Appeared only in events that are not API calls.
    NoCalls,
    /// Only read, and nothing sensitive.
    OnlyRead,
    /// Only read, including customer data.
    ReadData,
    /// Only read, including secrets.
    ReadSecrets,
    /// Called unknown operations; nothing worse.
    UnknownCalls,
    /// Attempted calls that a read-only principal may not make, without success.
    Attempted,
    /// Used a privileged operation: decrypted, assumed a role, issued credentials.
    UsedPrivilege,
    /// The principal changed state.
    Wrote,
}

impl Behavior {
    /// The words in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSeen => "not seen",
            Self::NoCalls => "no calls",
            Self::OnlyRead => "only read",
            Self::ReadData => "read data",
            Self::ReadSecrets => "read secrets",
            Self::UnknownCalls => "unknown calls",
            Self::Attempted => "attempted write",
            Self::UsedPrivilege => "used privilege",
            Self::Wrote => "wrote",
        }
    }
}

/// What one principal did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalSummary {
    /// ARN, or the pattern of a watch entry that no principal seen matches.
    pub arn: Arc<str>,
    /// Kind of the principal.
    pub kind: PrincipalKind,
    /// Account to which the principal belongs; empty when unknown.
    pub account: Arc<str>,
    /// Pattern of the watch entry that matches the principal; absent when it is not watched.
    pub watched_as: Option<String>,
    /// Why the principal is watched, as the configuration says.
    pub watched_because: Option<String>,
    /// Status of the promise for this principal; absent when it is not watched.
    pub status: Option<Status>,
    /// Why the status is what it is, as parts of a sentence; empty when the principal is not watched.
    #[serde(default)]
    pub status_reasons: Vec<String>,
    /// Accounts in which gaps of the evidence concern the status; absent when those of every account do, or when the
    /// principal is not watched.
    #[serde(default)]
    pub evidence_accounts: Option<BTreeSet<Arc<str>>>,
    /// A sentence about the gaps of other accounts, which do not concern the status, and why; absent when there are none.
    #[serde(default)]
    pub unconcerned_gaps: Option<String>,
    /// What the principal was seen to do; for a watched principal also through roles.
    pub behavior: Behavior,
    /// Share of the principal's calls that are permitted.
    pub compliance: ComplianceScore,
    /// API calls by outcome and operation type: `counts[operation_type][outcome]`.
    pub counts: BTreeMap<OperationType, BTreeMap<Outcome, u64>>,
    /// Number of API calls, with any outcome.
    pub calls: u64,
    /// Number of events that are not API calls.
    pub other_events: u64,
    /// Number of calls that an override allows the principal although they are not read-only.
    pub allowed_by_override: u64,
    /// Calls among these that succeeded.
    #[serde(default)]
    pub allowed_non_reads: u64,
    /// Mutating calls that succeeded through roles and are attributed to it; not part of `counts` and `calls`.
    #[serde(default)]
    pub writes_through_roles: u64,
    /// Succeeded calls per capability.
    pub capabilities: BTreeMap<String, u64>,
    /// Greatest risk of a call it made.
    pub risk_level: Option<RiskLevel>,
    /// Time of the first event; `None` if the principal does not appear in the evidence.
    pub first_seen: Option<Time>,
    /// Time of the last event; `None` if the principal does not appear in the evidence.
    pub last_seen: Option<Time>,
    /// Accounts in which the principal acted.
    pub accounts: BTreeSet<Arc<str>>,
    /// Regions in which the principal acted.
    pub regions: BTreeSet<Arc<str>>,
    /// Number of distinct sessions of the principal.
    pub sessions: u64,
    /// The first session names, in order, at most ten.
    pub session_names: Vec<Arc<str>>,
    /// Source identities its sessions carried.
    pub source_identities: BTreeSet<Arc<str>>,
    /// Identity Center users it acted for.
    pub on_behalf_of: BTreeSet<Arc<str>>,
    /// API calls per service, by event source.
    pub services: BTreeMap<Arc<str>, u64>,
    /// Number of API calls in each hour with any.
    pub hours: Vec<(Hour, u64)>,
    /// Fingerprints of the findings about the principal.
    pub findings: Vec<String>,
    /// What it could do, tried and did; absent when it is not watched, and for a watch entry that no principal seen
    /// matches and no policies were read for.
    pub matrix: Option<AccessMatrix>,
}

/// One operation and its classification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationSummary {
    /// `eventSource` of the CloudTrail record.
    pub event_source: Arc<str>,
    /// Service, as the catalog names it.
    pub service: String,
    /// Operation, as the catalog names it.
    pub operation: String,
    /// Operation type of the called operation.
    pub operation_type: OperationType,
    /// Whether the operation changes state.
    pub mutates: Mutates,
    /// Access level, when known.
    pub access_level: Option<AccessLevel>,
    /// What the operation lets its caller do.
    pub capabilities: Capabilities,
    /// Risk of a call.
    pub risk_level: RiskLevel,
    /// Source of the classification.
    pub provenance: Provenance,
    /// Whether AWS's own sources conflict about it.
    pub source_conflict: bool,
    /// Reason for the classification.
    pub reason: String,
    /// Calls by outcome, over all principals.
    pub counts: BTreeMap<Outcome, u64>,
    /// Number of principals that called the operation.
    pub principals: u64,
}

/// Events that are not API calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OtherEvent {
    /// Kind of the records.
    pub kind: EventKind,
    /// `eventSource` of the CloudTrail record.
    pub event_source: Arc<str>,
    /// `eventName` of the CloudTrail record.
    pub event_name: Arc<str>,
    /// Number of distinct events.
    pub count: u64,
}

/// One sample call of a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// `eventTime` of the CloudTrail record.
    pub timestamp: Time,
    /// `eventID` of the CloudTrail record.
    pub event_id: String,
    /// Account that received the event.
    pub account: Arc<str>,
    /// Region of the event.
    pub region: Arc<str>,
    /// ARN of the principal.
    pub user_identity: Arc<str>,
    /// Session name, when there was one.
    pub session: Option<Arc<str>>,
    /// Source identity of the session, when it had one. Absent in reports of earlier versions, as are the next two.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_identity: Option<Arc<str>>,
    /// Whether the call was made with the credentials of a console session.
    #[serde(skip_serializing_if = "is_false", default)]
    pub is_console_session: bool,
    /// AWS service that made the call on the principal's behalf.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoked_by: Option<Arc<str>>,
    /// `eventSource` of the CloudTrail record.
    pub service: Arc<str>,
    /// `eventName` of the CloudTrail record.
    pub operation: Arc<str>,
    /// Operation type of the called operation.
    pub operation_type: OperationType,
    /// Outcome of the call.
    pub outcome: Outcome,
    /// `errorCode`, when there was one.
    pub error_code: Option<Arc<str>>,
    /// Type of the policy that denied the call, if `errorMessage` says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub denied_by: Option<DenyingPolicy>,
    /// The IAM action that was denied, if `errorMessage` names another one than the operation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub denied_action: Option<Arc<str>>,
    /// ARNs of the resources in the record.
    pub resource_arns: Vec<Arc<str>>,
}

/// An override of the configuration, and the calls that it allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideUsage {
    /// Id of the override.
    pub id: String,
    /// ARN pattern of the principals that the override applies to.
    pub principal: String,
    /// Operation that the override allows, `service:Operation` with wildcards.
    pub operation: String,
    /// ARN pattern of the resources that the override is limited to; absent: any.
    pub resource: Option<String>,
    /// Who is responsible for the override.
    pub owner: String,
    /// Why the override allows the calls.
    pub reason: String,
    /// When the override begins; absent: it holds from the beginning of the evidence.
    #[serde(default)]
    pub from: Option<Time>,
    /// When the override expires.
    pub expires: Time,
    /// Why the override is wide, one reason each; empty if it is not.
    #[serde(default)]
    pub wide: Vec<String>,
    /// Number of calls that the override allowed.
    pub allowed_calls: u64,
    /// Number of calls that the override would have allowed if it had not expired before them.
    pub expired_calls: u64,
    /// Number of calls that the override would have allowed if it had begun before them.
    #[serde(default)]
    pub early_calls: u64,
}

/// What the result was computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportInputs {
    /// Version of Onlooker that made the report.
    pub onlooker_version: String,
    /// Version of the operation catalog.
    pub catalog_version: String,
    /// SHA-256 of the operation catalog, in hex.
    pub catalog_sha256: String,
    /// SHA-256 of the evidence in canonical form, in hex: equal evidence has equal hashes.
    pub evidence_sha256: String,
    /// SHA-256 of the configuration in force, in hex.
    pub configuration_sha256: String,
    /// Patterns of the watch entries.
    pub watched: Vec<String>,
    /// Unreadable pieces of evidence by reason.
    pub unreadable: BTreeMap<String, u64>,
}

/// Whether the summary is complete.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Whether nothing was left out.
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Report {
    /// A report of a result and its run, with the id computed.
    ///
    /// # Errors
    /// When the result cannot be written as JSON.
    pub fn new(result: ReportResult, run: ReportRun) -> Result<Self, serde_json::Error> {
        let id = result.id()?;
        let known = result.findings.iter().filter(|finding| !finding.origins.is_empty());
        let origins = known.map(|finding| (finding.fingerprint.clone(), finding.origins.clone())).collect();
        Ok(Self { schema_version: SCHEMA_VERSION.to_owned(), id, result, run: ReportRun { origins, ..run } })
    }

    /// JSON Schema of the report.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

impl ReportResult {
    /// SHA-256 of the result as compact JSON, in hex.
    ///
    /// # Errors
    /// When the result cannot be written as JSON.
    pub fn id(&self) -> Result<String, serde_json::Error> {
        Ok(hex(&Sha256::digest(serde_json::to_vec(self)?)))
    }

    /// The period of the report.
    pub const fn period(&self) -> Option<Period> {
        self.coverage.period
    }

    /// Why a discovery does not have enough evidence, one reason each; empty if it has, and in a proof, which has a status.
    pub fn discovery_gaps(&self) -> Vec<String> {
        let (totals, coverage) = (&self.totals, &self.coverage);
        if self.mode != ReportMode::Discovery {
            return Vec::new();
        }
        let reasons = [
            (totals.events == 0).then(|| "the evidence holds no events".to_owned()),
            coverage.is_zero().then(|| {
                let hours = crate::finding::count_noun(coverage.expected_hours, "expected hour");
                format!("{} of {hours} observed, so its coverage is 0 %", coverage.observed_hours)
            }),
            {
                let gaps = coverage.integrity_gaps(|_| true);
                let hours = gaps.tampered + gaps.missing + gaps.unverified;
                (hours > 0).then(|| {
                    let hours = crate::finding::count_noun(hours, "hour");
                    format!("the log files of {hours} are tampered with, missing or not verified")
                })
            },
            (totals.unreadable_evidence > 0).then(|| {
                let pieces = if totals.unreadable_evidence == 1 { "piece" } else { "pieces" };
                format!("{} {pieces} of evidence could not be read", totals.unreadable_evidence)
            }),
        ];
        reasons.into_iter().flatten().collect()
    }

    /// The overall status; absent in a discovery.
    pub const fn status(&self) -> Option<Status> {
        self.summary.overall_compliance
    }
}
