//! The report as a value.
//!
//! Enters: an assessment, findings and controls. Leaves: [`Report`]: `result`, which is the same for the same evidence
//! whatever its order, split and repetition, and `run`, which tells of this one run. Law: the report's id is the
//! SHA-256 of its `result` as JSON, so two results with one id are equal byte for byte.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

mod compose;
mod executive;
mod limitations;
pub(crate) mod matrix;
mod redaction;

pub use compose::compose;
pub use matrix::{
    AccessMatrix, MatrixRow, MatrixRowKind, PolicySnapshotRef, RoleChainActivity, UngrantedOperation,
    UnusedReadServices, UnusedService,
};
pub use redaction::{redact, redact_value};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    classification::Provenance,
    config::Standard,
    controls::ControlResult,
    coverage::{Coverage, Period},
    event::{EventKind, Outcome},
    finding::{Finding, Recommendation},
    operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel},
    principal::PrincipalKind,
    score::{ComplianceScore, RiskScore, Status},
    time::{Hour, Time},
};

/// Version of the report's shape: the first number changes when a reader of the old shape would be misled.
pub const SCHEMA_VERSION: &str = "1.0";

/// A report, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this shape.
    pub schema_version: String,
    /// SHA-256 of `result` as compact JSON, in hex.
    pub id: String,
    /// What the evidence says.
    pub result: ReportResult,
    /// How it was come by.
    pub run: ReportRun,
}

/// Whether something was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportMode {
    /// Principals are watched: the report says whether the promise held.
    Proof,
    /// Nothing was promised: the report says who did what, and calls nothing compliant.
    Discovery,
}

/// What the evidence says: identical for the same evidence, configuration and catalog.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportResult {
    /// Proof or discovery.
    pub mode: ReportMode,
    /// Standard the controls belong to.
    pub standard: Standard,
    /// Title of the control pack.
    pub standard_title: String,
    /// Executive summary.
    pub summary: ExecutiveSummary,
    /// Score of the watched calls.
    pub compliance: ComplianceScore,
    /// Risk of the watched principals; absent in a discovery.
    pub risk: Option<RiskScore>,
    /// Counts over all evidence in the period.
    pub totals: ReportTotals,
    /// The map of evidence.
    pub coverage: Coverage,
    /// Events per hour.
    pub activity: Vec<HourlyActivity>,
    /// Every principal that was seen, and every promise nobody was seen for.
    pub principals: Vec<PrincipalSummary>,
    /// Every operation that is not plainly read-only, and every sensitive one, with its verdict.
    pub operations: Vec<OperationSummary>,
    /// Sign-in, service and console events: listed, not scored.
    pub other_events: Vec<OtherEvent>,
    /// Findings, most severe first.
    pub findings: Vec<Finding>,
    /// What to do, most urgent first.
    pub recommendations: Vec<Recommendation>,
    /// The standard's controls.
    pub controls: Vec<ControlResult>,
    /// Calls behind the findings, one entry each.
    pub audit_entries: Vec<AuditEntry>,
    /// Overrides of the configuration and what became of them.
    pub overrides: Vec<OverrideUsage>,
    /// What this result says nothing about.
    pub limitations: Vec<String>,
    /// What it was computed from.
    pub inputs: ReportInputs,
}

/// Executive summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExecutiveSummary {
    /// Overall status; absent in a discovery.
    pub overall_compliance: Option<Status>,
    /// One sentence that names the status and the event classes it speaks about.
    pub statement: String,
    /// Compliance score 0-100; absent when there were no watched calls.
    pub compliance_score: Option<f64>,
    /// Risk score 0-100; absent in a discovery.
    pub risk_score: Option<f64>,
    /// LOW, MEDIUM (above 30) or HIGH (above 70); absent in a discovery.
    pub risk_level: Option<crate::score::RiskBand>,
    /// The most important findings in a sentence each, at most five.
    pub key_findings: Vec<String>,
    /// What to do first, at most five.
    pub top_actions: Vec<String>,
}

/// Counts over all evidence in the period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportTotals {
    /// Distinct events.
    pub events: u64,
    /// API calls among them: the operations that are judged.
    pub operations: u64,
    /// API calls by watched principals.
    pub watched_operations: u64,
    /// API calls that are read-only.
    pub read_only: u64,
    /// API calls that mutate.
    pub mutating: u64,
    /// API calls that are privileged.
    pub privileged: u64,
    /// API calls nothing is known of.
    pub unknown: u64,
    /// API calls that succeeded.
    pub succeeded: u64,
    /// API calls that AWS refused.
    pub denied: u64,
    /// API calls that ended in another error.
    pub failed: u64,
    /// API calls by watched principals, not read-only, that AWS refused.
    pub blocked: u64,
    /// Reads of secrets or customer content by anyone, that succeeded.
    pub sensitive_reads: u64,
    /// Sign-in, service and console events.
    pub other_events: u64,
    /// CloudTrail Insights records, counted aside.
    pub insight_events: u64,
    /// Pieces of evidence that could not be read.
    pub unreadable_evidence: u64,
    /// Events delivered with two different contents under one identity.
    pub conflicting_events: u64,
    /// Distinct principals.
    pub principals: u64,
    /// Distinct watched principals that were seen.
    pub watched_principals: u64,
    /// Distinct accounts.
    pub accounts: u64,
    /// Distinct regions.
    pub regions: u64,
}

/// API calls of one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HourlyActivity {
    /// The hour.
    pub hour: Hour,
    /// Read-only calls that were not refused.
    pub reads: u64,
    /// Mutating calls that were not refused.
    pub writes: u64,
    /// Privileged and unknown calls that were not refused.
    pub other: u64,
    /// Calls AWS refused.
    pub denied: u64,
    /// Calls of watched principals, of all the above.
    pub watched: u64,
}

/// What a principal was seen to do, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Behavior {
    /// Never appeared.
    NotSeen,
    /// Appeared in events that are no API calls only.
    NoCalls,
    /// Read, and nothing it read was sensitive.
    OnlyRead,
    /// Read, also customer content.
    ReadData,
    /// Read, also secrets.
    ReadSecrets,
    /// Made calls nothing is known of, and nothing worse.
    UnknownCalls,
    /// Tried what a read-only principal may not do, and did not succeed.
    Attempted,
    /// Used a privileged operation: decrypted, assumed, minted.
    UsedPrivilege,
    /// Changed something.
    Wrote,
}

impl Behavior {
    /// The words a reader sees.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSeen => "not seen",
            Self::NoCalls => "no calls",
            Self::OnlyRead => "only looked",
            Self::ReadData => "read data",
            Self::ReadSecrets => "read secrets",
            Self::UnknownCalls => "unknown calls",
            Self::Attempted => "tried to write",
            Self::UsedPrivilege => "used privilege",
            Self::Wrote => "wrote",
        }
    }
}

/// One principal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalSummary {
    /// ARN, or the pattern of a promise for which nobody was seen.
    pub arn: Arc<str>,
    /// Kind of identity.
    pub kind: PrincipalKind,
    /// Account it belongs to; empty when unknown.
    pub account: Arc<str>,
    /// Pattern of the promise it falls under; absent when it is not watched.
    pub watched_as: Option<String>,
    /// Why it is watched, as the configuration says.
    pub watched_because: Option<String>,
    /// Status of the promise for this principal; absent when it is not watched.
    pub status: Option<Status>,
    /// What it was seen to do; of one that is watched, also through others.
    pub behavior: Behavior,
    /// Share of its calls that are permitted.
    pub compliance: ComplianceScore,
    /// API calls by outcome and operation type: `counts[operation_type][outcome]`.
    pub counts: BTreeMap<OperationType, BTreeMap<Outcome, u64>>,
    /// API calls in all.
    pub calls: u64,
    /// Other events in all.
    pub other_events: u64,
    /// Calls it may make although they are not read-only, by override.
    pub allowed_by_override: u64,
    /// Mutating calls that succeeded, that began with it and were made through others: `counts` and `calls` are without them.
    #[serde(default)]
    pub writes_through_roles: u64,
    /// Succeeded calls per capability.
    pub capabilities: BTreeMap<String, u64>,
    /// Greatest risk of a call it made.
    pub risk_level: Option<RiskLevel>,
    /// First event.
    pub first_seen: Option<Time>,
    /// Last event.
    pub last_seen: Option<Time>,
    /// Accounts it acted in.
    pub accounts: BTreeSet<Arc<str>>,
    /// Regions it acted in.
    pub regions: BTreeSet<Arc<str>>,
    /// Distinct sessions.
    pub sessions: u64,
    /// Some of their names, in order, at most ten.
    pub session_names: Vec<Arc<str>>,
    /// Source identities its sessions carried.
    pub source_identities: BTreeSet<Arc<str>>,
    /// Identity Center users it acted for.
    pub on_behalf_of: BTreeSet<Arc<str>>,
    /// API calls per service, by event source.
    pub services: BTreeMap<Arc<str>, u64>,
    /// API calls per hour.
    pub hours: Vec<(Hour, u64)>,
    /// Fingerprints of the findings about it.
    pub findings: Vec<String>,
    /// What it could do, tried and did; absent when it is not watched, and for a promise for which nobody was seen and
    /// no policies were read.
    pub matrix: Option<AccessMatrix>,
}

/// One operation and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationSummary {
    /// `eventSource`.
    pub event_source: Arc<str>,
    /// Service, as the catalog names it.
    pub service: String,
    /// Operation, as the catalog names it.
    pub operation: String,
    /// Operation type.
    pub operation_type: OperationType,
    /// Whether it changes state.
    pub mutates: Mutates,
    /// Access level, when known.
    pub access_level: Option<AccessLevel>,
    /// What it lets its caller do.
    pub capabilities: Capabilities,
    /// Risk of a call.
    pub risk_level: RiskLevel,
    /// Where the verdict comes from.
    pub provenance: Provenance,
    /// AWS's own sources disagree about it.
    pub source_conflict: bool,
    /// Why the verdict is what it is.
    pub reason: String,
    /// Calls by outcome, over all principals.
    pub counts: BTreeMap<Outcome, u64>,
    /// Principals that made it.
    pub principals: u64,
}

/// Events that are no API calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OtherEvent {
    /// Kind of record.
    pub kind: EventKind,
    /// `eventSource`.
    pub event_source: Arc<str>,
    /// `eventName`.
    pub event_name: Arc<str>,
    /// Distinct events.
    pub count: u64,
}

/// One call behind a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// `eventTime`.
    pub timestamp: Time,
    /// `eventID`.
    pub event_id: String,
    /// Account that received the event.
    pub account: Arc<str>,
    /// Region.
    pub region: Arc<str>,
    /// ARN of the principal.
    pub user_identity: Arc<str>,
    /// Session name, when there was one.
    pub session: Option<Arc<str>>,
    /// `eventSource`.
    pub service: Arc<str>,
    /// `eventName`.
    pub operation: Arc<str>,
    /// Operation type.
    pub operation_type: OperationType,
    /// What became of it.
    pub outcome: Outcome,
    /// `errorCode`, when there was one.
    pub error_code: Option<Arc<str>>,
    /// ARNs of the resources the record names.
    pub resource_arns: Vec<Arc<str>>,
}

/// What became of an override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideUsage {
    /// Its id.
    pub id: String,
    /// Principals it is for.
    pub principal: String,
    /// Operation it is for.
    pub operation: String,
    /// Resources it is for.
    pub resource: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why it is there.
    pub reason: String,
    /// When it ends.
    pub expires: Time,
    /// Calls it allowed.
    pub allowed_calls: u64,
    /// Calls it would have allowed had it not expired before them.
    pub expired_calls: u64,
}

/// What the result was computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportInputs {
    /// Onlooker's version.
    pub onlooker_version: String,
    /// Version of the operation catalog.
    pub catalog_version: String,
    /// SHA-256 of the operation catalog, in hex.
    pub catalog_sha256: String,
    /// SHA-256 of the evidence in canonical form, in hex: equal evidence has equal hashes.
    pub evidence_sha256: String,
    /// SHA-256 of the configuration in force, in hex.
    pub configuration_sha256: String,
    /// Patterns of the promises.
    pub watched: Vec<String>,
    /// Unreadable pieces of evidence by reason.
    pub unreadable: BTreeMap<String, u64>,
}

/// How the result was come by: differs from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportRun {
    /// Unique, sortable by time.
    pub run_id: String,
    /// Who made it, as AWS says (`GetCallerIdentity`); absent where AWS was not asked.
    pub caller: Option<CallerIdentity>,
    /// Request id of the function's invocation; absent outside a function.
    pub request_id: Option<String>,
    /// How often a report on this period was issued, this one included; absent where that is not counted.
    pub revision: Option<u32>,
    /// When it began.
    pub started_at: Time,
    /// When the report was made.
    pub generated_at: Time,
    /// Wall-clock seconds from the one to the other.
    pub duration_seconds: f64,
    /// Log objects read in this run.
    pub log_files_read: u64,
    /// Log objects whose evidence was kept from earlier runs.
    pub log_files_reused: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Records met in this run: distinct, duplicate, unreadable or aside.
    pub records_seen: u64,
    /// Records that were delivered before, in this or another object.
    pub duplicates: u64,
    /// Events outside the period, not counted.
    pub outside_period: u64,
    /// SHA-256 over the sorted hashes of all inputs, in hex.
    pub input_files_sha256: String,
    /// Inputs with their hashes, in order, at most 10,000.
    pub input_files: Vec<InputFile>,
    /// Where evidence could not be read, in order, at most 1,000.
    pub unreadable: Vec<UnreadablePosition>,
}

/// Who a program is, as AWS says (`GetCallerIdentity`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallerIdentity {
    /// ARN.
    pub arn: String,
    /// Twelve-digit account id.
    pub account: String,
    /// Unique id (`UserId`).
    pub user_id: String,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct InputFile {
    /// Object name.
    pub file: String,
    /// Size in bytes, as delivered.
    pub bytes: u64,
    /// SHA-256 of those bytes, in hex.
    pub sha256: String,
    /// Records in it.
    pub records: u64,
}

/// A piece of evidence that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct UnreadablePosition {
    /// Object name.
    pub file: String,
    /// Byte in the inflated object, when known.
    pub byte: Option<u64>,
    /// Record in the object, counted from zero, when known.
    pub record: Option<u64>,
    /// What was wrong, in a sentence.
    pub reason: String,
}

impl Report {
    /// A report of a result and its run, with the id computed.
    ///
    /// # Errors
    /// When the result cannot be written as JSON.
    pub fn new(result: ReportResult, run: ReportRun) -> Result<Self, serde_json::Error> {
        let id = result.id()?;
        Ok(Self { schema_version: SCHEMA_VERSION.to_owned(), id, result, run })
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

    /// The period looked at.
    pub const fn period(&self) -> Option<Period> {
        self.coverage.period
    }

    /// The overall status; absent in a discovery.
    pub const fn status(&self) -> Option<Status> {
        self.summary.overall_compliance
    }
}

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        text
    })
}
