//! Copies the audit trail to a destination of backups.
//!
//! Enters: the trail, of which no object ever changes. Leaves: the same objects in the destination. Laws: an object is copied once; a
//! run that ends early is continued by the next; an object that is there with other bytes is an error and is not replaced.
//!
//! ```text
//! MAINTENANCE   COPY#<destination>   the day up to which the trail was copied
//! ```

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Maintenance, RESERVED_TIME, TaskError, task::PARTITION};
use crate::{
    audit::{PREFIX, PRUNINGS_PREFIX, SEALS_PREFIX, day_prefixes},
    ports::{ObjectStore, PortError, PortErrorKind, TableItem, WriteCondition},
    time::Time,
};

const DAY_SECONDS: u32 = 86_400;

#[derive(Serialize, Deserialize)]
struct CopiedThrough {
    day: u32,
}

/// What a run copied.
pub(super) struct AuditCopy {
    pub(super) copied: u64,
    pub(super) is_complete: bool,
}

/// Copies what is not there yet. `name` names the destination.
pub(super) fn copy_trail(
    maintenance: &Maintenance<'_>,
    to: &dyn ObjectStore,
    name: &str,
) -> Result<AuditCopy, TaskError> {
    let sort_key = format!("COPY#{name}");
    let items = maintenance.table.query(PARTITION, &sort_key)?;
    let through = items.iter().find(|item| item.sort_key == sort_key);
    let through: Option<CopiedThrough> =
        through.and_then(|item| serde_json::from_value(item.body.clone()).ok());
    let now = maintenance.clock.now();
    let today = now.0 / DAY_SECONDS;
    let prefixes: Vec<String> = match &through {
        None => vec![PREFIX.to_owned()],
        // Functions that run over midnight write to the day before.
        Some(CopiedThrough { day }) => day_prefixes(Time(day.saturating_sub(1) * DAY_SECONDS), now)
            .chain([SEALS_PREFIX.to_owned(), PRUNINGS_PREFIX.to_owned()])
            .collect(),
    };
    let mut copied = 0;
    for prefix in prefixes {
        let there: BTreeSet<String> = to.list(&prefix)?.into_iter().map(|object| object.name).collect();
        for object in maintenance.store.list(&prefix)? {
            if there.contains(&object.name) {
                continue;
            }
            if maintenance.clock.remaining() < RESERVED_TIME {
                return Ok(AuditCopy { copied, is_complete: false });
            }
            let bytes = maintenance.store.read(&object.name, None)?;
            let key = &object.name;
            if !to.create(key, &bytes, "application/octet-stream")? && to.read(key, None)? != bytes {
                return Err(TaskError::Port(PortError {
                    operation: "copy",
                    name: object.name,
                    kind: PortErrorKind::Other,
                    cause: "another object has this key in the destination; it was not changed".into(),
                }));
            }
            copied += 1;
        }
    }
    let item = TableItem {
        partition_key: PARTITION.to_owned(),
        sort_key,
        revision: 0,
        expires_at: None,
        // It contains only a number, so serializing it does not fail.
        body: serde_json::to_value(CopiedThrough { day: today }).unwrap_or_default(),
    };
    maintenance.table.put(&item, WriteCondition::Always)?;
    Ok(AuditCopy { copied, is_complete: true })
}
