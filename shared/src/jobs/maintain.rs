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
    ports::{Clock, ObjectRemover, ObjectStore, PortError, Table},
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
    pub table_id: Option<&'a str>,
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
    /// What the tasks found.
    pub found: TaskFindings,
}

impl MaintenanceOutcome {
    /// The tasks that failed, each with its error; not those that found a problem.
    pub fn failures(&self) -> impl Iterator<Item = &TaskRecord> {
        self.done.iter().filter(|record| record.result == TaskResult::Failed)
    }

    /// Metrics of the run, with the counts of tasks.
    pub fn metrics(&self) -> Metrics {
        let metrics = Metrics::default()
            .count("tasks", self.done.len() as u64)
            .count("tasks_failed", self.failures().count() as u64)
            .count("tasks_left_out", self.left_out.len() as u64);
        let metrics = match self.found.tampered {
            Some(tampered) => metrics.count("tampered", tampered),
            None => metrics,
        };
        match self.found.restore_failed {
            Some(failed) => metrics.count("restore_failed", failed),
            None => metrics,
        }
    }
}

/// What tasks found, for the metrics of their run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskFindings {
    /// Problems of the audit trail, and hours with log files that were tampered with; absent if nothing was verified.
    pub tampered: Option<u64>,
    /// 1 if the newest backup could not be restored; absent if no restore was tried.
    pub restore_failed: Option<u64>,
}

impl TaskFindings {
    fn add_tampered(&mut self, count: usize) {
        self.tampered = Some(self.tampered.unwrap_or_default() + count as u64);
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
    #[error("there is no complete backup")]
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
}

impl TaskDone {
    const fn whole(detail: String) -> Self {
        Self { result: TaskResult::Succeeded, detail }
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
    let mut outcome = MaintenanceOutcome::default();
    let last = last_tasks(maintenance.table)?;
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
        let done = maintenance.run(task, &mut outcome.found);
        let record = maintenance.record(task, done, before);
        task::store(&record, maintenance.table)?;
        outcome.done.push(record);
    }
    Ok(outcome)
}
