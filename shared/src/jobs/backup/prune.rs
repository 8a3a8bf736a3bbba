//! Removes old backups.
//!
//! Enters: how many complete backups stay. Leaves: a [`Rotation`], and fewer backups. Law: the manifest of a backup is removed
//! first, so a run that is killed leaves no backup that looks complete and is not.

use std::num::NonZeroU32;

use super::{BackupRepository, list::list};
use crate::{
    backup::{MANIFEST_NAME, Rotation},
    ports::{ObjectRemover, PortError},
    time::Time,
};

/// Which backups would be removed.
///
/// # Errors
/// When the store cannot be read.
pub fn plan_pruning(
    repository: BackupRepository<'_>,
    keep: NonZeroU32,
    now: Time,
) -> Result<Rotation, PortError> {
    let known = list(repository)?.iter().map(super::ListedBackup::known).collect();
    Ok(Rotation::plan(known, keep, now))
}

/// Removes the backups that a rotation names.
///
/// # Errors
/// When the store cannot be read, or an object cannot be removed.
pub fn prune(
    repository: BackupRepository<'_>,
    remover: &dyn ObjectRemover,
    rotation: &Rotation,
) -> Result<(), PortError> {
    for backup in &rotation.removed {
        remover.remove(&repository.key(&backup.name, MANIFEST_NAME))?;
        for object in repository.store.list(&repository.key(&backup.name, ""))? {
            remover.remove(&object.name)?;
        }
    }
    Ok(())
}
