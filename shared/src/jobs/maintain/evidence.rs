//! The stored evidence: what was removed is recorded, and late parts are merged.
//!
//! Enters: the index. Leaves: the time before which evidence was removed, and fewer parts. Law: the evidence is the same before and
//! after.

use super::{Maintenance, RESERVED_TIME, TaskDone, TaskError};
use crate::{
    jobs::evidence::{compact, record_identity, record_removal},
    time::Time,
};

/// Days whose parts are merged. The function report merges those of the day before its window when it runs, so that only evidence that
/// comes later is left.
const COMPACTED_DAYS: u32 = 7;

const DAY_SECONDS: u32 = 86_400;

pub(super) fn keep(maintenance: &Maintenance<'_>) -> Result<TaskDone, TaskError> {
    let now = maintenance.clock.now();
    let removed = match maintenance.config.retention.evidence_days {
        Some(days) => {
            let before = record_removal(maintenance.table, days, now)?;
            format!("evidence from before {before} is removed")
        }
        None => "evidence is kept without an end".to_owned(),
    };
    let restored = match maintenance.table_origin {
        Some(origin) => record_identity(maintenance.table, origin, now)?,
        None => None,
    };
    let removed = match restored {
        Some(span) => format!(
            "the table was restored: log files that were delivered from {} to {} may be missing in its index; {removed}",
            span.since, span.until
        ),
        None => removed,
    };
    let mut merged = 0;
    for day in (1..=COMPACTED_DAYS).rev() {
        if maintenance.clock.remaining() < RESERVED_TIME {
            let detail = format!("{removed}; merged {merged} parts");
            return Ok(TaskDone::unfinished(detail, 0));
        }
        let since = Time(now.0.saturating_sub(day * DAY_SECONDS));
        let until = Time(since.0.saturating_add(DAY_SECONDS));
        merged += compact(maintenance.evidence, (since, until), now)?.parts_merged;
    }
    Ok(TaskDone::whole(format!("{removed}; merged {merged} parts")))
}
