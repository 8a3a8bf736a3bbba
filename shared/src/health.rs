//! Whether Onlooker itself works.
//!
//! Enters: [`HealthInputs`], plain values that a job gathered, each known or with the reason why not. Leaves: [`Health`]: one
//! [`HealthCheck`] for each thing that is watched, with its value, its limits, a sentence and a remedy. Laws: a value that is not known
//! is `unknown` and never `healthy`; the whole has the status of its worst check; a check that does not apply is named with the
//! reason; a worse value never improves a status.

mod audit_store;
mod catalog_age;
mod circuit_breakers;
mod coverage_lag;
mod dead_letters;
mod heartbeat;
mod inputs;
mod log_digests;
mod measure;
mod open_findings;
mod query_cache;
mod rate_limiting;
mod trail_logging;
mod units;
mod write_buffer;

use schemars::{JsonSchema, Schema};
use serde::Serialize;

pub use self::{
    heartbeat::{SWEEP, WorkerSchedule},
    inputs::{
        AuditStoreSize, CacheUsage, CoverageState, DeadLetterCount, DigestState, HealthInput, HealthInputs,
        LoggingState, OpenBreaker, OpenFindings, RateLimitActivity, RecentError, WorkerRun, WriteQueue,
    },
    measure::{HealthMeasure, HealthUnit},
    units::{size, span},
};
use crate::{config::MonitoringSettings, finding::count_noun, time::Time};

/// Version of the shape of [`Health`]; the first number changes if a field loses its meaning.
pub const HEALTH_SCHEMA_VERSION: &str = "1.0";

/// All checks, in the order in which they are shown.
const CHECKS: &[&HealthRule] = &[
    &write_buffer::RULE,
    &heartbeat::RULE,
    &audit_store::RULE,
    &rate_limiting::RULE,
    &open_findings::RULE,
    &query_cache::RULE,
    &trail_logging::RULE,
    &log_digests::RULE,
    &dead_letters::RULE,
    &coverage_lag::RULE,
    &catalog_age::RULE,
    &circuit_breakers::RULE,
];

/// The status of a check. Of several the greatest counts, in the order of the monitoring plugins (`max_state_alt` of
/// `lib/utils_base.c`, version 2.4): what is known to be wrong is worse than what is not known, which is worse than healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// The value is within its limits.
    Healthy,
    /// The value is not known.
    Unknown,
    /// The value is above its lower limit.
    Warning,
    /// The value is above its upper limit.
    Critical,
}

impl HealthStatus {
    /// All statuses, the best first.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Unknown, Self::Warning, Self::Critical];

    /// The word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The return code of a Nagios plugin, and the exit code of `onlooker health`.
    pub const fn code(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// One thing that is watched.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HealthCheck {
    /// Name, kebab-case and permanent; of a function or command with its name, such as `heartbeat-pull`.
    pub name: String,
    /// The check for people.
    pub title: String,
    /// The status.
    pub status: HealthStatus,
    /// The value, in a sentence without a period.
    pub message: String,
    /// What to do about it; absent if the check is healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The numbers behind it; empty if they are not known.
    pub measures: Vec<HealthMeasure>,
}

/// A check that does not apply to what was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InapplicableCheck {
    /// Name of the check.
    pub name: &'static str,
    /// Why it does not apply.
    pub reason: String,
}

/// Whether Onlooker works.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Health {
    /// Version of this shape.
    pub schema_version: &'static str,
    /// When the values were read.
    pub checked_at: Time,
    /// The status of the worst check.
    pub status: HealthStatus,
    /// The status in one sentence without a period: what is not healthy.
    pub summary: String,
    /// The checks.
    pub checks: Vec<HealthCheck>,
    /// Checks that do not apply.
    pub not_applicable: Vec<InapplicableCheck>,
    /// The account of the deployment; absent outside one, and before the first run.
    pub account: Option<String>,
    /// The last run of each function, or of the command `sweep`.
    pub runs: Vec<WorkerRun>,
    /// Failures of the last hours, the newest first; absent if they are not known.
    pub recent_errors: Option<Vec<RecentError>>,
    /// Circuit breakers that are open; absent if they are not known.
    pub open_breakers: Option<Vec<OpenBreaker>>,
    /// The limits of the configuration, above which errors and slow calls are told.
    pub thresholds: MonitoringSettings,
}

/// The published JSON schema of what `onlooker health --json` prints.
pub fn schema() -> Schema {
    schemars::schema_for!(Health)
}

/// A check: texts that do not depend on the values, and the function that judges.
#[derive(Debug)]
struct HealthRule {
    /// Name of the check.
    name: &'static str,
    /// The check for people.
    title: &'static str,
    /// What to do if the value is not within its limits.
    remedy: &'static str,
    /// What to do if the value is not known.
    remedy_if_unknown: &'static str,
    /// Judges the values. Most checks have one result.
    judge: fn(&HealthInputs) -> HealthInput<Vec<JudgedValue>>,
}

/// What a check says about one value.
#[derive(Debug)]
struct JudgedValue {
    /// The function or command that it is about, if the check has one result for each.
    subject: Option<String>,
    status: HealthStatus,
    message: String,
    /// What to do, instead of the remedy of the check.
    remedy: Option<String>,
    measures: Vec<HealthMeasure>,
}

impl JudgedValue {
    /// The value with the worst status of its measures.
    fn of(message: String, measures: Vec<HealthMeasure>) -> Self {
        let status = measures.iter().map(HealthMeasure::status).max().unwrap_or(HealthStatus::Unknown);
        Self { subject: None, status, message, remedy: None, measures }
    }

    /// The same value, with a status that is at least this one.
    fn at_least(self, status: HealthStatus) -> Self {
        Self { status: self.status.max(status), ..self }
    }
}

/// Judges what is known.
pub fn judge(inputs: &HealthInputs) -> Health {
    let (mut checks, mut not_applicable) = (Vec::new(), Vec::new());
    for rule in CHECKS {
        match (rule.judge)(inputs) {
            HealthInput::Known(values) => checks.extend(values.into_iter().map(|value| rule.check(value))),
            HealthInput::Unknown(reason) => checks.push(rule.unknown(reason)),
            HealthInput::NotApplicable(reason) => {
                not_applicable.push(InapplicableCheck { name: rule.name, reason });
            }
        }
    }
    // Without a check nothing is known.
    let status = checks.iter().map(|check| check.status).max().unwrap_or(HealthStatus::Unknown);
    Health {
        schema_version: HEALTH_SCHEMA_VERSION,
        checked_at: inputs.now,
        status,
        summary: summary(&checks),
        checks,
        not_applicable,
        account: inputs.account.clone(),
        runs: inputs.workers.known().cloned().unwrap_or_default(),
        recent_errors: inputs.recent_errors.known().cloned(),
        open_breakers: inputs.open_breakers.known().cloned(),
        thresholds: inputs.monitoring.clone(),
    }
}

impl HealthRule {
    fn check(&self, value: JudgedValue) -> HealthCheck {
        let JudgedValue { subject, status, message, remedy, measures } = value;
        let remedy = match status {
            HealthStatus::Healthy => None,
            HealthStatus::Unknown => Some(remedy.unwrap_or_else(|| self.remedy_if_unknown.to_owned())),
            HealthStatus::Warning | HealthStatus::Critical => {
                Some(remedy.unwrap_or_else(|| self.remedy.to_owned()))
            }
        };
        let (name, title) = match subject {
            Some(subject) => (format!("{}-{subject}", self.name), format!("{}: {subject}", self.title)),
            None => (self.name.to_owned(), self.title.to_owned()),
        };
        HealthCheck { name, title, status, message, remedy, measures }
    }

    fn unknown(&self, reason: String) -> HealthCheck {
        HealthCheck {
            name: self.name.to_owned(),
            title: self.title.to_owned(),
            status: HealthStatus::Unknown,
            message: reason,
            remedy: Some(self.remedy_if_unknown.to_owned()),
            measures: Vec::new(),
        }
    }
}

/// What is not healthy, the worst first.
fn summary(checks: &[HealthCheck]) -> String {
    let mut parts = Vec::new();
    for status in HealthStatus::ALL.into_iter().rev().filter(|status| *status != HealthStatus::Healthy) {
        let named: Vec<&str> =
            checks.iter().filter(|check| check.status == status).map(|check| check.name.as_str()).collect();
        if !named.is_empty() {
            parts.push(format!("{} {}: {}", named.len(), status.as_str(), named.join(", ")));
        }
    }
    match (parts.is_empty(), checks.is_empty()) {
        (_, true) => "nothing could be checked".to_owned(),
        (true, false) => format!("{} healthy", count_noun(checks.len() as u64, "check")),
        (false, false) => parts.join("; "),
    }
}

#[cfg(test)]
mod tests;

/// Values and their health, for tests of this crate.
#[cfg(test)]
pub(crate) mod sample;
