//! What the checks look at.
//!
//! Enters: nothing. Leaves: [`HealthInputs`] and its parts: plain values, or why there are none. Law: nothing stands for a value that
//! is not known.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::WorkerSchedule;
use crate::{config::MonitoringSettings, coverage::IntegrityHours, finding::Severity, time::Time};

/// A value, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthInput<T> {
    /// The value.
    Known(T),
    /// The value could not be read, as a sentence without a period.
    Unknown(String),
    /// There is no such value here, and why.
    NotApplicable(String),
}

impl<T> HealthInput<T> {
    /// There is no such value here, and why.
    pub fn not_applicable(reason: &str) -> Self {
        Self::NotApplicable(reason.to_owned())
    }

    /// The value, if it is known.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) | Self::NotApplicable(_) => None,
        }
    }

    /// Another value made of the value.
    pub fn map<U>(&self, make: impl FnOnce(&T) -> U) -> HealthInput<U> {
        match self {
            Self::Known(value) => HealthInput::Known(make(value)),
            Self::Unknown(reason) => HealthInput::Unknown(reason.clone()),
            Self::NotApplicable(reason) => HealthInput::NotApplicable(reason.clone()),
        }
    }
}

impl<T, E: std::fmt::Display> From<Result<T, E>> for HealthInput<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Known(value),
            Err(error) => Self::Unknown(crate::escape::escape_hidden(&error.to_string()).into_owned()),
        }
    }
}

/// What the checks look at.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthInputs {
    /// When the values were read.
    pub now: Time,
    /// Age in seconds above which evidence and reports are late: a warning; above twice the age it is critical.
    pub max_age_seconds: u32,
    /// What waits to be written.
    pub write_queue: HealthInput<WriteQueue>,
    /// The runs of the functions, or of the command `sweep`.
    pub workers: HealthInput<Vec<WorkerRun>>,
    /// What the audit trail takes.
    pub audit_store: HealthInput<AuditStoreSize>,
    /// What the rate limit of the audit trail left out, and what CloudTrail throttled.
    pub rate_limits: HealthInput<RateLimitActivity>,
    /// The findings of the newest report.
    pub findings: HealthInput<OpenFindings>,
    /// The answers to queries of the audit trail that are in memory.
    pub query_cache: HealthInput<CacheUsage>,
    /// Whether the trail logs.
    pub logging: HealthInput<LoggingState>,
    /// Whether CloudTrail delivers digest files, and what they prove.
    pub digests: HealthInput<DigestState>,
    /// What was given up after several attempts.
    pub dead_letters: HealthInput<DeadLetterCount>,
    /// Up to when there is evidence.
    pub coverage: HealthInput<CoverageState>,
    /// Date of the sources of the operation catalog.
    pub catalog_date: HealthInput<Time>,
    /// The circuit breakers that are open.
    pub open_breakers: HealthInput<Vec<OpenBreaker>>,
    /// Failures of the last hours, the newest first.
    pub recent_errors: HealthInput<Vec<RecentError>>,
    /// Account of the deployment.
    pub account: Option<String>,
    /// The limits of the configuration.
    pub monitoring: MonitoringSettings,
}

/// What waits to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteQueue {
    /// What waits, such as `report`.
    pub noun: &'static str,
    /// Number of things that wait.
    pub entries: u64,
    /// Since when the oldest waits; absent if nothing does.
    pub oldest: Option<Time>,
}

/// The last run of a function, or of the command `sweep`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct WorkerRun {
    /// Name of the function or command, such as `pull`.
    pub name: String,
    /// When the next run is due.
    pub schedule: WorkerSchedule,
    /// When the last run ended; absent if none is recorded.
    pub ended_at: Option<Time>,
    /// When a run last succeeded.
    pub succeeded_at: Option<Time>,
    /// Error of the last run; absent if it succeeded.
    pub error: Option<String>,
    /// What the last run did not do although it succeeded, as sentences.
    pub notes: Vec<String>,
    /// Metrics of the last run by name, in the units of docs/metrics.md.
    pub metrics: BTreeMap<String, f64>,
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RecentError {
    /// Name of the function.
    pub name: String,
    /// When the run ended.
    pub ended_at: Time,
    /// Its error.
    pub error: String,
}

/// What the audit trail takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditStoreSize {
    /// Number of objects: batches, seals, records of prunings.
    pub objects: u64,
    /// Their size together.
    pub bytes: u64,
    /// Whether all objects were counted; if not, there are more.
    pub is_complete: bool,
}

/// What was limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitActivity {
    /// Hours before now that were looked at.
    pub hours: u32,
    /// Entries that were counted and not written, because their principal had too many.
    pub blocked: u64,
    /// Principals with entries; absent if the trail has too many batches to count them.
    pub active_sources: Option<u64>,
    /// Calls of `LookupEvents` that CloudTrail throttled in the last run of `pull`, and all its calls; absent without a run.
    pub lookups: Option<(u64, u64)>,
}

/// The findings of the newest report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenFindings {
    /// Number of findings by severity.
    pub by_severity: BTreeMap<Severity, u64>,
}

/// Answers in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUsage {
    /// Answers in memory.
    pub entries: u64,
    /// Most answers that are kept.
    pub capacity: u64,
    /// Questions that were answered from memory.
    pub hits: u64,
    /// All questions.
    pub queries: u64,
}

/// Whether the trail logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggingState {
    /// Findings about calls that changed what is logged.
    pub changes: u64,
    /// Expected hours of the report.
    pub expected_hours: u64,
    /// Expected hours with evidence.
    pub observed_hours: u64,
}

/// What is known of digest files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestState {
    /// Hours that a digest file covers and that have no event. Digest files alone tell of such hours.
    pub quiet_hours: u64,
    /// The hours by what was proven of their log files; absent if they were not verified.
    pub verified: Option<IntegrityHours>,
}

/// What was given up after several attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterCount {
    /// Log files that an S3 event named and that could not be read.
    pub missing_objects: u64,
    /// Reports that failed too often and are no longer tried.
    pub parked_reports: u64,
}

/// Up to when there is evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverageState {
    /// The end of the evidence of the account and region that is most behind.
    pub observed_until: Time,
    /// That account and region.
    pub place: String,
    /// Accounts and regions that are looked at.
    pub places: u64,
}

/// A circuit breaker that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OpenBreaker {
    /// The operation of AWS that it protects.
    pub operation: String,
    /// Since when it is open.
    pub opened_at: Time,
}
