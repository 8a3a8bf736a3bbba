//! Restores a backup.
//!
//! Enters: the name of a backup and where it is restored to. Leaves: a [`RestorePlan`], and then what the backup has. Laws: the
//! whole backup is verified before anything is changed; what is newer is replaced only if the caller says so; the order of the
//! kinds is that of [`BackupKind`], so the state names nothing that is not there; a restore that is killed is found by its
//! record, and running it again ends it.

use std::io::Read;

use super::{
    BackupError, BackupRepository,
    parts::{PartProgress, read_kind},
    trail_entries,
    verify::visit_verified,
};
use crate::{
    backup::{
        BackupEntry, BackupKind, BackupName, EntryComparison, PlannedChange, RestorePlan, RestoreRecord,
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
    let mut found = Vec::new();
    let mut refusal = None;
    let mut compare = |entry: &BackupEntry, content: &mut dyn Read| {
        // An entry that the target refuses must not hide a problem of the backup.
        match compare_entry(targets, entry, content) {
            Ok((comparison, detail)) => found.push((entry.kind, entry.name.clone(), comparison, detail)),
            Err(error) => refusal = refusal.take().or(Some(error)),
        }
        Ok(())
    };
    let verification = visit_verified(repository, name, progress, &mut compare)?;
    if let Some(problem) = verification.problems.into_iter().next() {
        return Err(BackupError::Refused { name: name.clone(), problem });
    }
    let Some(manifest) = verification.manifest else { return Err(BackupError::NotFound(name.clone())) };
    if let Some(error) = refusal {
        return Err(error.into());
    }
    let mut plan = RestorePlan::new(manifest, targets.journal.unfinished()?);
    for (kind, entry, comparison, detail) in found {
        plan.add(kind, &entry, comparison, &detail);
    }
    Ok(plan)
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

/// Restores what a plan says. What became newer or damaged since then is not replaced unless the plan named such entries.
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
    let conflicts = plan.number(EntryComparison::ConflictsHere);
    if conflicts > 0 {
        let is_conflict = |change: &&PlannedChange| change.comparison == EntryComparison::ConflictsHere;
        let first = plan.changes.iter().find(is_conflict).map(|change| change.name.clone());
        return Err(BackupError::Conflict { number: conflicts, first: first.unwrap_or_default() });
    }
    let may_replace = plan.number(EntryComparison::NewerHere) + plan.number(EntryComparison::DamagedHere) > 0;
    targets.journal.begin(record)?;
    let (mut before, total) = (0, plan.manifest.parts.len() as u64);
    for kind in BackupKind::ALL {
        let mut read = 0;
        let report = |number: u64| progress(before + number, total);
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
