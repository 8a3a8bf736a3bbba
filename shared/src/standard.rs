//! Control packs: the questions of a standard and which findings answer them.
//!
//! Enters: a pack, findings and the state of the evidence. Leaves: each control with pass, fail or no evidence and
//! what supports it. Law: a control passes only on complete evidence with watched calls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the evidence says of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlState {
    /// Complete evidence, and nothing in it speaks against the control.
    Pass,
    /// The evidence does not suffice.
    NoEvidence,
    /// Findings speak against it.
    Fail,
}

/// One control of the standard and what the evidence says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlResult {
    /// Reference in the standard, such as `CC6.1` or `A.8.15`.
    pub id: String,
    /// What it asks, in Onlooker's own words.
    pub title: String,
    /// What the evidence says.
    pub state: ControlState,
    /// What supports that, in a sentence.
    pub evidence: String,
    /// Fingerprints of the findings that speak against it.
    pub findings: Vec<String>,
}
