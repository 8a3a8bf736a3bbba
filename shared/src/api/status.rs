//! What a deployment claims now, and what its functions did last.
//!
//! Enters: the table and the store of the deployment. Leaves: a [`StatusResponse`], and what health, dashboard and metrics are made of.
//! Laws: the status is the one that may be claimed at this time, so that an expired one is `INSUFFICIENT_EVIDENCE`; if the current
//! status cannot be read, that is an error, and never an answer without it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    catalog::Catalog,
    config::{Config, MonitoringSettings},
    current_status::CurrentStatus,
    dashboard::DashboardMetrics,
    health::{Health, HealthStatus, OpenBreaker, RecentError, WorkerRun},
    jobs::{
        audit::{WrittenEntries, written_entries},
        health::{HealthReader, MonitoredState},
        maintain::last_tasks,
        publish::latest,
    },
    ports::{ObjectStore, PortError, Table},
    report::TaskRecord,
    score::Status,
    time::Time,
};

/// Seconds for which entries of the audit trail are counted.
const DAY_SECONDS: u32 = 86_400;

/// Where the status is read from.
#[derive(Clone, Copy)]
pub struct StatusSources<'a> {
    /// The table of the deployment.
    pub table: &'a dyn Table,
    /// The bucket of the deployment.
    pub store: &'a dyn ObjectStore,
    /// Configuration of the function that answers.
    pub config: &'a Config,
    /// Catalog of operations of this function.
    pub catalog: &'a Catalog,
    /// Objects that are read at the same time.
    pub threads: usize,
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
    /// CloudTrail events, calls, rates and findings of the newest report; absent before the first report.
    pub totals: Option<DashboardMetrics>,
    /// Whether Onlooker itself works: the status of its worst check.
    pub health: HealthStatus,
    /// What is not healthy, in one sentence.
    pub health_summary: String,
    /// The last recorded run of each function, with its metrics.
    pub runs: Vec<WorkerRun>,
    /// Failures of the last hours, the newest first; absent if they are not known.
    pub recent_errors: Option<Vec<RecentError>>,
    /// Circuit breakers that are open; absent if they are not known.
    pub open_breakers: Option<Vec<OpenBreaker>>,
    /// The limits of the configuration, above which errors and slow calls are told.
    pub thresholds: MonitoringSettings,
    /// What each task of maintenance did last.
    pub maintenance: Vec<TaskRecord>,
    /// Entries of the audit trail that were written in the last 24 hours.
    pub audit: WrittenEntries,
}

impl StatusSources<'_> {
    /// Health and dashboard. What cannot be read is unknown in them.
    pub fn monitored(&self, now: Time) -> MonitoredState {
        HealthReader::new(self.store, self.config, self.catalog, self.threads).deployment(self.table, now)
    }

    /// Health and dashboard, if the current status can be read: without it the dashboard would be of no report.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn figures(&self, now: Time) -> Result<MonitoredState, PortError> {
        latest(self.table)?;
        Ok(self.monitored(now))
    }
}

/// The status of a deployment.
///
/// # Errors
/// When the table or the store cannot be read.
pub fn status(sources: StatusSources<'_>, now: Time) -> Result<StatusResponse, PortError> {
    let current_status = latest(sources.table)?;
    let MonitoredState { health, dashboard } = sources.monitored(now);
    let StatusSources { table, store, deployment, account, region, .. } = sources;
    let Health { status, summary, runs, recent_errors, open_breakers, thresholds, .. } = health;
    Ok(StatusResponse {
        deployment: deployment.to_owned(),
        account: account.to_owned(),
        region: region.to_owned(),
        timestamp: now,
        status: CurrentStatus::claimable_status(current_status.as_ref(), now),
        current_status,
        totals: dashboard.metrics,
        health: status,
        health_summary: summary,
        runs,
        recent_errors,
        open_breakers,
        thresholds,
        maintenance: last_tasks(table)?,
        audit: written_entries(store, Time(now.0.saturating_sub(DAY_SECONDS)), now)?,
    })
}
