//! The manifest of a backup.
//!
//! Enters: the parts of a backup, or the bytes of a manifest. Leaves: a [`BackupManifest`] that is checked. Laws: the names of
//! parts follow from their kinds and numbers, so that none leads elsewhere; the sums are those of the parts; a manifest of a
//! version that this Onlooker does not know is not interpreted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BackupKind, BackupName, BackupProblem, BackupProblemKind};
use crate::{escape::escape_hidden, time::Time};

/// Name of the manifest in the folder of a backup. It is written last: a backup without one is incomplete.
pub const MANIFEST_NAME: &str = "manifest.json";

/// Version of the form of backups.
pub const SCHEMA_VERSION: u32 = 1;

/// Largest size of a part before compression, in bytes: what a reader or writer keeps in memory.
pub const PART_BYTES: usize = 8 << 20;

/// Largest size of a part as it is stored: gzip adds less than one byte in a thousand to what it cannot compress.
const MAX_STORED_PART: u64 = (PART_BYTES + PART_BYTES / 1_000 + 1_024) as u64;

/// Largest size of a manifest in bytes: 250,000 parts, or 2 TB, at 250 bytes for each.
pub const MAX_MANIFEST_BYTES: u64 = 64 << 20;

/// How many skipped entries are named.
const MAX_SKIPPED_NAMES: usize = 100;

/// One stored object of a backup: a piece of the archive of its kind, compressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupPart {
    /// Name of the object in the folder of the backup: `audit-000001.tar.gz`.
    pub name: String,
    /// What it belongs to.
    pub kind: BackupKind,
    /// SHA-256 of the object as it is stored, in hex.
    pub sha256: String,
    /// Size before compression, in bytes.
    pub bytes: u64,
    /// Size of the object, in bytes.
    pub compressed_bytes: u64,
    /// Number of entries that begin in this part.
    pub entries: u64,
}

impl BackupPart {
    /// Name of the part of this kind with this number, from 1.
    pub fn name_of(kind: BackupKind, number: u64) -> String {
        format!("{kind}-{number:06}.tar.gz")
    }
}

/// Entries that the state names and that could not be found when the backup was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkippedEntries {
    /// How many there are.
    pub number: u64,
    /// The first hundred of them.
    pub names: Vec<String>,
}

impl SkippedEntries {
    /// Adds an entry.
    pub fn add(&mut self, name: impl Into<String>) {
        self.number += 1;
        if self.names.len() < MAX_SKIPPED_NAMES {
            self.names.push(name.into());
        }
    }

    /// Adds other entries.
    pub fn merge(&mut self, other: Self) {
        self.number += other.number;
        self.names.extend(other.names);
        self.names.truncate(MAX_SKIPPED_NAMES);
    }
}

/// What a backup consists of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupManifest {
    /// Version of the form of the backup.
    pub schema_version: u32,
    /// Version of the Onlooker that made it.
    pub tool_version: String,
    /// Name of the backup.
    pub name: BackupName,
    /// Id of the run that made it.
    pub run_id: String,
    /// When it began.
    pub created_at: Time,
    /// The parts, in the order of the archive.
    pub parts: Vec<BackupPart>,
    /// Number of entries of all parts.
    pub entries: u64,
    /// Size of all parts before compression, in bytes.
    pub bytes: u64,
    /// Size of all parts as they are stored, in bytes.
    pub compressed_bytes: u64,
    /// `bytes` divided by `compressed_bytes`, with two digits after the point; 0 without parts.
    pub ratio: f64,
    /// What the backup has, by name: `runs`, `findings`, `log_files`, `segments`, `reports`, `audit_batches` and others.
    pub counts: BTreeMap<String, u64>,
    /// What the state names and the backup does not have.
    pub skipped: SkippedEntries,
}

/// What every version of a manifest has.
#[derive(Deserialize)]
struct ManifestVersion {
    schema_version: u32,
    #[serde(default)]
    tool_version: String,
}

impl BackupManifest {
    /// The manifest of these parts.
    pub fn new(
        (name, run_id, tool_version): (BackupName, &str, &str),
        parts: Vec<BackupPart>,
        counts: BTreeMap<String, u64>,
        skipped: SkippedEntries,
    ) -> Self {
        let sum = |of: fn(&BackupPart) -> u64| parts.iter().map(of).fold(0, u64::saturating_add);
        let (bytes, compressed_bytes) = (sum(|part| part.bytes), sum(|part| part.compressed_bytes));
        Self {
            schema_version: SCHEMA_VERSION,
            tool_version: tool_version.to_owned(),
            created_at: name.time(),
            name,
            run_id: run_id.to_owned(),
            entries: sum(|part| part.entries),
            bytes,
            compressed_bytes,
            ratio: ratio(bytes, compressed_bytes),
            parts,
            counts,
            skipped,
        }
    }

    /// Reads the manifest of the backup with this name, and checks it.
    ///
    /// # Errors
    /// The reason for which the backup is refused.
    pub fn parse(name: &BackupName, bytes: &[u8]) -> Result<Self, BackupProblem> {
        let subject = format!("{name}/{MANIFEST_NAME}");
        let damaged = |reason: String| BackupProblem::damaged(&subject, reason);
        if bytes.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(damaged(format!("has more than {MAX_MANIFEST_BYTES} bytes")));
        }
        let unreadable = |cause: serde_json::Error| {
            damaged(format!("is not a manifest: {}", escape_hidden(&cause.to_string())))
        };
        let version: ManifestVersion = serde_json::from_slice(bytes).map_err(unreadable)?;
        if version.schema_version != SCHEMA_VERSION {
            return Err(BackupProblem {
                kind: BackupProblemKind::Unsupported,
                subject,
                reason: format!(
                    "has version {} and was written by Onlooker {}; this Onlooker reads version {SCHEMA_VERSION}: use the \
                     Onlooker that wrote it, or a newer one",
                    version.schema_version,
                    escape_hidden(&version.tool_version)
                ),
            });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        match manifest.fault(name) {
            Some(reason) => Err(damaged(reason)),
            None => Ok(manifest),
        }
    }

    /// What is wrong with the manifest, as the rest of a sentence.
    fn fault(&self, name: &BackupName) -> Option<String> {
        if self.name != *name {
            return Some(format!("is the manifest of `{}`", self.name));
        }
        if self.created_at != name.time() {
            return Some(format!("was created at {}, which is not the time in its name", self.created_at));
        }
        let mut numbers: BTreeMap<BackupKind, u64> = BTreeMap::new();
        let mut latest = None;
        for part in &self.parts {
            if latest > Some(part.kind) {
                return Some(format!("has parts of kind `{}` in two places", part.kind));
            }
            latest = Some(part.kind);
            let number = numbers.entry(part.kind).or_default();
            *number += 1;
            let expected = BackupPart::name_of(part.kind, *number);
            if part.name != expected {
                return Some(format!(
                    "names a part `{}` where `{expected}` follows",
                    escape_hidden(&part.name)
                ));
            }
            if part.bytes == 0 || part.bytes > PART_BYTES as u64 || part.compressed_bytes > MAX_STORED_PART {
                return Some(format!(
                    "gives `{expected}` {} bytes and {} when inflated; a part has at most {MAX_STORED_PART} and {PART_BYTES}",
                    part.compressed_bytes, part.bytes
                ));
            }
            if part.sha256.len() != 64 || !part.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            {
                return Some(format!("has no SHA-256 for `{expected}`"));
            }
        }
        let own = (self.name.clone(), self.run_id.as_str(), self.tool_version.as_str());
        let again = Self::new(own, self.parts.clone(), self.counts.clone(), self.skipped.clone());
        (again != *self).then(|| "has other sums than its parts".to_owned())
    }

    /// The manifest as indented JSON with a newline at its end.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// The parts of a kind, in order.
    pub fn parts_of(&self, kind: BackupKind) -> impl Iterator<Item = &BackupPart> {
        self.parts.iter().filter(move |part| part.kind == kind)
    }
}

#[expect(clippy::cast_precision_loss, reason = "two digits of a ratio")]
fn ratio(bytes: u64, compressed: u64) -> f64 {
    if compressed == 0 { 0.0 } else { (bytes as f64 / compressed as f64 * 100.0).round() / 100.0 }
}
