//! What the maintenance of a deployment did last.
//!
//! Enters: a task and its result. Leaves: a [`TaskRecord`], as the table and the run of a report have it. Laws: the names of tasks
//! are permanent, because they are keys and are in reports; a record keeps when its task last came to its end, also after a failure;
//! a task without a record, or with an old one, supports no control.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    controls::{RecordKeeping, UpkeepState},
    time::Time,
};

/// A task of maintenance. Each is due once a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceTask {
    /// Verifies the audit trail and seals it.
    AuditTrail,
    /// Removes batches of the audit trail that are older than its retention.
    AuditRetention,
    /// Verifies the log files of the last days by their digest files.
    LogIntegrity,
    /// Records which evidence was removed, and merges parts of late evidence.
    Evidence,
    /// Backs up the table, the audit trail and the configuration.
    Backup,
    /// Restores the newest backup below a prefix of its own, and compares it.
    RestoreDrill,
}

impl MaintenanceTask {
    /// All tasks, in the order in which they run.
    pub const ALL: [Self; 6] = [
        Self::AuditTrail,
        Self::AuditRetention,
        Self::LogIntegrity,
        Self::Evidence,
        Self::Backup,
        Self::RestoreDrill,
    ];

    /// The word for the task in payloads, keys and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuditTrail => "audit_trail",
            Self::AuditRetention => "audit_retention",
            Self::LogIntegrity => "log_integrity",
            Self::Evidence => "evidence",
            Self::Backup => "backup",
            Self::RestoreDrill => "restore_drill",
        }
    }

    /// The task for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::AuditTrail => "Verification of the audit trail",
            Self::AuditRetention => "Retention of the audit trail",
            Self::LogIntegrity => "Verification of log files",
            Self::Evidence => "Retention of evidence",
            Self::Backup => "Backup",
            Self::RestoreDrill => "Restore drill",
        }
    }

    /// The task of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.as_str() == word)
    }
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskResult {
    /// The task did all that was due, and found nothing wrong.
    Succeeded,
    /// The task did all that was due, and what it verifies is not as it was written, or cannot be restored.
    ProblemFound,
    /// The time of the run ended before the task. The next run continues.
    Unfinished,
    /// The task failed.
    Failed,
}

impl TaskResult {
    /// The result for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::ProblemFound => "problem found",
            Self::Unfinished => "not finished",
            Self::Failed => "failed",
        }
    }

    /// Whether the task came to its end.
    pub const fn is_complete(self) -> bool {
        matches!(self, Self::Succeeded | Self::ProblemFound)
    }
}

/// A span in which log files may have been read without a trace in the index of the evidence, because the table was restored from
/// an earlier time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RestoredSpan {
    /// When a function last saw the table that was restored, in the time from which it was restored; an hour before that time, if the
    /// copy remembers none.
    pub since: Time,
    /// When a function saw that it was restored.
    pub until: Time,
}

/// What a task did last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskRecord {
    /// The task.
    pub task: MaintenanceTask,
    /// Id of the run.
    pub run_id: String,
    /// When it ended.
    pub ended_at: Time,
    /// How it ended.
    pub result: TaskResult,
    /// What was done or found, or the error.
    pub detail: String,
    /// When the task last came to its end.
    pub completed_at: Option<Time>,
    /// Number of problems that are known: of the last time that the task came to its end, or of this time if it found more.
    #[serde(default)]
    pub problems: u64,
}

impl TaskRecord {
    /// Whether the task has not come to its end on the day of `now`, in UTC.
    pub fn is_due(&self, now: Time) -> bool {
        const DAY_SECONDS: u32 = 86_400;
        self.completed_at.is_none_or(|last| last.0 / DAY_SECONDS != now.0 / DAY_SECONDS)
    }
}

/// Seconds after which a task that is due once a day, and did not come to its end again, says nothing about the present.
const OVERDUE_SECONDS: u32 = 2 * 86_400;

impl RecordKeeping {
    /// What the records say at the time of a report.
    pub(crate) fn of(records: &[TaskRecord], now: Time) -> Self {
        let state = |task| {
            let Some(record) = records.iter().find(|record| record.task == task) else {
                return UpkeepState::Unknown;
            };
            let is_overdue =
                record.completed_at.is_none_or(|last| now.0.saturating_sub(last.0) > OVERDUE_SECONDS);
            match record.problems {
                0 if is_overdue => UpkeepState::Overdue,
                0 => UpkeepState::Done,
                problems => UpkeepState::ProblemsFound(problems),
            }
        };
        Self {
            audit_trail: state(MaintenanceTask::AuditTrail),
            audit_retention: state(MaintenanceTask::AuditRetention),
            evidence_retention: state(MaintenanceTask::Evidence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u32 = 86_400;

    fn record(result: TaskResult, completed_at: Option<u32>, problems: u64) -> TaskRecord {
        TaskRecord {
            task: MaintenanceTask::AuditTrail,
            run_id: "run".to_owned(),
            ended_at: Time(10 * DAY),
            result,
            detail: String::new(),
            completed_at: completed_at.map(Time),
            problems,
        }
    }

    #[test]
    fn a_task_supports_a_control_only_if_it_came_to_its_end_lately_and_found_nothing() {
        let state = |record: TaskRecord| RecordKeeping::of(&[record], Time(10 * DAY)).audit_trail;
        assert_eq!(state(record(TaskResult::Succeeded, Some(10 * DAY), 0)), UpkeepState::Done);
        assert_eq!(state(record(TaskResult::Failed, Some(9 * DAY), 0)), UpkeepState::Done);
        assert_eq!(state(record(TaskResult::Failed, Some(7 * DAY), 0)), UpkeepState::Overdue);
        assert_eq!(state(record(TaskResult::Unfinished, None, 0)), UpkeepState::Overdue);
        let found = record(TaskResult::ProblemFound, Some(3 * DAY), 2);
        assert_eq!(state(found), UpkeepState::ProblemsFound(2));
        assert_eq!(RecordKeeping::of(&[], Time(0)), RecordKeeping::default());
    }
}
