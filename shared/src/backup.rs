//! Backups: what one consists of, which are refused, and which are kept.
//!
//! Enters: entries of the state, the manifest of a backup, the listed backups. Leaves: parts, a checked [`BackupManifest`], a
//! [`Rotation`]. Laws: an archive is checked before its content is used, and refused with the reason; no name in an archive
//! leads out of where it is restored; no archive makes its reader keep more than one part in memory.
//!
//! A backup is a folder of objects. For each [`BackupKind`] there is one tar archive, cut into parts of at most
//! [`PART_BYTES`], each compressed with gzip on its own; so `cat NAME/audit-*.tar.gz | tar xz` reads it without Onlooker. The
//! manifest names every part with its SHA-256.

mod archive;
mod manifest;
mod name;
mod restore_plan;
mod rotation;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    archive::{ArchiveError, ArchiveWriter, BackupEntry, EntryName, read_archive},
    manifest::{
        BackupManifest, BackupPart, MANIFEST_NAME, MAX_MANIFEST_BYTES, PART_BYTES, SCHEMA_VERSION,
        SkippedEntries,
    },
    name::BackupName,
    restore_plan::{
        ComparisonCounts, EntryComparison, PlannedChange, RESTORE_PLAN_SCHEMA_VERSION, RestoreChanges,
        RestorePlan, RestoreRecord,
    },
    rotation::{BackupStatus, KnownBackup, MIN_AGE_OF_REMOVED_REST, ROTATION_SCHEMA_VERSION, Rotation},
};

/// What an entry of a backup belongs to. The order is that of the archive, and that in which a restore writes: what the state
/// refers to is there before the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackupKind {
    /// Evidence: segments of log files.
    Evidence,
    /// Reports.
    Reports,
    /// The audit trail.
    Audit,
    /// The state: runs, findings and the index of segments.
    State,
    /// The configuration.
    Configuration,
}

impl BackupKind {
    /// Every kind, in the order of the archive.
    pub const ALL: [Self; 5] = [Self::Evidence, Self::Reports, Self::Audit, Self::State, Self::Configuration];

    /// The word for the kind, in the manifest and in the names of parts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Reports => "reports",
            Self::Audit => "audit",
            Self::State => "state",
            Self::Configuration => "configuration",
        }
    }
}

impl fmt::Display for BackupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What kind of problem a backup has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackupProblemKind {
    /// Something was changed or is not what Onlooker writes.
    Damaged,
    /// Something is missing.
    Missing,
    /// Another version of Onlooker wrote it.
    Unsupported,
}

/// A problem of a backup: the reason for which it is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, thiserror::Error)]
#[error("`{subject}` {reason}")]
pub struct BackupProblem {
    /// What kind of problem it is.
    pub kind: BackupProblemKind,
    /// The object or the entry, with hidden characters escaped.
    pub subject: String,
    /// What is wrong with it, as the rest of a sentence.
    pub reason: String,
}

impl BackupProblem {
    /// Something that was changed, or is not what Onlooker writes.
    pub fn damaged(subject: &str, reason: impl Into<String>) -> Self {
        Self::new(BackupProblemKind::Damaged, subject, reason)
    }

    /// Something that is missing.
    pub fn missing(subject: &str, reason: impl Into<String>) -> Self {
        Self::new(BackupProblemKind::Missing, subject, reason)
    }

    fn new(kind: BackupProblemKind, subject: &str, reason: impl Into<String>) -> Self {
        let subject = crate::escape::escape_hidden(subject).into_owned();
        Self { kind, subject, reason: reason.into() }
    }
}
