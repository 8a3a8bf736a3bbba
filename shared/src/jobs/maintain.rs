//! Keeps what is stored verified, restorable and within its retention.
//!
//! Enters: the stored evidence, the audit trail, the log files of a trail, and what earlier runs did. Leaves: a [`TaskRecord`] for
//! each [`MaintenanceTask`], which reports show, and [`MaintenanceOutcome`]. Laws: a task that is done is not due again before
//! the next day, so a run that is repeated does only what is left; a task that fails does not keep the others from running, and
//! fails the run, while a problem that a task finds does not; what does not fit into the time of a run is left to the next one; a run that is killed leaves nothing half done
//! that the next run does not complete.
//!
//! ```text
//! MAINTENANCE   <task>   what the task did last, and when it last came to its end
//! ```

mod audit_copy;
mod audit_trail;
mod backup;
mod evidence;
mod log_integrity;
mod task;

use std::time::Duration;

pub use self::{
    backup::{BackupDestination, Backups},
    log_integrity::{VerifiedTrail, verified_log_files},
    task::last_tasks,
};
use super::{
    audit::TrailChangeError,
    backup::BackupError,
    evidence::{EvidenceError, EvidenceStore},
};
use crate::{
    attestation::Signer,
    config::Config,
    ports::{Clock, ObjectRemover, ObjectStore, PortError, Table, TableOrigin},
    render::emf::Metrics,
    report::{MaintenanceTask, TaskRecord, TaskResult},
};

/// Time that must remain before a task begins, so that it is not killed while it works.
const RESERVED_TIME: Duration = Duration::from_secs(120);

/// What the tasks work on.
#[derive(Clone, Copy)]
pub struct Maintenance<'a> {
    /// The table of the state.
    pub table: &'a dyn Table,
    /// What tells this table from a copy of it, if it is known.
    pub table_origin: Option<&'a TableOrigin>,
    /// The store of evidence and audit trail.
    pub store: &'a dyn ObjectStore,
    /// Removes objects from the store, if the deployment lets it.
    pub remover: Option<&'a dyn ObjectRemover>,
    /// Whether batches of the audit trail that are older than `audit.retention_days` are removed.
    pub prunes_audit_trail: bool,
    /// Signs seals of the audit trail, if the deployment has a key.
    pub signer: Option<&'a dyn Signer>,
    /// The stored evidence.
    pub evidence: &'a EvidenceStore<'a>,
    /// The trail of the deployment, if it has one.
    pub trail: Option<VerifiedTrail<'a>>,
    /// Where backups are kept, if the deployment makes any.
    pub backups: Option<Backups<'a>>,
    /// The configuration in force.
    pub config: &'a Config,
    /// Clock with the deadline of the run.
    pub clock: &'a dyn Clock,
    /// Id of the run.
    pub run_id: &'a str,
}

/// What a run of the tasks did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MaintenanceOutcome {
    /// The tasks that ran, in their order.
    pub done: Vec<TaskRecord>,
    /// Tasks that were due and did not begin, because the time ran out.
    pub left_out: Vec<MaintenanceTask>,
    /// What each task did last, in this run or an earlier one.
    pub latest: Vec<TaskRecord>,
}

impl MaintenanceOutcome {
    /// The tasks that failed, each with its error; not those that found a problem.
    pub fn failures(&self) -> impl Iterator<Item = &TaskRecord> {
        self.done.iter().filter(|record| record.result == TaskResult::Failed)
    }

    /// Problems of the audit trail, and hours with log files that were tampered with, as far as they are known; `None` if
    /// nothing was verified yet.
    pub fn tampered(&self) -> Option<u64> {
        let verifying = [MaintenanceTask::AuditTrail, MaintenanceTask::LogIntegrity];
        let is_known = |record: &&TaskRecord| record.completed_at.is_some() || record.problems > 0;
        let latest = self.latest.iter().filter(|record| verifying.contains(&record.task));
        latest.filter(is_known).map(|record| record.problems).reduce(u64::saturating_add)
    }

    /// Whether the newest backup could not be restored when it was last tried; `None` if it was never tried.
    pub fn has_failed_restore(&self) -> Option<bool> {
        let drill = self.latest.iter().find(|record| record.task == MaintenanceTask::RestoreDrill)?;
        Some(drill.result != TaskResult::Succeeded)
    }

    /// Metrics of the run. What earlier runs found counts until a task comes to its end again, so that no run clears an alarm
    /// about something that it did not look at.
    pub fn metrics(&self) -> Metrics {
        let metrics = Metrics::default()
            .count("tasks", self.done.len() as u64)
            .count("tasks_failed", self.failures().count() as u64)
            .count("tasks_left_out", self.left_out.len() as u64);
        let metrics = match self.tampered() {
            Some(tampered) => metrics.count("tampered", tampered),
            None => metrics,
        };
        match self.has_failed_restore() {
            Some(failed) => metrics.count("restore_failed", u64::from(failed)),
            None => metrics,
        }
    }
}

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The evidence cannot be used.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The audit trail cannot be changed.
    #[error(transparent)]
    AuditTrail(#[from] TrailChangeError),
    /// A backup cannot be made or listed.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The drill has nothing to restore.
    #[error("no backup is complete")]
    NoBackup,
    /// A public key of CloudTrail cannot be used.
    #[error("cannot use the public keys of CloudTrail: {0}")]
    PublicKey(String),
}

/// What a task leaves, beside its metrics.
struct TaskDone {
    /// How it ended.
    result: TaskResult,
    /// A sentence about what was done or found.
    detail: String,
    /// Number of problems that were found.
    problems: u64,
}

impl TaskDone {
    const fn whole(detail: String) -> Self {
        Self { result: TaskResult::Succeeded, detail, problems: 0 }
    }

    /// The time ran out.
    const fn unfinished(detail: String, problems: u64) -> Self {
        Self { result: TaskResult::Unfinished, detail, problems }
    }

    /// What was looked at is whole, or has problems.
    const fn found(detail: String, problems: u64) -> Self {
        let result = if problems > 0 { TaskResult::ProblemFound } else { TaskResult::Succeeded };
        Self { result, detail, problems }
    }
}

/// Runs the tasks that are due, or those that are named.
///
/// # Errors
/// When the table fails, which keeps what the tasks did. A task that fails is part of the outcome.
pub fn maintain(
    maintenance: &Maintenance<'_>,
    named: &[MaintenanceTask],
) -> Result<MaintenanceOutcome, PortError> {
    let last = last_tasks(maintenance.table)?;
    let mut outcome = MaintenanceOutcome { latest: last.clone(), ..MaintenanceOutcome::default() };
    let now = maintenance.clock.now();
    for task in MaintenanceTask::ALL.into_iter().filter(|task| maintenance.has(*task)) {
        let before = last.iter().find(|record| record.task == task);
        let is_wanted = match named {
            [] => before.is_none_or(|record| record.is_due(now)),
            named => named.contains(&task),
        };
        if !is_wanted {
            continue;
        }
        if maintenance.clock.remaining() < RESERVED_TIME {
            outcome.left_out.push(task);
            continue;
        }
        let record = maintenance.record(task, maintenance.run(task), before);
        task::store(&record, maintenance.table)?;
        outcome.latest.retain(|other| other.task != task);
        outcome.latest.push(record.clone());
        outcome.done.push(record);
    }
    Ok(outcome)
}
