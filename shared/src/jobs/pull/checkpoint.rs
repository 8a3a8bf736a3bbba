//! The checkpoint of an account and region, and the records of its slices.
//!
//! Enters: the items `ACCOUNT_REGION#account#region / CHECKPOINT` and `/ SLICE#start`. Leaves: [`Checkpoint`] and
//! [`SliceRecord`]s. Laws: a checkpoint is written only if it has not changed since it was read, so if two runs move
//! it one of them fails; the record of a slice is written before the checkpoint moves past the slice.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::PullError;
use crate::{
    jobs::history::{AccountRegion, CompletedSlice, TimeSlice},
    ports::{PortError, PortErrorKind, Table, TableItem, WriteCondition},
    time::{HOUR_SECONDS, Hour, Time},
};

const SORT_KEY: &str = "CHECKPOINT";

/// How long, in seconds, a slice's record is kept after the slice is due for the second lookup.
const RECORD_SECONDS: u32 = 7 * 24 * HOUR_SECONDS;

/// The body of the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// First second ever looked up.
    pub since: Time,
    /// The history before this time is complete, as far as CloudTrail still had it.
    pub complete_until: Time,
    /// Before this time every due second lookup is done.
    pub second_lookup_until: Time,
    /// Maximum length of the next slice, in seconds.
    pub slice_seconds: u32,
}

impl Checkpoint {
    /// The checkpoint of an account and region.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(table: &dyn Table, account_region: &AccountRegion) -> Result<Option<Self>, PortError> {
        Ok(StoredCheckpoint::read(table, account_region)?.map(|stored| stored.checkpoint))
    }
}

/// A checkpoint and its stored version.
pub(super) struct StoredCheckpoint {
    pub(super) checkpoint: Checkpoint,
    /// The version read or written last.
    stored: Option<Checkpoint>,
    revision: u64,
    partition: String,
}

impl StoredCheckpoint {
    pub(super) fn read(table: &dyn Table, account_region: &AccountRegion) -> Result<Option<Self>, PortError> {
        let partition = partition(account_region);
        let found = table.query(&partition, SORT_KEY)?.into_iter().find(|item| item.sort_key == SORT_KEY);
        let stored = found.map(|item| {
            let revision = item.revision;
            let checkpoint = parse_body(item)?;
            Ok(Self { checkpoint, stored: Some(checkpoint), revision, partition })
        });
        stored.transpose()
    }

    /// A checkpoint that is not stored yet.
    pub(super) fn new(account_region: &AccountRegion, checkpoint: Checkpoint) -> Self {
        Self { checkpoint, stored: None, revision: 0, partition: partition(account_region) }
    }

    /// Writes the checkpoint if it differs from the stored one.
    pub(super) fn write(&mut self, table: &dyn Table) -> Result<(), PullError> {
        if self.stored == Some(self.checkpoint) {
            return Ok(());
        }
        let Checkpoint { since, complete_until, second_lookup_until, slice_seconds } = self.checkpoint;
        let item = TableItem {
            partition_key: self.partition.clone(),
            sort_key: SORT_KEY.to_owned(),
            revision: self.revision,
            expires_at: None,
            body: serde_json::json!({
                "since": since,
                "complete_until": complete_until,
                "second_lookup_until": second_lookup_until,
                "slice_seconds": slice_seconds,
            }),
        };
        if !table.put(&item, WriteCondition::Unchanged)? {
            return Err(PullError::CheckpointMoved);
        }
        self.revision = self.revision.saturating_add(1);
        self.stored = Some(self.checkpoint);
        Ok(())
    }
}

/// The record of a completed slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SliceRecord {
    pub(super) since: Time,
    pub(super) until: Time,
    pub(super) pages: u64,
    pub(super) records: u64,
    /// [`crate::jobs::history::SliceContents::records_fingerprint`], in hex.
    pub(super) records_fingerprint: String,
    /// Whether late events may still arrive.
    pub(super) needs_second_lookup: bool,
}

impl SliceRecord {
    /// `now` must not be later than the time the slice was looked up.
    pub(super) fn new(completed: &CompletedSlice, now: Time) -> Self {
        let TimeSlice { since, until } = completed.slice;
        Self {
            since,
            until,
            pages: completed.pages,
            records: completed.contents.records,
            records_fingerprint: format!("{:032x}", completed.contents.records_fingerprint),
            needs_second_lookup: second_lookup_due(until) > now,
        }
    }

    pub(super) fn write(&self, table: &dyn Table, account_region: &AccountRegion) -> Result<(), PortError> {
        let item = TableItem {
            partition_key: partition(account_region),
            sort_key: format!("SLICE#{}", self.since),
            revision: 0,
            expires_at: Some(Time(second_lookup_due(self.until).0.saturating_add(RECORD_SECONDS))),
            body: serde_json::json!({
                "since": self.since,
                "until": self.until,
                "pages": self.pages,
                "records": self.records,
                "records_fingerprint": self.records_fingerprint,
                "needs_second_lookup": self.needs_second_lookup,
            }),
        };
        table.put(&item, WriteCondition::Always).map(|_| ())
    }

    /// The records of the slices of an hour, in order.
    pub(super) fn read(
        table: &dyn Table,
        account_region: &AccountRegion,
        hour: Hour,
    ) -> Result<Vec<Self>, PortError> {
        let start = hour.start().to_string();
        // `2027-01-01T05`: the common prefix of the times of an hour.
        let prefix = start.get(..13).unwrap_or(&start);
        table
            .query(&partition(account_region), &format!("SLICE#{prefix}"))?
            .into_iter()
            .map(parse_body)
            .collect()
    }

    /// [`crate::jobs::history::SliceContents::records_fingerprint`]; `None` when the stored text is damaged.
    pub(super) fn records_fingerprint(&self) -> Option<u128> {
        u128::from_str_radix(&self.records_fingerprint, 16).ok()
    }
}

/// When the second lookup of the time before `until` is due: no event is expected to arrive later than a day.
/// CloudTrail does not guarantee a limit and delivers most events within minutes ("typically within an average of
/// about 5 minutes", user guide, 2026-11).
pub(super) const fn second_lookup_due(until: Time) -> Time {
    Time(until.0.saturating_add(24 * HOUR_SECONDS))
}

/// Partition of all items of an account and region.
pub(super) fn partition(account_region: &AccountRegion) -> String {
    format!("ACCOUNT_REGION#{}#{}", account_region.account, account_region.region)
}

fn parse_body<T: DeserializeOwned>(item: TableItem) -> Result<T, PortError> {
    let name = format!("{} {}", item.partition_key, item.sort_key);
    serde_json::from_value(item.body).map_err(|cause| PortError {
        operation: "decode the item",
        name,
        kind: PortErrorKind::Other,
        cause: Box::new(cause),
    })
}
