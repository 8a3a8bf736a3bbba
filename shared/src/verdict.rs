//! Interim shape.
use schemars::JsonSchema;
use serde::Serialize;

use crate::operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel};

/// Where a verdict comes from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// O
    Override,
    /// C
    Catalog,
    /// R
    RecordFlag,
    /// P
    Pattern,
    /// N
    NonApiEvent,
    /// N
    None,
}

/// V
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdict {
    /// s
    pub service: String,
    /// o
    pub operation: String,
    /// t
    pub operation_type: OperationType,
    /// m
    pub mutates: Mutates,
    /// l
    pub access_level: Option<AccessLevel>,
    /// c
    pub capabilities: Capabilities,
    /// r
    pub risk_level: RiskLevel,
    /// p
    pub provenance: Provenance,
    /// d
    pub dissent: bool,
    /// r
    pub reason: String,
}
