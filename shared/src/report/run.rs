//! The run of a report: what differs between two reports with the same result.
//!
//! Enters: how the evidence was read. Leaves: [`ReportRun`]. Law: nothing of a run changes the id of its report.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{RestoredSpan, TaskRecord};
use crate::{
    hex::hex,
    origin::CallOrigin,
    record::{SkippedFile, UnreadablePosition},
    time::Time,
};

/// Most input files that a report names; the others are only part of the common hash.
const MAX_INPUT_FILES: usize = 10_000;

/// Most unreadable positions that a report names.
const MAX_UNREADABLE_POSITIONS: usize = 1_000;

/// The run that computed the result: differs from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportRun {
    /// Id of the run: unique, and sortable by time.
    pub run_id: String,
    /// Identity that ran it, from `GetCallerIdentity`; absent where it was not called.
    pub caller: Option<CallerIdentity>,
    /// Request id of the function's invocation; absent outside a function.
    pub request_id: Option<String>,
    /// How often a report on this period was published, this one included; absent where revisions are not counted.
    pub revision: Option<u32>,
    /// When the run began.
    pub started_at: Time,
    /// When the report was generated.
    pub generated_at: Time,
    /// Wall-clock seconds from `started_at` to `generated_at`.
    pub duration_seconds: f64,
    /// How fast the run was and what memory it took. Absent if `report.include_performance_metrics` is off, and in reports of
    /// earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performance: Option<RunPerformance>,
    /// Log files read in this run.
    pub log_files_read: u64,
    /// Files that evidently are not CloudTrail data, by what they seem to be. They were skipped in this run.
    pub skipped: BTreeMap<String, u64>,
    /// Names of skipped files, in order, at most 1,000.
    pub skipped_files: Vec<SkippedFile>,
    /// Globs of the files that the caller excluded. What these files contain is not part of the result.
    pub exclude: Vec<String>,
    /// Number of files that the caller excluded.
    pub excluded_files: u64,
    /// Accounts that are expected and that were not looked up in the event history, because no role for it is set.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accounts_not_looked_up: BTreeSet<String>,
    /// The time before which evidence was removed at the end of its retention, if the period begins before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_removed_before: Option<Time>,
    /// Spans in which log files may be missing from the index of the evidence, because it was restored from an earlier time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub index_restored: Vec<RestoredSpan>,
    /// What the maintenance of the deployment did last, by task. Empty outside a deployment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintenance: Vec<TaskRecord>,
    /// Log files not read again: their evidence was stored by earlier runs.
    pub log_files_reused: u64,
    /// Number of bytes read, as stored.
    pub bytes_read: u64,
    /// Number of records in these log files: distinct, duplicate, unreadable or set aside.
    pub records_seen: u64,
    /// Number of further deliveries of events that the evidence has already, in the same or another log file; of log files that
    /// were not read again, only those in another one.
    pub duplicates: u64,
    /// Events outside the period, not counted.
    pub outside_period: u64,
    /// When the log files were verified by digest files; absent if they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_files_verified_at: Option<Time>,
    /// SHA-256 over the sorted hashes of all input files, in hex.
    pub input_files_sha256: String,
    /// Input files with their hashes, in order, at most 10,000.
    pub input_files: Vec<InputFile>,
    /// Where evidence could not be read, in order, at most 1,000.
    pub unreadable: Vec<UnreadablePosition>,
    /// Where the calls of findings came from, by the fingerprint of the finding, the first first, at most five. The evidence has it of
    /// calls of principals that were watched when the records were read, so the result leaves it out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<String, Vec<CallOrigin>>,
}

/// How fast a run was and what memory it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunPerformance {
    /// Number of records read in one second; absent if the run took no measurable time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_per_second: Option<f64>,
    /// Number of bytes read in one second, as stored; absent if the run took no measurable time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<f64>,
    /// Most memory that the process used until then, in bytes; absent where the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
}

/// The identity of a program, from `GetCallerIdentity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallerIdentity {
    /// ARN of the caller.
    pub arn: String,
    /// Twelve-digit account id.
    pub account: String,
    /// Unique id (`UserId`) of the caller.
    pub user_id: String,
}

/// One input file of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct InputFile {
    /// Name of the file or S3 object.
    pub file: String,
    /// Size in bytes, as delivered.
    pub bytes: u64,
    /// SHA-256 of the bytes of the file, in hex.
    pub sha256: String,
    /// Number of records in the file.
    pub records: u64,
}

impl ReportRun {
    /// Fills the performance of a run that has its duration and counts, if the report contains it.
    pub fn measure(&mut self, peak_memory_bytes: Option<u64>) {
        let seconds = self.duration_seconds;
        let rate = |count: u64| (seconds > 0.0).then(|| (count as f64 / seconds * 10.0).round() / 10.0);
        let (records_per_second, bytes_per_second) = (rate(self.records_seen), rate(self.bytes_read));
        if let Some(performance) = &mut self.performance {
            *performance = RunPerformance { records_per_second, bytes_per_second, peak_memory_bytes };
        }
    }

    /// Adds input files and unreadable positions, both in order: the hash of all, and the first of them.
    #[must_use]
    pub fn with_inputs(
        self,
        files: impl IntoIterator<Item = InputFile>,
        unreadable: impl IntoIterator<Item = UnreadablePosition>,
    ) -> Self {
        let (mut hashes, mut input_files) = (BTreeSet::new(), Vec::new());
        for file in files {
            hashes.insert(file.sha256.clone());
            if input_files.len() < MAX_INPUT_FILES {
                input_files.push(file);
            }
        }
        let mut all = Sha256::new();
        hashes.iter().for_each(|hash| all.update(hash));
        Self {
            input_files_sha256: hex(&all.finalize()),
            input_files,
            unreadable: unreadable.into_iter().take(MAX_UNREADABLE_POSITIONS).collect(),
            ..self
        }
    }
}
