//! Restores a backup.
//!
//! Enters: the name of a backup and where it is restored to. Leaves: a [`RestorePlan`], and then what the backup has. Laws: the
//! whole backup is verified before anything is changed; what is newer is replaced only if the caller says so; the order of the
//! kinds is that of [`BackupKind`], so the state names nothing that is not there; a restore that is killed is found by its
//! record, and running it again ends it.

use std::io::Read;

use super::{
    BackupError, BackupRepository,
    parts::{PartFailure, PartProgress, read_kind},
    trail_entries,
    verify::visit_verified,
};
use crate::{
    backup::{
        BackupEntry, BackupKind, BackupName, EntryComparison, PlannedChange, RestoreChanges, RestorePlan,
        RestoreRecord,
    },
    ports::{ObjectStore, PortError, RestoreJournal, RestoreTarget},
};

/// Where a backup is restored to.
#[derive(Clone, Copy)]
pub struct RestoreTargets<'a> {
    /// Everything but the audit trail.
    pub target: &'a dyn RestoreTarget,
    /// The store for the audit trail, below `audit/`.
    pub audit: &'a dyn ObjectStore,
    /// Remembers that a restore began.
    pub journal: &'a dyn RestoreJournal,
}

/// Verifies a backup, and says what its restore would change. Nothing is changed.
///
/// # Errors
/// [`BackupError::Refused`] with the first problem of the backup; a port that failed.
pub fn plan_restore(
    repository: BackupRepository<'_>,
    name: &BackupName,
    targets: RestoreTargets<'_>,
    progress: &PartProgress<'_>,
) -> Result<RestorePlan, BackupError> {
    let (mut found, mut refusal) = (RestoreChanges::default(), None);
    let mut compare = |entry: &BackupEntry, content: &mut dyn Read| {
        // An entry that the target refuses must not hide a problem of the backup.
        match compare_entry(targets, entry, content) {
            Ok((comparison, detail)) => found.add(entry.kind, &entry.name, comparison, &detail),
            Err(error) => refusal = refusal.take().or(Some(error)),
        }
        Ok(())
    };
    let verification = visit_verified(repository, name, progress, &mut compare)?;
    if let Some(problem) = verification.problems.into_iter().next() {
        return Err(BackupError::Refused { name: name.clone(), problem });
    }
    if let Some(error) = refusal {
        return Err(PartFailure::from_target(error).of(name));
    }
    let Some(manifest) = verification.manifest else { return Err(BackupError::NotFound(name.clone())) };
    Ok(RestorePlan { manifest, found, unfinished: targets.journal.unfinished()? })
}

fn compare_entry(
    targets: RestoreTargets<'_>,
    entry: &BackupEntry,
    content: &mut dyn Read,
) -> Result<(EntryComparison, String), PortError> {
    match entry.kind {
        BackupKind::Audit => {
            let comparison = trail_entries::compare(targets.audit, entry, content)?;
            Ok((
                comparison,
                "another object has this key, and an object of the audit trail is not replaced".to_owned(),
            ))
        }
        _ => targets.target.compare(entry, content),
    }
}

/// Restores what a plan says. What became newer or damaged since then is replaced only if the plan names an entry of this kind
/// that is.
///
/// # Errors
/// [`BackupError`]. What was written before stays, and its record too: run it again.
pub fn restore(
    repository: BackupRepository<'_>,
    plan: &RestorePlan,
    targets: RestoreTargets<'_>,
    record: &RestoreRecord,
    progress: &PartProgress<'_>,
) -> Result<(), BackupError> {
    let is_conflict = |change: &&PlannedChange| change.comparison == EntryComparison::ConflictsHere;
    if let Some(first) = plan.found.changes.iter().find(is_conflict) {
        let number = plan.found.number(first.kind, EntryComparison::ConflictsHere);
        return Err(BackupError::Conflict { number, first: first.name.clone() });
    }
    targets.journal.begin(record)?;
    let (mut before, total) = (0, plan.manifest.parts.len() as u64);
    for kind in BackupKind::ALL {
        let mut read = 0;
        let report = |number: u64| progress(before + number, total);
        let may_replace = [EntryComparison::NewerHere, EntryComparison::DamagedHere]
            .into_iter()
            .any(|comparison| plan.found.number(kind, comparison) > 0);
        let mut write = |entry: &BackupEntry, content: &mut dyn Read| match entry.kind {
            BackupKind::Audit => trail_entries::write(targets.audit, entry, content),
            _ => targets.target.write(entry, content, may_replace),
        };
        read_kind(repository, &plan.manifest, kind, (&mut read, &report), &mut write)
            .map_err(|failure| failure.of(&plan.manifest.name))?;
        before += plan.manifest.parts_of(kind).count() as u64;
    }
    Ok(targets.journal.finish()?)
}
