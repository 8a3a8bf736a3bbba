//! Planted bugs, as a port of a careless adapter or a job with its steps in another order would have them.
//!
//! Enters: a write. Leaves: whether it is dropped or put off, and until when. Law: without a defect every write is as it was asked for.

use std::sync::atomic::{AtomicU32, Ordering};

use onlooker_core::ports::TableItem;

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// One acknowledged write of the index of evidence is lost.
    LostWrite,
    /// The current status is published before the report that it names.
    StatusBeforeReport,
    /// The checkpoint of a pull is written before the evidence of its slice.
    CheckpointBeforeEvidence,
    /// A notification is recorded as sent before it is sent.
    RecordBeforeSending,
    /// Claims of notifications and records of deliveries are not stored.
    NoRecordOfSending,
}

/// The planted bug of a world.
pub struct DefectState {
    defect: Option<Defect>,
    evidence_writes: AtomicU32,
}

impl DefectState {
    /// No write or some writes went wrong.
    pub const fn new(defect: Option<Defect>) -> Self {
        Self { defect, evidence_writes: AtomicU32::new(0) }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// Whether a write is acknowledged and lost.
    pub fn drops(&self, item: &TableItem) -> bool {
        let partition = &item.partition_key;
        let is_third = || self.evidence_writes.fetch_add(1, Ordering::SeqCst) == 2;
        self.is(Defect::LostWrite) && partition.starts_with("SHARD#") && is_third()
            || self.is(Defect::NoRecordOfSending) && partition.starts_with("NOTIFICATION#")
    }

    /// Whether the write of an item is put off.
    pub fn defers_item(&self, item: &TableItem) -> bool {
        let is_evidence = ["SHARD#", "UNSHARDED#"].iter().any(|begin| item.partition_key.starts_with(begin));
        self.is(Defect::CheckpointBeforeEvidence) && is_evidence && item.sort_key.contains("#lookup#")
    }

    /// Whether the write of an object is put off.
    pub fn defers_object(&self, key: &str) -> bool {
        self.is(Defect::StatusBeforeReport) && key.starts_with("reports/")
    }

    /// Whether notifications are put off.
    pub fn defers_notifications(&self) -> bool {
        self.is(Defect::RecordBeforeSending)
    }

    /// Whether this write is the one for which others were put off. What a bug sends too late is sent in a later step, so that a kill
    /// can come between.
    pub fn is_awaited(&self, item: &TableItem) -> bool {
        match self.defect {
            Some(Defect::StatusBeforeReport) => {
                (&*item.partition_key, &*item.sort_key) == ("STATUS", "LATEST")
            }
            Some(Defect::CheckpointBeforeEvidence) => item.sort_key == "CHECKPOINT",
            _ => false,
        }
    }
}
