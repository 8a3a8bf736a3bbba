//! Makes a backup.
//!
//! Enters: a state, an audit trail, and a new name. Leaves: the stored parts and then the manifest. Laws: nothing that is
//! stored is replaced; a run that ends early leaves a backup without a manifest, which is not taken for a whole one.

use std::{collections::BTreeMap, io::Read};

use super::{
    BackupError, BackupRepository,
    parts::{PartProgress, PartWriter},
    trail_entries::visit_trail,
};
use crate::{
    backup::{
        ArchiveWriter, BackupEntry, BackupKind, BackupManifest, BackupName, BackupPart, MANIFEST_NAME,
        SkippedEntries,
    },
    ports::{BackupSource, ObjectStore, PortError, PortErrorKind, RestoreJournal},
};

/// What is backed up.
#[derive(Clone, Copy)]
pub struct BackupContents<'a> {
    /// Everything but the audit trail.
    pub source: &'a dyn BackupSource,
    /// The store with the audit trail below `audit/`, if there is one.
    pub audit: Option<&'a dyn ObjectStore>,
    /// Knows whether what is there was restored completely.
    pub journal: &'a dyn RestoreJournal,
}

/// A backup that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewBackup<'a> {
    /// Its name, which has not been used before.
    pub name: &'a BackupName,
    /// Id of the run.
    pub run_id: &'a str,
    /// Version of Onlooker.
    pub tool_version: &'a str,
}

/// Makes a backup.
///
/// # Errors
/// [`BackupError`]. What was stored before is a backup without a manifest, which [`super::prune()`] removes later.
pub fn create(
    repository: BackupRepository<'_>,
    contents: BackupContents<'_>,
    new: NewBackup<'_>,
    progress: &PartProgress<'_>,
) -> Result<BackupManifest, BackupError> {
    if let Some(record) = contents.journal.unfinished()? {
        return Err(BackupError::RestoreUnfinished(record.name));
    }
    let (mut parts, mut counts, mut skipped) = (Vec::new(), BTreeMap::new(), SkippedEntries::default());
    for kind in BackupKind::ALL {
        let stored = parts.len() as u64;
        let all = |number, _| progress(stored + number, 0);
        let writer = PartWriter::new(repository, new.name, kind, &all);
        parts.extend(archive_kind(writer, contents, new, (&mut counts, &mut skipped), kind)?);
    }
    if parts.is_empty() {
        return Err(BackupError::Empty);
    }
    let own = (new.name.clone(), new.run_id, new.tool_version);
    let manifest = BackupManifest::new(own, parts, counts, skipped);
    let text = manifest.to_json().map_err(|cause| failed("write", MANIFEST_NAME, cause.into()))?;
    if repository.put(new.name, MANIFEST_NAME, text.as_bytes(), "application/json")? {
        Ok(manifest)
    } else {
        Err(BackupError::NameTaken(new.name.clone()))
    }
}

/// Stores the archive of one kind, if it has entries.
fn archive_kind(
    writer: PartWriter<'_>,
    contents: BackupContents<'_>,
    new: NewBackup<'_>,
    (counts, skipped): (&mut BTreeMap<String, u64>, &mut SkippedEntries),
    kind: BackupKind,
) -> Result<Vec<BackupPart>, BackupError> {
    let mut archive = ArchiveWriter::new(writer, new.name.time());
    let mut number = 0_u64;
    let mut visit = |entry: &BackupEntry, content: &mut dyn Read| {
        number += 1;
        archive.get_mut().begun += 1;
        for (name, count) in &entry.counts {
            *counts.entry((*name).to_owned()).or_default() += count;
        }
        archive.add(entry, content).map_err(|cause| failed("back up", entry.name.as_str(), cause.into()))
    };
    let visited = match (kind, contents.audit) {
        (BackupKind::Audit, Some(store)) => {
            visit_trail(store, &mut visit).map(|()| SkippedEntries::default())
        }
        (BackupKind::Audit, None) => Ok(SkippedEntries::default()),
        _ => contents.source.entries(kind, &mut visit),
    };
    // A part that could not be stored is the cause of what the visitor says.
    if let Some(failure) = archive.get_mut().failure.take() {
        return Err(failure);
    }
    skipped.merge(visited?);
    if number == 0 {
        return Ok(Vec::new());
    }
    let mut writer =
        archive.finish().map_err(|cause| failed("end the archive of", kind.as_str(), cause.into()))?;
    writer.finish()?;
    Ok(writer.parts)
}

fn failed(operation: &'static str, name: &str, cause: Box<dyn std::error::Error + Send + Sync>) -> PortError {
    PortError { operation, name: name.to_owned(), kind: PortErrorKind::Other, cause }
}
