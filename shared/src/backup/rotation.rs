//! Which backups stay.
//!
//! Enters: the backups of a destination, with what is known of each. Leaves: a [`Rotation`]. Laws: the newest complete backups
//! stay, at least one; without a complete backup nothing is removed; a backup of a newer Onlooker stays; the rest of an
//! incomplete or damaged one is removed only if a complete one is newer and it is at least a day old, because another process
//! may still be writing it.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Serialize;

use super::BackupName;
use crate::time::Time;

/// Least age of an incomplete or damaged backup that is removed, in seconds: longer than a backup takes.
pub const MIN_AGE_OF_REMOVED_REST: u32 = 86_400;

/// What is known of a backup without reading its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackupStatus {
    /// Its manifest is valid, and every part is there with its size.
    Complete,
    /// It has no manifest: it is being written, or its process was killed.
    Incomplete,
    /// Its manifest is not valid, or a part is missing or has another size.
    Damaged,
    /// A newer Onlooker wrote it.
    Unsupported,
}

impl BackupStatus {
    /// The word for the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Damaged => "damaged",
            Self::Unsupported => "unsupported",
        }
    }
}

/// A backup, as the rotation looks at it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct KnownBackup {
    /// Name of the backup.
    pub name: BackupName,
    /// What is known of it.
    pub status: BackupStatus,
}

/// Version of the shape of what `onlooker backup prune --json` prints; the first number changes if a field loses its meaning.
pub const ROTATION_SCHEMA_VERSION: &str = "1.0";

/// What a rotation removes and keeps, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rotation {
    /// Backups to remove.
    pub removed: Vec<KnownBackup>,
    /// Backups that stay.
    pub kept: Vec<KnownBackup>,
}

impl Rotation {
    /// Keeps the newest `keep` complete backups.
    pub fn plan(mut backups: Vec<KnownBackup>, keep: NonZeroU32, now: Time) -> Self {
        backups.sort_unstable();
        let complete = |backup: &&KnownBackup| backup.status == BackupStatus::Complete;
        let newest = backups.iter().rev().find(complete).map(|backup| backup.name.clone());
        let most = usize::try_from(keep.get()).unwrap_or(usize::MAX);
        let oldest_kept =
            backups.iter().rev().filter(complete).take(most).last().map(|backup| backup.name.clone());
        let is_removed = |backup: &KnownBackup| match backup.status {
            BackupStatus::Complete => Some(&backup.name) < oldest_kept.as_ref(),
            BackupStatus::Incomplete | BackupStatus::Damaged => {
                Some(&backup.name) < newest.as_ref()
                    && now.since(backup.name.time()) >= MIN_AGE_OF_REMOVED_REST
            }
            BackupStatus::Unsupported => false,
        };
        let (removed, kept) = backups.into_iter().partition(is_removed);
        Self { removed, kept }
    }
}
