//! One entry of the audit trail.
//!
//! Enters: nothing. Leaves: [`AuditTrailEntry`] and the kinds of entries. Law: every text in an entry is as the record has it,
//! apart from redaction and the limit on its length; each output escapes it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    config::Standard,
    event::Outcome,
    operation::{OperationType, RiskLevel},
    time::Time,
};

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditKind {
    /// A call of a watched principal.
    Call,
    /// A call that an override allows.
    Override,
    /// A call that Onlooker was asked about or guarded, and what it decided.
    Decision,
    /// A run of a function or a command of Onlooker.
    Run,
    /// The configuration of a run differs from that of the run before.
    ConfigurationChange,
    /// Entries of one principal that were counted and not written, because of the rate limit.
    RateLimit,
}

impl AuditKind {
    /// The snake-case word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Override => "override",
            Self::Decision => "decision",
            Self::Run => "run",
            Self::ConfigurationChange => "configuration_change",
            Self::RateLimit => "rate_limit",
        }
    }
}

/// An entry without its id, which it gets when it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditTrailEntry {
    /// What the entry is about.
    pub kind: AuditKind,
    /// When the call was made; for other kinds when the entry was made.
    pub timestamp: Time,
    /// When the entry was made.
    pub recorded_at: Time,
    /// The function or command that made the entry, such as `ingest`.
    pub recorded_by: String,
    /// What happened, in a sentence; absent for a plain call.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// Standard of the reports.
    pub compliance_standard: Standard,
    /// The call; absent for an entry that is not about a call.
    #[serde(flatten)]
    pub call: Option<AuditedCall>,
}

/// The call of an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditedCall {
    /// `service:Operation`, as the catalog names it when it knows it.
    pub operation: Arc<str>,
    /// `eventSource` of the record, such as `s3.amazonaws.com`.
    pub service: Arc<str>,
    /// Type of the operation.
    pub operation_type: OperationType,
    /// How much harm such a call can do.
    pub severity: RiskLevel,
    /// Outcome of the call.
    pub outcome: Outcome,
    /// `errorCode` of the record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error_code: Option<Arc<str>>,
    /// `eventID` of the record.
    pub event_id: String,
    /// Account that received the event.
    pub account: Arc<str>,
    /// Region of the call.
    pub region: Arc<str>,
    /// Who made the call.
    pub user_identity: ApiCaller,
    /// Resources that the record names, as ARNs.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub resource_arns: Vec<String>,
    /// `sourceIPAddress` of the record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_ip: Option<String>,
    /// `userAgent` of the record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_agent: Option<String>,
    /// `requestParameters` of the record, without secrets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_parameters: Option<Value>,
    /// `responseElements` of the record, without secrets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub response_elements: Option<Value>,
    /// Whether texts of the call were shortened to the limit.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_truncated: bool,
    /// Why Onlooker classified the operation as it did.
    pub reason: String,
}

/// Who made a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiCaller {
    /// ARN of the principal.
    pub principal: Arc<str>,
    /// `userIdentity.type` of the record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// Name of the session, when there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session_name: Option<Arc<str>>,
    /// `userIdentity.accessKeyId` of the record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_key_id: Option<String>,
    /// Whether the session was authenticated with MFA; absent if the record does not say it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mfa_authenticated: Option<bool>,
}
