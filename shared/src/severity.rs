//! How soon something needs attention.
//!
//! Enters: nothing. Leaves: the severity of findings and errors. Law: the order is that of urgency, so the maximum of two is the
//! more urgent one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How soon a finding or an error needs attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// A fact that is worth knowing.
    Info,
    /// Review it when there is time.
    Low,
    /// Review it this week.
    Medium,
    /// Review it today.
    High,
    /// Review it now.
    Critical,
}

impl Severity {
    /// The upper-case word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}
