//! How far a lane has come.
//!
//! Enters: the items `ACCOUNT_REGION#account#region / CHECKPOINT` and `/ SLICE#start`. Leaves: [`Checkpoint`] and [`SliceRecord`]s. Laws: a
//! checkpoint is written only over the one that was read, so that of two runs that move it one fails; a note is there
//! before the checkpoint passes its slice.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::PullError;
use crate::{
    jobs::history::{AccountRegion, CompletedSlice, TimeSlice},
    ports::{PortError, PortErrorKind, Table, TableItem, WriteCondition},
    time::{HOUR_SECONDS, Hour, Time},
};

const SORT_KEY: &str = "CHECKPOINT";

/// Seconds a note is kept after its slice is due for the second look.
const RECORD_SECONDS: u32 = 7 * 24 * HOUR_SECONDS;

/// What the item says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// First second ever looked up.
    pub since: Time,
    /// Everything before is closed, as far as CloudTrail still had it.
    pub complete_until: Time,
    /// Everything before was looked up a second time, where that was due.
    pub second_lookup_until: Time,
    /// Seconds the next slice may have.
    pub slice_seconds: u32,
}

impl Checkpoint {
    /// The checkpoint of a lane.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(table: &dyn Table, lane: &AccountRegion) -> Result<Option<Self>, PortError> {
        Ok(StoredCheckpoint::read(table, lane)?.map(|stored| stored.checkpoint))
    }
}

/// A checkpoint as it is stored, or will be.
pub(super) struct StoredCheckpoint {
    pub(super) checkpoint: Checkpoint,
    /// What was read or written last.
    stored: Option<Checkpoint>,
    revision: u64,
    partition: String,
}

impl StoredCheckpoint {
    pub(super) fn read(table: &dyn Table, lane: &AccountRegion) -> Result<Option<Self>, PortError> {
        let partition = partition(lane);
        let found = table.query(&partition, SORT_KEY)?.into_iter().find(|item| item.sort_key == SORT_KEY);
        let stored = found.map(|item| {
            let revision = item.revision;
            let checkpoint = parse_body(item)?;
            Ok(Self { checkpoint, stored: Some(checkpoint), revision, partition })
        });
        stored.transpose()
    }

    /// One that is not there yet.
    pub(super) fn new(lane: &AccountRegion, checkpoint: Checkpoint) -> Self {
        Self { checkpoint, stored: None, revision: 0, partition: partition(lane) }
    }

    /// Writes it over the one that was read, if it differs.
    pub(super) fn write(&mut self, table: &dyn Table) -> Result<(), PullError> {
        if self.stored == Some(self.checkpoint) {
            return Ok(());
        }
        let Checkpoint { since, complete_until: until, second_lookup_until: again, slice_seconds: length } =
            self.checkpoint;
        let item = TableItem {
            partition_key: self.partition.clone(),
            sort_key: SORT_KEY.to_owned(),
            revision: self.revision,
            expires_at: None,
            body: serde_json::json!({ "since": since, "until": until, "again": again, "length": length }),
        };
        if !table.put(&item, WriteCondition::Unchanged)? {
            return Err(PullError::CheckpointMoved);
        }
        self.revision = self.revision.saturating_add(1);
        self.stored = Some(self.checkpoint);
        Ok(())
    }
}

/// What is noted of a slice when it is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SliceRecord {
    pub(super) since: Time,
    pub(super) until: Time,
    pub(super) pages: u64,
    pub(super) records: u64,
    /// [`crate::jobs::history::Contents::seen`], in hex.
    pub(super) records_fingerprint: String,
    /// Whether late events may still come.
    pub(super) needs_second_lookup: bool,
}

impl SliceRecord {
    /// `now`: no later than the slice was looked up.
    pub(super) fn new(closed: &CompletedSlice, now: Time) -> Self {
        let TimeSlice { since, until } = closed.slice;
        Self {
            since,
            until,
            pages: closed.pages,
            records: closed.contents.records,
            records_fingerprint: format!("{:032x}", closed.contents.records_fingerprint),
            needs_second_lookup: second_lookup_due(until) > now,
        }
    }

    pub(super) fn write(&self, table: &dyn Table, lane: &AccountRegion) -> Result<(), PortError> {
        let item = TableItem {
            partition_key: partition(lane),
            sort_key: format!("SLICE#{}", self.since),
            revision: 0,
            expires_at: Some(Time(second_lookup_due(self.until).0.saturating_add(RECORD_SECONDS))),
            body: serde_json::json!({
                "since": self.since,
                "until": self.until,
                "pages": self.pages,
                "records": self.records,
                "seen": self.records_fingerprint,
                "again": self.needs_second_lookup,
            }),
        };
        table.put(&item, WriteCondition::Always).map(|_| ())
    }

    /// The notes of the slices of an hour, in order.
    pub(super) fn read(table: &dyn Table, lane: &AccountRegion, hour: Hour) -> Result<Vec<Self>, PortError> {
        let start = hour.start().to_string();
        // `2027-01-01T05`: what the times of an hour have in common.
        let prefix = start.get(..13).unwrap_or(&start);
        table.query(&partition(lane), &format!("SLICE#{prefix}"))?.into_iter().map(parse_body).collect()
    }

    /// [`crate::jobs::history::Contents::seen`]; a damaged one is like no other.
    pub(super) fn records_fingerprint(&self) -> Option<u128> {
        u128::from_str_radix(&self.records_fingerprint, 16).ok()
    }
}

/// When the time before `until` may be looked up again: no event is expected to come later than a day. CloudTrail
/// promises none, and delivers most within minutes ("typically within an average of about 5 minutes", user guide, 2026-11).
pub(super) const fn second_lookup_due(until: Time) -> Time {
    Time(until.0.saturating_add(24 * HOUR_SECONDS))
}

/// Partition of everything a lane remembers.
pub(super) fn partition(lane: &AccountRegion) -> String {
    format!("ACCOUNT_REGION#{}#{}", lane.account, lane.region)
}

fn parse_body<T: DeserializeOwned>(item: TableItem) -> Result<T, PortError> {
    let name = format!("{} {}", item.partition_key, item.sort_key);
    serde_json::from_value(item.body).map_err(|cause| PortError {
        operation: "understand",
        name,
        kind: PortErrorKind::Other,
        cause: Box::new(cause),
    })
}
