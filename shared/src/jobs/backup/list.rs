//! Lists backups.
//!
//! Enters: the store. Leaves: a [`ListedBackup`] for each folder with the name of a backup. Law: a backup is listed as complete
//! only if its manifest is valid and every part is there with its size; parts are not read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{BackupRepository, verify::read_manifest};
use crate::{
    backup::{
        BackupManifest, BackupName, BackupProblem, BackupProblemKind, BackupStatus, KnownBackup,
        MANIFEST_NAME,
    },
    ports::PortError,
};

/// Version of the shape of a [`ListedBackup`] as commands print it; the first number changes if a field loses its meaning.
pub const BACKUP_LIST_SCHEMA_VERSION: &str = "1.0";

/// A backup, as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ListedBackup {
    /// Name of the backup.
    pub name: BackupName,
    /// What is known of it.
    pub status: BackupStatus,
    /// Its manifest, if it is valid.
    pub manifest: Option<BackupManifest>,
    /// Size of its objects as they are stored, in bytes.
    pub stored_bytes: u64,
    /// Why it is not complete.
    pub problem: Option<BackupProblem>,
}

impl ListedBackup {
    /// The backup, as a rotation looks at it.
    pub fn known(&self) -> KnownBackup {
        KnownBackup { name: self.name.clone(), status: self.status }
    }
}

/// The backups of a store, oldest first. Other objects are passed over.
///
/// # Errors
/// When the store cannot be read.
pub fn list(repository: BackupRepository<'_>) -> Result<Vec<ListedBackup>, PortError> {
    let mut folders: BTreeMap<BackupName, BTreeMap<String, u64>> = BTreeMap::new();
    for object in repository.store.list(repository.prefix)? {
        let path = object.name.strip_prefix(repository.prefix).and_then(|path| path.split_once('/'));
        if let Some((folder, name)) = path
            && let Some(folder) = BackupName::parse(folder)
        {
            folders.entry(folder).or_default().insert(name.to_owned(), object.size);
        }
    }
    folders.into_iter().map(|(name, objects)| listed(repository, name, &objects)).collect()
}

fn listed(
    repository: BackupRepository<'_>,
    name: BackupName,
    objects: &BTreeMap<String, u64>,
) -> Result<ListedBackup, PortError> {
    let stored_bytes = objects.values().fold(0, |sum: u64, size| sum.saturating_add(*size));
    let (manifest, problem) = match read_manifest(repository, &name)? {
        Ok(manifest) => {
            let problem = first_difference(&manifest, objects);
            (Some(manifest), problem)
        }
        Err(problem) => (None, Some(problem)),
    };
    let status = match &problem {
        None => BackupStatus::Complete,
        Some(problem) if problem.kind == BackupProblemKind::Unsupported => BackupStatus::Unsupported,
        Some(problem) if problem.subject == MANIFEST_NAME => BackupStatus::Incomplete,
        Some(_) => BackupStatus::Damaged,
    };
    Ok(ListedBackup { name, status, manifest, stored_bytes, problem })
}

/// The first part that is not there with the size of the manifest.
fn first_difference(manifest: &BackupManifest, objects: &BTreeMap<String, u64>) -> Option<BackupProblem> {
    manifest.parts.iter().find_map(|part| match objects.get(&part.name) {
        None => Some(BackupProblem::missing(&part.name, "is in the manifest and is missing")),
        Some(size) if *size != part.compressed_bytes => {
            let reason = format!("has {size} bytes and not the {} of the manifest", part.compressed_bytes);
            Some(BackupProblem::damaged(&part.name, reason))
        }
        Some(_) => None,
    })
}
