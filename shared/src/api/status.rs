//! What a deployment claims now, and what its functions did last.
//!
//! Enters: the table and the store of the deployment. Leaves: a [`StatusResponse`]. Laws: the status is the one that may be claimed at
//! this time, so that an expired one is `INSUFFICIENT_EVIDENCE`; a function that never ran is listed, and says so; what cannot be read
//! is an error, and never an empty answer.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    config::{Config, MonitoringSettings},
    current_status::CurrentStatus,
    jobs::{
        audit::{WrittenEntries, written_entries},
        maintain::last_tasks,
        publish::latest,
        runs::heartbeat,
    },
    ports::{ObjectStore, PortError, Table},
    report::TaskRecord,
    score::Status,
    time::Time,
};

/// The functions of a deployment.
const FUNCTIONS: [&str; 7] = ["pull", "ingest", "watch", "permissions", "report", "maintain", "api"];

/// Seconds for which entries of the audit trail are counted.
const DAY_SECONDS: u32 = 86_400;

/// Entries of the audit trail that were written in the last 24 hours.
pub type AuditSummary = WrittenEntries;

/// Where the status is read from.
#[derive(Clone, Copy)]
pub struct StatusSources<'a> {
    /// The table of the deployment.
    pub table: &'a dyn Table,
    /// The bucket of the deployment.
    pub store: &'a dyn ObjectStore,
    /// Configuration of the function that answers.
    pub config: &'a Config,
    /// Name of the deployment.
    pub deployment: &'a str,
    /// Account of the deployment.
    pub account: &'a str,
    /// Region of the deployment.
    pub region: &'a str,
}

/// The answer of `GET /status`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StatusResponse {
    /// Name of the deployment: its CloudFormation stack.
    pub deployment: String,
    /// Account of the deployment.
    pub account: String,
    /// Region of the deployment.
    pub region: String,
    /// When the status was read.
    pub timestamp: Time,
    /// The status that may be claimed now; absent in a discovery.
    pub status: Option<Status>,
    /// The stored status with the newest report; absent before the first report.
    pub current_status: Option<CurrentStatus>,
    /// What each function did last.
    pub functions: Vec<FunctionRun>,
    /// What each task of maintenance did last.
    pub maintenance: Vec<TaskRecord>,
    /// Entries of the audit trail that were written in the last 24 hours.
    pub audit: AuditSummary,
    /// The limits above which runs are told of.
    pub thresholds: MonitoringSettings,
}

/// The last recorded run of a function. Runs that found nothing to do are not recorded.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FunctionRun {
    /// Name of the function, such as `pull`.
    pub function: String,
    /// When its last run began; absent if none is recorded.
    pub started_at: Option<Time>,
    /// When its last run ended; absent if none is recorded.
    pub ended_at: Option<Time>,
    /// When a run last succeeded; absent if none did.
    pub succeeded_at: Option<Time>,
    /// Error of its last run; absent if that run succeeded.
    pub error: Option<String>,
    /// Metrics of its last run by name.
    pub metrics: Map<String, Value>,
}

/// The status of a deployment.
///
/// # Errors
/// When the table or the store cannot be read.
pub fn status(sources: StatusSources<'_>, now: Time) -> Result<StatusResponse, PortError> {
    let StatusSources { table, store, config, deployment, account, region } = sources;
    let current_status = latest(table)?;
    Ok(StatusResponse {
        deployment: deployment.to_owned(),
        account: account.to_owned(),
        region: region.to_owned(),
        timestamp: now,
        status: CurrentStatus::claimable_status(current_status.as_ref(), now),
        current_status,
        functions: FUNCTIONS.iter().map(|name| last_run(table, name)).collect::<Result<_, _>>()?,
        maintenance: last_tasks(table)?,
        audit: written_entries(store, Time(now.0.saturating_sub(DAY_SECONDS)), now)?,
        thresholds: config.monitoring.clone(),
    })
}

fn last_run(table: &dyn Table, function: &str) -> Result<FunctionRun, PortError> {
    let beat = heartbeat(table, function)?;
    let succeeded_at = beat.as_ref().and_then(|beat| beat.succeeded_at);
    let run = beat.map(|beat| beat.run);
    Ok(FunctionRun {
        function: function.to_owned(),
        started_at: run.as_ref().map(|run| run.started_at),
        ended_at: run.as_ref().map(|run| run.ended_at),
        succeeded_at,
        error: run.as_ref().and_then(|run| run.error.clone()),
        metrics: run.map(|run| run.metrics).unwrap_or_default(),
    })
}
