//! Makes, lists, verifies, restores and removes backups.
//!
//! Enters: a store for backups, and what is backed up or restored, as ports. Leaves: a manifest, a list, a verification, a
//! plan. Laws: the manifest is written last and removed first, so a backup with a manifest was complete; nothing is restored
//! from a backup with a problem; each job may be killed at any time and run again.

mod create;
mod list;
mod parts;
mod prune;
mod restore;
mod trail_entries;
mod verify;

pub use self::{
    create::{BackupContents, NewBackup, create},
    list::{BACKUP_LIST_SCHEMA_VERSION, ListedBackup, list},
    prune::{plan_pruning, prune},
    restore::{RestoreTargets, plan_restore, restore},
    verify::{BACKUP_VERIFICATION_SCHEMA_VERSION, BackupVerification, verify},
};
use crate::{
    backup::{BackupName, BackupProblem, RestoreRecord},
    ports::{ObjectStore, PortError, PortErrorKind, RestoreJournal},
};

/// Where backups are kept: below a prefix of a store of objects.
#[derive(Clone, Copy)]
pub struct BackupRepository<'a> {
    /// The store.
    pub store: &'a dyn ObjectStore,
    /// Key prefix of all backups: empty, or a text that ends with `/`.
    pub prefix: &'a str,
}

impl BackupRepository<'_> {
    /// The key of an object of a backup.
    fn key(&self, name: &BackupName, object: &str) -> String {
        format!("{}{name}/{object}", self.prefix)
    }

    /// Writes an object. `false`: another one is there. An equal one counts as written: the answer to an earlier attempt of
    /// the store may have been lost.
    fn put(
        &self,
        name: &BackupName,
        object: &str,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<bool, PortError> {
        let key = self.key(name, object);
        if self.store.create(&key, bytes, media_type)? {
            return Ok(true);
        }
        Ok(self.store.read(&key, Some(0..bytes.len() as u64 + 1))? == bytes)
    }

    /// The first `most` bytes of an object; `None` if it does not exist.
    fn get(&self, name: &BackupName, object: &str, most: u64) -> Result<Option<Vec<u8>>, PortError> {
        match self.store.read(&self.key(name, object), Some(0..most)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The journal of a target that is not used before its restore has ended: a new table, or a drill.
#[derive(Clone, Copy, Debug)]
pub struct NoJournal;

impl RestoreJournal for NoJournal {
    fn unfinished(&self) -> Result<Option<RestoreRecord>, PortError> {
        Ok(None)
    }

    fn begin(&self, _: &RestoreRecord) -> Result<(), PortError> {
        Ok(())
    }

    fn finish(&self) -> Result<(), PortError> {
        Ok(())
    }
}

/// Why a backup was not made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// There is nothing to back up.
    #[error(
        "there is nothing to back up: no state, no audit trail and no configuration; name the state with `--state`"
    )]
    Empty,
    /// Another backup has the name.
    #[error(
        "another backup has the name `{0}`, and it was not changed; run the command again for a new name"
    )]
    NameTaken(BackupName),
    /// No backup has the name.
    #[error("no backup has the name `{0}`; `onlooker backup list` shows the names")]
    NotFound(BackupName),
    /// The backup is refused.
    #[error("the backup `{name}` is refused: {problem}")]
    Refused {
        /// Name of the backup.
        name: BackupName,
        /// The first reason.
        problem: BackupProblem,
    },
    /// An earlier restore did not end, so what is there is not backed up.
    #[error(
        "a restore of the backup `{0}` did not end, so what is there may be incomplete; run the restore again, and then back up"
    )]
    RestoreUnfinished(BackupName),
    /// What is written once differs from the backup.
    #[error(
        "{number} of the entries are there with another content, the first of them `{first}`: examine the audit trail with \
         `onlooker audit verify`, move it away if the backup has the true one, and restore again"
    )]
    Conflict {
        /// How many entries conflict.
        number: u64,
        /// The first of them.
        first: String,
    },
}
