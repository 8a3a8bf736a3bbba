//! How far a lane has come.
//!
//! Enters: the items `LANE#account#region / CHECKPOINT` and `/ SLICE#start`. Leaves: [`Checkpoint`] and [`Note`]s. Laws: a
//! checkpoint is written only over the one that was read, so that of two runs that move it one fails; a note is there
//! before the checkpoint passes its slice.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Failure;
use crate::{
    jobs::history::{Closed, Lane, Slice},
    ports::{Expected, FailureKind, Item, PortError, Table},
    time::{HOUR, Hour, Time},
};

const SORT: &str = "CHECKPOINT";

/// Seconds a note is kept after its slice is due for the second look.
const KEPT: u32 = 7 * 24 * HOUR;

/// What the item says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// First second ever looked up.
    pub since: Time,
    /// Everything before is closed, as far as CloudTrail still had it.
    pub until: Time,
    /// Everything before was looked up a second time, where that was due.
    pub again: Time,
    /// Seconds the next slice may have.
    pub length: u32,
}

impl Checkpoint {
    /// The checkpoint of a lane.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(table: &dyn Table, lane: &Lane) -> Result<Option<Self>, PortError> {
        Ok(Stored::read(table, lane)?.map(|stored| stored.checkpoint))
    }
}

/// A checkpoint as it is stored, or will be.
pub(super) struct Stored {
    pub(super) checkpoint: Checkpoint,
    /// What was read or written last.
    there: Option<Checkpoint>,
    revision: u64,
    partition: String,
}

impl Stored {
    pub(super) fn read(table: &dyn Table, lane: &Lane) -> Result<Option<Self>, PortError> {
        let partition = partition(lane);
        let found = table.query(&partition, SORT)?.into_iter().find(|item| item.sort == SORT);
        let stored = found.map(|item| {
            let revision = item.revision;
            let checkpoint = body(item)?;
            Ok(Self { checkpoint, there: Some(checkpoint), revision, partition })
        });
        stored.transpose()
    }

    /// One that is not there yet.
    pub(super) fn new(lane: &Lane, checkpoint: Checkpoint) -> Self {
        Self { checkpoint, there: None, revision: 0, partition: partition(lane) }
    }

    /// Writes it over the one that was read, if it differs.
    pub(super) fn write(&mut self, table: &dyn Table) -> Result<(), Failure> {
        if self.there == Some(self.checkpoint) {
            return Ok(());
        }
        let Checkpoint { since, until, again, length } = self.checkpoint;
        let item = Item {
            partition: self.partition.clone(),
            sort: SORT.to_owned(),
            revision: self.revision,
            expires: None,
            body: serde_json::json!({ "since": since, "until": until, "again": again, "length": length }),
        };
        if !table.put(&item, Expected::Same)? {
            return Err(Failure::Overtaken);
        }
        self.revision = self.revision.saturating_add(1);
        self.there = Some(self.checkpoint);
        Ok(())
    }
}

/// What is noted of a slice when it is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) since: Time,
    pub(super) until: Time,
    pub(super) pages: u64,
    pub(super) records: u64,
    /// [`crate::jobs::history::Contents::seen`], in hex.
    pub(super) seen: String,
    /// Whether late events may still come.
    pub(super) again: bool,
}

impl Note {
    /// `now`: no later than the slice was looked up.
    pub(super) fn of(closed: &Closed, now: Time) -> Self {
        let Slice { since, until } = closed.slice;
        Self {
            since,
            until,
            pages: closed.pages,
            records: closed.contents.records,
            seen: format!("{:032x}", closed.contents.seen),
            again: due(until) > now,
        }
    }

    pub(super) fn write(&self, table: &dyn Table, lane: &Lane) -> Result<(), PortError> {
        let item = Item {
            partition: partition(lane),
            sort: format!("SLICE#{}", self.since),
            revision: 0,
            expires: Some(Time(due(self.until).0.saturating_add(KEPT))),
            body: serde_json::json!({
                "since": self.since,
                "until": self.until,
                "pages": self.pages,
                "records": self.records,
                "seen": self.seen,
                "again": self.again,
            }),
        };
        table.put(&item, Expected::Anything).map(|_| ())
    }

    /// The notes of the slices of an hour, in order.
    pub(super) fn read(table: &dyn Table, lane: &Lane, hour: Hour) -> Result<Vec<Self>, PortError> {
        let start = hour.start().to_string();
        // `2027-01-01T05`: what the times of an hour have in common.
        let prefix = start.get(..13).unwrap_or(&start);
        table.query(&partition(lane), &format!("SLICE#{prefix}"))?.into_iter().map(body).collect()
    }

    /// [`crate::jobs::history::Contents::seen`]; a damaged one is like no other.
    pub(super) fn seen(&self) -> Option<u128> {
        u128::from_str_radix(&self.seen, 16).ok()
    }
}

/// When the time before `until` may be looked up again: no event is expected to come later than a day. CloudTrail
/// promises none, and delivers most within minutes ("typically within an average of about 5 minutes", user guide, 2026-11).
pub(super) const fn due(until: Time) -> Time {
    Time(until.0.saturating_add(24 * HOUR))
}

/// Partition of everything a lane remembers.
pub(super) fn partition(lane: &Lane) -> String {
    format!("LANE#{}#{}", lane.account, lane.region)
}

fn body<T: DeserializeOwned>(item: Item) -> Result<T, PortError> {
    let name = format!("{} {}", item.partition, item.sort);
    serde_json::from_value(item.body).map_err(|cause| PortError {
        operation: "understand",
        name,
        kind: FailureKind::Other,
        cause: Box::new(cause),
    })
}
