//! Counts what was written to the audit trail lately.
//!
//! Enters: the trail and a time. Leaves: a [`WrittenEntries`]. Laws: the headers of batches are read, and no entries; a batch
//! that cannot be read is counted and named; if there are more batches than are read, the counts are not complete and say so.

use schemars::JsonSchema;
use serde::Serialize;

use super::reader::{READERS, in_parallel, read_header};
use crate::{
    audit::{BatchCounts, BatchKey, day_prefixes},
    ports::{ObjectStore, PortError},
    time::Time,
};

/// Batches that are read: each read of S3 takes some tens of milliseconds, and so many are read at the same time that all of them take
/// about a second.
const MAX_BATCHES: usize = 500;

/// Batches of a day that are listed: S3 lists a thousand in a request, so this takes about a second.
const MAX_LISTED: usize = 20_000;

/// The entries that were written since a time, by what they are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WrittenEntries {
    /// Batches that were written since this time are counted.
    pub since: Time,
    /// Number of batches of these days. Of a day with more than 20,000 it is that, and no entries are counted.
    pub batches: u64,
    /// Whether all of them were read. If not, the counts are too low.
    pub is_complete: bool,
    /// Entries by kind, principal, operation, outcome and severity.
    pub counts: BatchCounts,
    /// Batches that could not be read, as sentences.
    pub unreadable: Vec<String>,
}

/// Counts the entries in batches that were written from `since` to `now`.
///
/// # Errors
/// When the store cannot be listed or read.
pub fn written_entries(store: &dyn ObjectStore, since: Time, now: Time) -> Result<WrittenEntries, PortError> {
    let (mut keys, mut is_listed) = (Vec::new(), true);
    for prefix in day_prefixes(since, now) {
        let objects = store.list_at_most(&prefix, MAX_LISTED)?;
        is_listed &= objects.len() < MAX_LISTED;
        keys.extend(
            objects.into_iter().map(|object| object.name).filter(|key| BatchKey::parse(key).is_some()),
        );
    }
    let batches = keys.len() as u64;
    // The first batches of a day are not its newest, so nothing is counted of a day that was not listed to its end.
    let most = if is_listed { MAX_BATCHES } else { 0 };
    let read = keys.split_off(keys.len().saturating_sub(most));
    let mut written = WrittenEntries {
        since,
        batches,
        is_complete: is_listed && keys.is_empty(),
        counts: BatchCounts::default(),
        unreadable: Vec::new(),
    };
    for header in in_parallel(READERS, &read, |key, inflater| read_header(store, key, inflater))? {
        match header {
            Ok(header) if header.written_at >= since => written.counts.merge(&header.counts),
            Ok(_) => {}
            Err(problem) => {
                written.is_complete = false;
                written.unreadable.push(problem);
            }
        }
    }
    Ok(written)
}
