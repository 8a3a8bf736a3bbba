//! Runs a task, and keeps the record of what it did.
//!
//! Enters: a task. Leaves: a [`TaskRecord`] in the table. Law: a record that cannot be decoded counts as absent, so that its task is
//! due.

use super::{Maintenance, TaskDone, TaskError, audit_trail, backup, evidence, log_integrity};
use crate::{
    escape::escape_hidden,
    ports::{PortError, PortErrorKind, Table, TableItem, WriteCondition},
    report::{MaintenanceTask, TaskRecord, TaskResult},
    time::Time,
};

pub(super) const PARTITION: &str = "MAINTENANCE";

/// Longest stored sentence about a task, in bytes.
const MAX_DETAIL_BYTES: usize = 2_048;

impl Maintenance<'_> {
    /// Whether the deployment has what a task works on.
    pub(super) const fn has(&self, task: MaintenanceTask) -> bool {
        match task {
            MaintenanceTask::AuditTrail | MaintenanceTask::Evidence => true,
            MaintenanceTask::AuditRetention => !self.prunes_audit_trail || self.remover.is_some(),
            MaintenanceTask::LogIntegrity => self.trail.is_some(),
            MaintenanceTask::Backup | MaintenanceTask::RestoreDrill => self.backups.is_some(),
        }
    }

    pub(super) fn run(&self, task: MaintenanceTask) -> Result<TaskDone, TaskError> {
        match task {
            MaintenanceTask::AuditTrail => audit_trail::verify_and_seal(self),
            MaintenanceTask::AuditRetention => audit_trail::prune_old(self),
            MaintenanceTask::LogIntegrity => log_integrity::verify_log_files(self),
            MaintenanceTask::Evidence => evidence::keep(self),
            MaintenanceTask::Backup => backup::back_up(self),
            MaintenanceTask::RestoreDrill => backup::drill(self),
        }
    }

    /// The record of a task that ended.
    pub(super) fn record(
        &self,
        task: MaintenanceTask,
        done: Result<TaskDone, TaskError>,
        before: Option<&TaskRecord>,
    ) -> TaskRecord {
        let now = self.clock.now();
        let (result, detail, found) = match done {
            Ok(TaskDone { result, detail, problems }) => (result, detail, problems),
            Err(error) => (TaskResult::Failed, error.to_string(), 0),
        };
        let detail = escape_hidden(&detail);
        let detail =
            detail.get(..detail.floor_char_boundary(MAX_DETAIL_BYTES)).unwrap_or_default().to_owned();
        let completed = before.and_then(|record| record.completed_at);
        let known = before.map_or(0, |record| record.problems);
        // A task that did not come to its end has cleared nothing.
        let (completed_at, problems) = match result.is_complete() {
            true => (Some(now), found),
            false => (completed, found.max(known)),
        };
        let run_id = self.run_id.to_owned();
        TaskRecord { task, run_id, ended_at: now, result, detail, completed_at, problems }
    }
}

pub(super) fn store(record: &TaskRecord, table: &dyn Table) -> Result<(), PortError> {
    let sort_key = record.task.as_str().to_owned();
    let body = serde_json::to_value(record).map_err(|cause| PortError {
        operation: "render",
        name: format!("{PARTITION} {sort_key}"),
        kind: PortErrorKind::Other,
        cause: Box::new(cause),
    })?;
    let partition_key = PARTITION.to_owned();
    let item = TableItem { partition_key, sort_key, revision: 0, expires_at: None, body };
    table.put(&item, WriteCondition::Always).map(|_| ())
}

/// What each task did last, in the order in which they run.
///
/// # Errors
/// When the table fails.
pub fn last_tasks(table: &dyn Table) -> Result<Vec<TaskRecord>, PortError> {
    let items = table.query(PARTITION, "")?;
    let mut records: Vec<TaskRecord> =
        items.into_iter().filter_map(|item| serde_json::from_value(item.body).ok()).collect();
    records.sort_by_key(|record| record.task);
    Ok(records)
}

/// The day of a time, counted from 1970.
pub(super) const fn day_of(time: Time) -> u32 {
    time.0 / 86_400
}
