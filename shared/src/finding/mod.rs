//! What deserves a reader's attention.
//!
//! Enters: an assessment. Leaves: findings, most severe first, and what to do about them. Laws: each rule stands
//! in a file of its own name and keeps its id forever; a finding's fingerprint depends on the rule, the principal
//! and the subject alone, so the same finding in another run has the same one; order is deterministic.

use std::{collections::BTreeSet, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Look at it when there is time.
    Low,
    /// Look at it this week.
    Medium,
    /// Look at it today.
    High,
    /// Look at it now.
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

/// One thing that deserves attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Rule that found it, kebab-case and permanent.
    pub id: String,
    /// Identity of this instance: the same in every run, 32 hex digits.
    pub fingerprint: String,
    /// Severity.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: String,
    /// What was seen and what it means.
    pub description: String,
    /// What to do.
    pub recommendation: String,
    /// ARN of the principal, when it is about one.
    pub principal: Option<Arc<str>>,
    /// What it is about besides the principal: an operation, a place, an event class.
    pub subject: String,
    /// First time it was seen.
    pub first_seen: Option<Time>,
    /// Last time it was seen.
    pub last_seen: Option<Time>,
    /// How often.
    pub count: u64,
    /// Ids of the earliest events behind it, at most three.
    pub sample_event_ids: Vec<String>,
    /// ARNs of resources the records name, in order, at most five.
    pub resources: Vec<Arc<str>>,
    /// Controls of the report's standard it touches.
    pub controls: BTreeSet<String>,
}

/// What to do about all findings of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// Greatest severity among the findings.
    pub severity: Severity,
    /// Rule the findings belong to.
    pub id: String,
    /// What to do.
    pub action: String,
    /// How many findings it would settle.
    pub findings: u64,
    /// Principals it is about, in order.
    pub principals: BTreeSet<Arc<str>>,
}
