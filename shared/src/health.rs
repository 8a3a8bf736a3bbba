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
mod open_findings;
mod query_cache;
mod rate_limiting;
mod trail_logging;
mod write_buffer;

use schemars::{JsonSchema, Schema};
use serde::Serialize;

pub use self::{
    heartbeat::{SWEEP, WorkerSchedule},
    inputs::{
        AuditStoreSize, CacheUsage, CoverageState, DeadLetterCount, DigestState, HealthInput, HealthInputs,
        LoggingState, OpenBreaker, OpenFindings, RateLimitActivity, RecentError, WorkerRun, WriteQueue,
    },
};
use crate::{
    config::MonitoringSettings,
    finding::count_noun,
    time::{HOUR_SECONDS, Time},
};

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

/// Unit of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthUnit {
    /// A number of things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share, 0 to 100.
    Percent,
}

/// A number that a check looks at.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct HealthMeasure {
    /// Name, snake_case and permanent.
    pub name: &'static str,
    /// Unit of `value` and of the limits.
    pub unit: HealthUnit,
    /// The value.
    pub value: f64,
    /// The check warns above this value; absent if it never does.
    pub warning: Option<f64>,
    /// The check is critical above this value; absent if it never is.
    pub critical: Option<f64>,
}

impl HealthMeasure {
    /// A number that is only shown.
    const fn shown(name: &'static str, unit: HealthUnit, value: f64) -> Self {
        Self { name, unit, value, warning: None, critical: None }
    }

    /// A number with limits.
    const fn limited(
        name: &'static str,
        unit: HealthUnit,
        value: f64,
        (warning, critical): (f64, f64),
    ) -> Self {
        Self { name, unit, value, warning: Some(warning), critical: Some(critical) }
    }

    /// What the limits say about the value.
    pub fn status(&self) -> HealthStatus {
        let is_above = |limit: Option<f64>| limit.is_some_and(|limit| self.value > limit);
        match (is_above(self.critical), is_above(self.warning)) {
            (true, _) => HealthStatus::Critical,
            (false, true) => HealthStatus::Warning,
            (false, false) => HealthStatus::Healthy,
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

/// A span for people, in its two largest units.
pub fn span(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    const HOUR: u64 = HOUR_SECONDS as u64;
    let two = |large: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {smaller}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..HOUR => two(seconds / 60, "min", seconds % 60, "s"),
        HOUR..DAY => two(seconds / HOUR, "h", seconds % HOUR / 60, "min"),
        _ => two(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
    }
}

/// A size for people, in decimal units.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let (mut number, mut unit) = (bytes as f64, "B");
    for next in UNITS {
        if number < 999.95 {
            break;
        }
        (number, unit) = (number / 1_000.0, next);
    }
    format!("{number:.1} {unit}")
}

#[cfg(test)]
mod tests;

/// Values and their health, for tests of this crate.
#[cfg(test)]
pub(crate) mod sample;
