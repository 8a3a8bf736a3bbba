//! What the functions answer when they succeed, for the programs that invoke them.
//!
//! Enters: the outcomes of jobs. Leaves: one answer for each function, as JSON with the version of its shape first. Law: every answer
//! fits the published schema. The function `api` answers as its OpenAPI document says, and `ingest` answers a queue as SQS requires.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

#[cfg(feature = "ingest")]
use super::ingest::IngestOutcome;
use super::{
    maintain::MaintenanceOutcome,
    permissions::PermissionsAnswer,
    publish::{PublishedReport, PublishedReports, ReportPurpose, ReportWindow},
    pull::PullOutcome,
    watch::WatchOutcome,
};
use crate::{
    current_status::{CurrentStatus, ReportBrief},
    render::versioned::VersionedValue,
    report::{MaintenanceTask, TaskRecord},
};

/// Version of the shape of the answers; the first number changes if a field loses its meaning.
pub const ANSWER_SCHEMA_VERSION: &str = "1.0";

/// What a function answers when it succeeds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum FunctionAnswer {
    /// The answer of `pull`.
    Pull(#[schemars(with = "Versioned<PullAnswer>")] PullAnswer),
    /// The answer of `ingest` to an invocation that is not from a queue.
    #[cfg(feature = "ingest")]
    Ingest(#[schemars(with = "Versioned<IngestOutcome>")] IngestOutcome),
    /// The answer of `watch`.
    Watch(#[schemars(with = "Versioned<WatchAnswer>")] WatchAnswer),
    /// The answer of `report`.
    Report(#[schemars(with = "Versioned<ReportAnswer>")] ReportAnswer),
    /// The answer of `permissions`.
    Permissions(#[schemars(with = "Versioned<PermissionsAnswer>")] PermissionsAnswer),
    /// The answer of `maintain`.
    Maintenance(#[schemars(with = "Versioned<MaintenanceAnswer>")] MaintenanceAnswer),
}

/// The shape of an answer with its version.
#[derive(JsonSchema)]
#[schemars(rename = "{T}")]
#[expect(dead_code, reason = "a schema is made of it")]
struct Versioned<T> {
    /// Version of this shape; the first number changes if a field loses its meaning.
    schema_version: &'static str,
    #[serde(flatten)]
    answer: T,
}

impl FunctionAnswer {
    /// The answer as the function returns it.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(VersionedValue { schema_version: ANSWER_SCHEMA_VERSION, value: self })
    }
}

/// The answer of `pull`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PullAnswer {
    /// What was done for each account and Region.
    pub account_regions: Vec<PullOutcome>,
    /// What was not pulled although nothing failed, as sentences.
    pub notes: Vec<String>,
}

/// The answer of `watch`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WatchAnswer {
    /// Number of events that were read.
    pub events: u64,
    /// Number of alerts that they caused.
    pub alerts: u64,
    /// Number of notifications that were sent.
    pub notifications_sent: u64,
}

impl From<&WatchOutcome> for WatchAnswer {
    fn from(outcome: &WatchOutcome) -> Self {
        let WatchOutcome { events, alerts, notifications_sent, .. } = outcome;
        Self { events: *events, alerts: alerts.len() as u64, notifications_sent: *notifications_sent }
    }
}

/// The answer of `report`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReportAnswer {
    /// The published reports, in the order of publication; the requested one is found by its window.
    pub reports: Vec<PublishedReportAnswer>,
    /// The current status; `null` if the run did not update it.
    pub current_status: Option<CurrentStatus>,
    /// The windows of reports that failed too often to be tried again.
    pub parked: Vec<String>,
}

/// A published report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PublishedReportAnswer {
    /// Window of the report.
    pub window: ReportWindow,
    /// Why the window was evaluated.
    pub purpose: ReportPurpose,
    /// Whether this run created the report.
    pub new: bool,
    /// The report in brief.
    pub report: ReportBrief,
    /// Keys of all its objects, the report as JSON first.
    pub keys: Vec<String>,
}

impl From<&PublishedReports> for ReportAnswer {
    fn from(published: &PublishedReports) -> Self {
        let report = |one: &PublishedReport| PublishedReportAnswer {
            window: one.window,
            purpose: one.purpose,
            new: one.is_new,
            report: one.revision.report.clone(),
            keys: one.revision.keys.clone(),
        };
        Self {
            reports: published.reports.iter().map(report).collect(),
            current_status: published.current_status.clone(),
            parked: published.parked.iter().map(|pending| pending.window.to_string()).collect(),
        }
    }
}

/// The answer of `maintain`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MaintenanceAnswer {
    /// The tasks that ran, in their order.
    pub tasks: Vec<TaskRecord>,
    /// Tasks that were due and did not begin, because the time ran out.
    pub left_out: Vec<MaintenanceTask>,
}

impl From<&MaintenanceOutcome> for MaintenanceAnswer {
    fn from(outcome: &MaintenanceOutcome) -> Self {
        Self { tasks: outcome.done.clone(), left_out: outcome.left_out.clone() }
    }
}

#[cfg(all(test, feature = "ingest"))]
mod tests {
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        let schema = schemars::schema_for!(FunctionAnswer);
        assert_published("function-answers", ANSWER_SCHEMA_VERSION, &schema);
    }
}
