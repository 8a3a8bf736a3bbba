//! Verifies a backup.
//!
//! Enters: the name of a backup. Leaves: a [`BackupVerification`]. Laws: every part is read and compared with the manifest,
//! also after a problem; every archive is unpacked to its end; what the manifest does not name is a problem too.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    BackupError, BackupRepository,
    parts::{PartFailure, PartProgress, read_kind, read_part},
};
use crate::{
    backup::{
        BackupEntry, BackupKind, BackupManifest, BackupName, BackupProblem, BackupProblemKind, MANIFEST_NAME,
        MAX_MANIFEST_BYTES,
    },
    ports::PortError,
};

/// Version of the shape of what `onlooker backup verify --json` prints; the first number changes if a field loses its meaning.
pub const BACKUP_VERIFICATION_SCHEMA_VERSION: &str = "1.0";

/// What was found in a backup.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BackupVerification {
    /// Name of the backup.
    pub name: BackupName,
    /// Its manifest, if it is valid.
    pub manifest: Option<BackupManifest>,
    /// What is wrong; empty for an intact backup.
    pub problems: Vec<BackupProblem>,
}

impl BackupVerification {
    /// Whether a problem of this kind was found.
    pub fn has(&self, kind: BackupProblemKind) -> bool {
        self.problems.iter().any(|problem| problem.kind == kind)
    }
}

/// Verifies a backup completely.
///
/// # Errors
/// When there is no such backup, or the store fails.
pub fn verify(
    repository: BackupRepository<'_>,
    name: &BackupName,
    progress: &PartProgress<'_>,
) -> Result<BackupVerification, BackupError> {
    visit_verified(repository, name, progress, &mut |_, _| Ok(()))
}

/// Verifies a backup completely, and passes its entries to `visit` as they are unpacked.
pub(super) fn visit_verified(
    repository: BackupRepository<'_>,
    name: &BackupName,
    progress: &PartProgress<'_>,
    visit: &mut dyn FnMut(&BackupEntry, &mut dyn Read) -> Result<(), PortError>,
) -> Result<BackupVerification, BackupError> {
    let listed = listed_objects(repository, name)?;
    let (manifest, mut problems) = match read_manifest(repository, name)? {
        Ok(manifest) => (manifest, Vec::new()),
        Err(problem) => {
            return Ok(BackupVerification { name: name.clone(), manifest: None, problems: vec![problem] });
        }
    };
    let known: BTreeSet<&str> =
        manifest.parts.iter().map(|part| part.name.as_str()).chain([MANIFEST_NAME]).collect();
    for object in listed.keys().filter(|object| !known.contains(object.as_str())) {
        problems.push(BackupProblem::damaged(object, "is not in the manifest"));
    }
    let total = manifest.parts.len() as u64;
    let mut before = 0;
    for kind in BackupKind::ALL {
        let mut read = 0;
        let report = |number: u64| progress(before + number, total);
        let walked = read_kind(repository, &manifest, kind, (&mut read, &report), visit);
        let mut found = |failure| match failure {
            PartFailure::Refused(problem) => {
                problems.push(problem);
                Ok(())
            }
            PartFailure::Port(error) => Err(error),
        };
        if let Err(failure) = walked {
            found(failure)?;
            let rest = manifest.parts_of(kind).skip(usize::try_from(read).unwrap_or(usize::MAX));
            for (number, part) in (read + 1..).zip(rest) {
                read_part(repository, name, part).map(drop).or_else(&mut found)?;
                report(number);
            }
        }
        before += manifest.parts_of(kind).count() as u64;
    }
    Ok(BackupVerification { name: name.clone(), manifest: Some(manifest), problems })
}

/// The objects in the folder of a backup, by name, with their sizes.
pub(super) fn listed_objects(
    repository: BackupRepository<'_>,
    name: &BackupName,
) -> Result<BTreeMap<String, u64>, BackupError> {
    let folder = repository.key(name, "");
    let listed = repository.store.list(&folder)?;
    if listed.is_empty() {
        return Err(BackupError::NotFound(name.clone()));
    }
    let named = |name: String| name.strip_prefix(&folder).map(str::to_owned);
    Ok(listed.into_iter().filter_map(|object| Some((named(object.name)?, object.size))).collect())
}

/// The manifest of a backup, or why it is refused.
pub(super) fn read_manifest(
    repository: BackupRepository<'_>,
    name: &BackupName,
) -> Result<Result<BackupManifest, BackupProblem>, PortError> {
    let bytes = repository.get(name, MANIFEST_NAME, MAX_MANIFEST_BYTES + 1)?;
    Ok(match bytes {
        Some(bytes) => BackupManifest::parse(name, &bytes),
        None => Err(BackupProblem::missing(
            MANIFEST_NAME,
            "is missing: the backup is still being written, or its process was killed",
        )),
    })
}
