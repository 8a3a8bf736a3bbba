//! A table that was restored from an earlier time: what was written after that time is missing in it, and the bucket still has it.
//!
//! Enters: the origin of the table, clock readings. Leaves: the spans in which log files may have been read without a trace in the
//! index. Laws: a table with another identity than the one that it remembers was restored, and one that remembers none if its origin
//! says so; hours in such a span in which log
//! files are the evidence are not observed, whatever the index has of them, until an operator removes the record. The event history
//! needs no record: its checkpoints are as old as the table, so it is pulled again.
//!
//! ```text
//! RETENTION   TABLE            the identity of the table, and when a function last saw it
//! RETENTION   RESTORED#<time>  from when to when entries may be missing
//! ```

use serde::{Deserialize, Serialize};

use super::{EvidenceError, retention::PARTITION};
use crate::{
    ports::{Table, TableItem, TableOrigin, WriteCondition},
    report::RestoredSpan,
    time::{HOUR_SECONDS, Hour, Time},
};

const IDENTITY: &str = "TABLE";
const RESTORED: &str = "RESTORED#";

#[derive(Serialize, Deserialize)]
struct TableIdentity {
    id: String,
    seen_at: Time,
}

/// Compares the identity of the table with the one that it remembers, and records a restore. Returns the span if the table was
/// restored since the last call. Reports and maintenance call it before they use evidence.
///
/// # Errors
/// When the table fails, or an item cannot be decoded.
pub fn record_identity(
    table: &dyn Table,
    origin: &TableOrigin,
    now: Time,
) -> Result<Option<RestoredSpan>, EvidenceError> {
    let items = table.query(PARTITION, IDENTITY)?;
    let stored = items.iter().find(|item| item.sort_key == IDENTITY);
    let before = stored.map(decode::<TableIdentity>).transpose()?;
    let since = match before {
        Some(before) => Some(before.seen_at).filter(|_| before.id != origin.id),
        // The copy is from before the first report. As above, an hour before it is in doubt: log files wait for `ingest`.
        None => origin.restored_to.map(|time| Time(time.0.saturating_sub(HOUR_SECONDS))),
    };
    let span = since.map(|since| RestoredSpan { since, until: now });
    if let Some(span) = &span {
        put(table, format!("{RESTORED}{now}"), 0, span)?;
    }
    let revision = stored.map_or(0, |item| item.revision);
    put(table, IDENTITY.to_owned(), revision, &TableIdentity { id: origin.id.clone(), seen_at: now })?;
    Ok(span)
}

/// The spans of an item of the partition, if it is a record of a restore.
pub(super) fn span_of(item: &TableItem) -> Result<Option<RestoredSpan>, EvidenceError> {
    if !item.sort_key.starts_with(RESTORED) {
        return Ok(None);
    }
    decode(item).map(Some)
}

/// Whether log files with events of an hour were delivered in a span: CloudTrail may deliver an event in the hour after it.
pub(super) fn concerns(span: &RestoredSpan, hour: Hour) -> bool {
    hour.start() < span.until && Time(hour.end().0.saturating_add(HOUR_SECONDS)) > span.since
}

fn put(
    table: &dyn Table,
    sort_key: String,
    revision: u64,
    body: &impl Serialize,
) -> Result<(), EvidenceError> {
    let item = TableItem {
        partition_key: PARTITION.to_owned(),
        sort_key,
        revision,
        expires_at: None,
        // It contains only strings and times, so serializing it does not fail.
        body: serde_json::to_value(body).unwrap_or_default(),
    };
    // If another run wrote first, it has seen the same table.
    table.put(&item, WriteCondition::Unchanged)?;
    Ok(())
}

fn decode<T: for<'de> Deserialize<'de>>(item: &TableItem) -> Result<T, EvidenceError> {
    T::deserialize(&item.body).map_err(|cause| EvidenceError::DamagedItem {
        partition: item.partition_key.clone(),
        sort: item.sort_key.clone(),
        cause: cause.to_string(),
    })
}
