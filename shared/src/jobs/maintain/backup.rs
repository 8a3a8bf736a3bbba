//! Backups of the state, copies of the audit trail, and the drill that restores a backup.
//!
//! Enters: the table, the audit trail, destinations. Leaves: a new backup in the first destination each day and in the second one each
//! week, without the oldest; and whether the newest can be restored. Laws: a backup that cannot be restored is a problem that was
//! found; the drill writes below a prefix of its own, and removes what it wrote.

use std::{num::NonZeroU32, ops::Range};

use super::{
    Maintenance, TaskDone, TaskError,
    audit_copy::{AuditCopy, copy_trail},
};
use crate::{
    backup::{BackupName, BackupStatus, RestoreRecord},
    jobs::{
        audit::verify_recent,
        backup::{
            BackupContents, BackupRepository, ListedBackup, NewBackup, NoJournal, RestoreTargets, create,
            list, plan_pruning, plan_restore, prune, restore,
        },
        table_backup::{ITEMS, TableArchive, TableDrill},
    },
    ports::{ObjectRemover, ObjectStore, PortError, StoredObject, TableContents},
    time::Time,
};

const NO_BACKUPS: &str = "the deployment makes no backups";

/// Name of the first destination, in the record of what was copied to it.
const FIRST: &str = "first";

/// Prefix of what the drill writes.
const SCRATCH_PREFIX: &str = "drill/";

/// Seconds from one backup in the second destination to the next: a week without an hour, so that the day stays the same.
const SECOND_INTERVAL_SECONDS: u32 = 7 * 86_400 - 3_600;

/// Where backups are kept, and of what they are made.
#[derive(Clone, Copy)]
pub struct Backups<'a> {
    /// The first destination, daily.
    pub first: BackupDestination<'a>,
    /// The second destination, weekly, if there is one.
    pub second: Option<BackupDestination<'a>>,
    /// Number of backups that a destination keeps.
    pub keep: NonZeroU32,
    /// Everything in the table.
    pub contents: &'a dyn TableContents,
    /// The text of the configuration, if the deployment has one.
    pub configuration: Option<&'a str>,
    /// Version of Onlooker.
    pub tool_version: &'a str,
}

/// A store of backups.
#[derive(Clone, Copy)]
pub struct BackupDestination<'a> {
    /// The store and the prefix of all backups.
    pub repository: BackupRepository<'a>,
    /// Removes its objects.
    pub remover: &'a dyn ObjectRemover,
    /// Whether the audit trail is copied too. A copy in the bucket of the trail would prove nothing.
    pub has_audit_copy: bool,
}

pub(super) fn back_up(maintenance: &Maintenance<'_>) -> Result<TaskDone, TaskError> {
    let Some(backups) = &maintenance.backups else { return Ok(TaskDone::whole(NO_BACKUPS.to_owned())) };
    let now = maintenance.clock.now();
    let mut done = write_backup(maintenance, backups, backups.first, now)?;
    let mut copies = vec![(backups.first, FIRST)];
    if let Some(second) = backups.second {
        let newest = newest_complete(second.repository)?;
        if newest.is_none_or(|name| now.since(name.time()) >= SECOND_INTERVAL_SECONDS) {
            let other = write_backup(maintenance, backups, second, now)?;
            done = format!("{done}; in the second destination {other}");
        }
        copies.push((second, "second"));
    }
    for (destination, name) in copies.into_iter().filter(|(destination, _)| destination.has_audit_copy) {
        let BackupRepository { store, prefix } = destination.repository;
        let to = Below { store, prefix: prefix.to_owned() };
        let AuditCopy { copied, is_complete } = copy_trail(maintenance, &to, name)?;
        done = format!("{done}; objects of the audit trail copied to the {name} destination {copied}");
        if !is_complete {
            return Ok(TaskDone::unfinished(done, 0));
        }
    }
    Ok(TaskDone::whole(done))
}

/// Makes a backup and removes the oldest. Returns a sentence about it.
fn write_backup(
    maintenance: &Maintenance<'_>,
    backups: &Backups<'_>,
    to: BackupDestination<'_>,
    now: Time,
) -> Result<String, TaskError> {
    let name = BackupName::new(now, maintenance.run_id);
    let source = TableArchive { contents: backups.contents, configuration: backups.configuration };
    // The audit trail is copied object by object, because no object of it changes and it has many.
    let contents = BackupContents { source: &source, audit: None, journal: &NoJournal };
    let new = NewBackup { name: &name, run_id: maintenance.run_id, tool_version: backups.tool_version };
    let manifest = create(to.repository, contents, new, &|_, _| ())?;
    let rotation = plan_pruning(to.repository, backups.keep, now)?;
    prune(to.repository, to.remover, &rotation)?;
    Ok(format!(
        "backup {name}: parts {}, bytes {}; backups kept {}, removed {}",
        manifest.parts.len(),
        manifest.parts.iter().map(|part| part.compressed_bytes).sum::<u64>(),
        rotation.kept.len(),
        rotation.removed.len()
    ))
}

fn newest_complete(repository: BackupRepository<'_>) -> Result<Option<BackupName>, PortError> {
    let listed = list(repository)?;
    let complete = listed.into_iter().filter(|backup| backup.status == BackupStatus::Complete);
    Ok(complete.map(|backup| backup.name).next_back())
}

pub(super) fn drill(maintenance: &Maintenance<'_>) -> Result<TaskDone, TaskError> {
    let Some(backups) = &maintenance.backups else { return Ok(TaskDone::whole(NO_BACKUPS.to_owned())) };
    // One that is being written, or was not finished, has no manifest.
    let listed = list(backups.first.repository)?;
    let newest = listed.into_iter().rfind(|backup| backup.status != BackupStatus::Incomplete);
    let name = match newest {
        None => return Err(TaskError::NoBackup),
        Some(ListedBackup { name, problem: None, .. }) => name,
        Some(ListedBackup { name, problem: Some(problem), .. }) => {
            let detail = format!("the backup {name} cannot be restored: {problem}");
            return Ok(TaskDone::found(detail, 1));
        }
    };
    let scratch =
        Below { store: maintenance.store, prefix: format!("{SCRATCH_PREFIX}{}/", maintenance.run_id) };
    let done = restore_into(&scratch, maintenance, backups, &name);
    if let Some(remover) = maintenance.remover {
        for object in maintenance.store.list(&scratch.prefix)? {
            remover.remove(&object.name)?;
        }
    }
    match done {
        Ok(detail) => Ok(TaskDone::whole(detail)),
        Err(cause) => {
            let detail = format!("the backup {name} cannot be restored: {cause}");
            Ok(TaskDone::found(detail, 1))
        }
    }
}

/// Restores a backup below the scratch prefix, and looks at what is there then.
fn restore_into(
    scratch: &Below<'_>,
    maintenance: &Maintenance<'_>,
    backups: &Backups<'_>,
    name: &BackupName,
) -> Result<String, String> {
    let repository = backups.first.repository;
    let target = TableDrill::new(scratch);
    let targets = RestoreTargets { target: &target, audit: scratch, journal: &NoJournal };
    let text = |error: &dyn std::error::Error| error.to_string();
    let plan = plan_restore(repository, name, targets, &|_, _| ()).map_err(|error| text(&error))?;
    let record = RestoreRecord {
        name: name.clone(),
        destination: scratch.prefix.clone(),
        began_at: maintenance.clock.now(),
    };
    restore(repository, &plan, targets, &record, &|_, _| ()).map_err(|error| text(&error))?;
    let items = plan.manifest.counts.get(ITEMS).copied().unwrap_or_default();
    if target.items() != items {
        return Err(format!("the manifest counts {items} items, and {} were restored", target.items()));
    }
    let restored = format!("backup {name} was restored: items {items}");
    if !backups.first.has_audit_copy {
        return Ok(restored);
    }
    let copy = Below { store: repository.store, prefix: repository.prefix.to_owned() };
    let now = maintenance.clock.now();
    let mut recent = verify_recent(&copy, now).map_err(|error| text(&error))?;
    let mut repaired = String::new();
    if !recent.found.problems.is_empty() {
        // Functions wrote while the trail was copied, and a batch may have come after its page was listed.
        let again = copy_trail(maintenance, &copy, FIRST).map_err(|error| text(&error))?.copied;
        repaired = format!("; objects copied again {again}");
        recent = verify_recent(&copy, now).map_err(|error| text(&error))?;
    }
    match recent.found.problems.first() {
        Some(problem) => Err(format!(
            "the copy of the audit trail is not intact: {} `{}`",
            problem.kind.as_str(),
            problem.subject
        )),
        None => Ok(format!(
            "{restored}; the copy of the audit trail is intact: entries {}{repaired}",
            recent.found.entries
        )),
    }
}

/// A part of a store, below a prefix.
struct Below<'a> {
    store: &'a dyn ObjectStore,
    prefix: String,
}

impl ObjectStore for Below<'_> {
    fn create(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<bool, PortError> {
        self.store.create(&format!("{}{key}", self.prefix), bytes, media_type)
    }

    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError> {
        self.store.read(&format!("{}{key}", self.prefix), part)
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
        let objects = self.store.list(&format!("{}{prefix}", self.prefix))?;
        let below = |object: StoredObject| {
            let name = object.name.strip_prefix(&self.prefix)?.to_owned();
            Some(StoredObject { name, ..object })
        };
        Ok(objects.into_iter().filter_map(below).collect())
    }
}
