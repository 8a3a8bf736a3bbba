//! The end of evidence: from when on it is removed, and which hours have none any more.
//!
//! Enters: the days of `retention.evidence_days`, and clock readings. Leaves: the time before which evidence was removed, kept in
//! the table. Laws: all parts of an hour expire at one time, before the lifecycle of the bucket removes their packs; the time
//! never goes back, so an hour that may have lost a part is not observed again, whatever `retention.evidence_days` becomes.
//!
//! ```text
//! RETENTION   EVIDENCE   hours that ended by `removed_before` have no evidence any more
//! ```
//!
//! S3 removes an object at the midnight that follows its creation and the days of the rule (S3 User Guide, "Lifecycle
//! configuration elements", read 2026-11). A pack is created after the events in it, so it is there until its last hour has
//! expired.

use serde::{Deserialize, Serialize};

use super::{EvidenceError, restored::span_of};
use crate::{
    ports::{Table, TableItem, WriteCondition},
    report::RestoredSpan,
    time::{Hour, Time},
};

/// The partition of what concerns all evidence.
pub(super) const PARTITION: &str = "RETENTION";
const SORT_KEY: &str = "EVIDENCE";

/// Seconds of a day.
const DAY_SECONDS: u32 = 86_400;

#[derive(Serialize, Deserialize)]
struct RemovedEvidence {
    removed_before: Time,
}

/// When the evidence of an hour expires, if it is kept for this number of days.
pub(super) fn expires_at(hour: Hour, days: u32) -> Time {
    Time(hour.end().0.saturating_add(days.saturating_mul(DAY_SECONDS)))
}

/// Whether the evidence of an hour was removed, by the time of [`KnownLosses`].
pub(super) fn is_removed(hour: Hour, removed_before: Time) -> bool {
    hour.end() <= removed_before
}

/// What is known to be missing in the index.
pub(super) struct KnownLosses {
    /// The time before which evidence was removed; the beginning of time if none was.
    pub(super) removed_before: Time,
    /// Spans in which log files may be missing from the index.
    pub(super) restored: Vec<RestoredSpan>,
}

/// What is known to be missing.
///
/// # Errors
/// When the table fails, or an item cannot be decoded.
pub(super) fn known_losses(table: &dyn Table) -> Result<KnownLosses, EvidenceError> {
    let mut losses = KnownLosses { removed_before: Time(0), restored: Vec::new() };
    for item in table.query(PARTITION, "")? {
        if item.sort_key == SORT_KEY {
            losses.removed_before = decode(&item)?.removed_before;
        }
        losses.restored.extend(span_of(&item)?);
    }
    Ok(losses)
}

/// Moves the time before which evidence was removed forward to `days` before `now`. Returns the time that is in force. Reports
/// do it before they collect evidence.
///
/// # Errors
/// As `known_losses`.
pub fn record_removal(table: &dyn Table, days: u32, now: Time) -> Result<Time, EvidenceError> {
    let due = Time(now.0.saturating_sub(days.saturating_mul(DAY_SECONDS))).hour().start();
    loop {
        let before = read(table)?;
        let (revision, last) =
            before.map_or((0, Time(0)), |(item, last)| (item.revision, last.removed_before));
        if due <= last {
            return Ok(last);
        }
        let body = serde_json::to_value(RemovedEvidence { removed_before: due }).unwrap_or_default();
        let item = TableItem {
            partition_key: PARTITION.to_owned(),
            sort_key: SORT_KEY.to_owned(),
            revision,
            expires_at: None,
            body,
        };
        // Another run may have moved it further.
        if table.put(&item, WriteCondition::Unchanged)? {
            return Ok(due);
        }
    }
}

fn read(table: &dyn Table) -> Result<Option<(TableItem, RemovedEvidence)>, EvidenceError> {
    let items = table.query(PARTITION, SORT_KEY)?;
    let Some(item) = items.into_iter().find(|item| item.sort_key == SORT_KEY) else { return Ok(None) };
    let removed = decode(&item)?;
    Ok(Some((item, removed)))
}

fn decode(item: &TableItem) -> Result<RemovedEvidence, EvidenceError> {
    RemovedEvidence::deserialize(&item.body).map_err(|cause| EvidenceError::DamagedItem {
        partition: item.partition_key.clone(),
        sort: item.sort_key.clone(),
        cause: cause.to_string(),
    })
}
