//! Records the runs of the Lambda functions.
//!
//! Enters: a run, its outcome and metrics. Leaves: two items: the run by its start time, which expires, and the
//! latest run as a heartbeat. Law: recording a run twice leaves the same items as recording it once.
//!
//! ```text
//! RUN#<function>  AT#<start>#<run id>   expires by retention
//! RUN#<function>  LATEST                the run recorded last, and when a run last succeeded
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    config::RetentionSettings,
    ports::{PortError, PortErrorKind, Table, TableItem, WriteCondition},
    render::emf::Metrics,
    report::CallerIdentity,
    time::Time,
};

/// Sort key of the latest run.
const LATEST: &str = "LATEST";

/// Longest stored error of a run, in bytes.
const MAX_ERROR_BYTES: usize = 2_048;

/// A run of a function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Id of the run: unique, and sortable by time.
    pub run_id: String,
    /// Request id of the invocation.
    pub request_id: Option<String>,
    /// The function's own identity, as AWS STS returns it.
    pub caller: Option<CallerIdentity>,
    /// When the run began.
    pub started_at: Time,
    /// When the run ended.
    pub ended_at: Time,
    /// Error of the run; absent if the run succeeded.
    pub error: Option<String>,
    /// What the run did not do although it succeeded, as sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Metrics of the run by name.
    pub metrics: Map<String, Value>,
}

/// The latest run, and when one last succeeded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The latest run of the function, failed or not.
    #[serde(flatten)]
    pub run: RunRecord,
    /// When a run last succeeded.
    pub succeeded_at: Option<Time>,
}

impl RunRecord {
    /// The ended run, with its error if it failed.
    #[must_use]
    pub fn ended(self, now: Time, outcome: Result<(), &dyn std::error::Error>, figures: &Metrics) -> Self {
        let error = outcome.err().map(|error| {
            let text = crate::escape::escape_hidden(&error.to_string()).into_owned();
            text.get(..text.floor_char_boundary(MAX_ERROR_BYTES)).unwrap_or_default().to_owned()
        });
        Self { ended_at: now, error, metrics: figures.values(), ..self }
    }
}

/// Writes the record of a run, and the function's latest run.
///
/// # Errors
/// When it cannot be written.
pub fn record_run(
    table: &dyn Table,
    retention: &RetentionSettings,
    function: &str,
    run: &RunRecord,
) -> Result<(), PortError> {
    let partition = format!("RUN#{function}");
    let days = retention.run_days.saturating_mul(86_400);
    let item =
        |sort: String, expires, body: Result<Value, serde_json::Error>| -> Result<TableItem, PortError> {
            let name = format!("{partition} {sort}");
            let body = body.map_err(|cause| super::publish::serialization_error(name, cause))?;
            Ok(TableItem {
                partition_key: partition.clone(),
                sort_key: sort,
                revision: 0,
                expires_at: expires,
                body,
            })
        };
    let kept = item(
        format!("AT#{}#{}", run.started_at, run.run_id),
        Some(Time(run.ended_at.0.saturating_add(days))),
        serde_json::to_value(run),
    )?;
    table.put(&kept, WriteCondition::Always)?;
    let latest = latest_item(table, function)?;
    // A latest run that cannot be decoded is replaced by this one.
    let before = latest.and_then(|item| decode(item).ok()).and_then(|beat| beat.succeeded_at);
    let succeeded_at = if run.error.is_none() { before.max(Some(run.ended_at)) } else { before };
    let beat = Heartbeat { run: run.clone(), succeeded_at };
    table.put(&item(LATEST.to_owned(), None, serde_json::to_value(beat))?, WriteCondition::Always)?;
    Ok(())
}

/// The latest run of a function.
///
/// # Errors
/// When the table cannot be read, or its item is not a run. The next run replaces such an item.
pub fn heartbeat(table: &dyn Table, function: &str) -> Result<Option<Heartbeat>, PortError> {
    latest_item(table, function)?.map(decode).transpose()
}

fn latest_item(table: &dyn Table, function: &str) -> Result<Option<TableItem>, PortError> {
    let items = table.query(&format!("RUN#{function}"), LATEST)?;
    Ok(items.into_iter().find(|item| item.sort_key == LATEST))
}

fn decode(item: TableItem) -> Result<Heartbeat, PortError> {
    let name = format!("{} {}", item.partition_key, item.sort_key);
    serde_json::from_value(item.body).map_err(|cause| PortError {
        operation: "decode",
        name,
        kind: PortErrorKind::Other,
        cause: Box::new(cause),
    })
}
