//! The files of a source.
//!
//! Enters: digest files as they were read, and the names of all other files. Leaves: [`TrailFiles`], in which the files of an object
//! key are found. Law: every copy of a file is found, also under another prefix or root.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::{
    DigestFault, DigestFile, DigestMetadata, DigestName, LogFileName,
    object_name::{ChainName, base_name, is_at_key},
    result::UnknownKey,
    task::{Selection, VerificationTask},
};
use crate::{hex::hex, record::UnreadableReason, time::Time};

/// A digest file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestObject {
    /// Path or URI.
    pub name: String,
    /// What the name says.
    pub of: DigestName,
    /// What is in it.
    pub content: DigestContent,
    /// Metadata of the object, if the source has any.
    pub metadata: DigestMetadata,
}

/// The content of a file with the name of a digest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigestContent {
    /// A digest file.
    Digest(Box<DigestFile>),
    /// Something else.
    Fault(DigestFault),
    /// The file cannot be read, and why.
    Unavailable(String),
}

/// The content of a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFileContent {
    /// SHA-256 of the inflated content, in hex.
    Sha256(String),
    /// The file cannot be inflated to its end, or has more behind its end.
    Damaged,
    /// The file cannot be read, and why.
    Unavailable(String),
}

/// How a damaged log file is kept, where others have their hash.
const DAMAGED: &str = "damaged";

impl LogFileContent {
    /// The content of a log file that inflates to `text`, and why that ended early, if it did.
    pub fn of(text: &[u8], fault: Option<UnreadableReason>) -> Self {
        match fault {
            None => Self::Sha256(hex(&Sha256::digest(text))),
            Some(UnreadableReason::TooLarge) => {
                Self::Unavailable("it is larger than `limits.log_file_mib` allows".to_owned())
            }
            Some(_) => Self::Damaged,
        }
    }

    /// The content as it is kept: the hash, or `damaged`. A file that cannot be read is not kept.
    pub fn to_kept(&self) -> Option<&str> {
        match self {
            Self::Sha256(hash) => Some(hash),
            Self::Damaged => Some(DAMAGED),
            Self::Unavailable(_) => None,
        }
    }

    /// The content that was kept as this.
    pub fn from_kept(kept: String) -> Self {
        if kept == DAMAGED { Self::Damaged } else { Self::Sha256(kept) }
    }
}

/// The content of log files by path or URI.
pub type LogFileHashes = BTreeMap<String, LogFileContent>;

/// The files of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailFiles {
    /// Digest files.
    pub digests: Vec<DigestObject>,
    /// Names of all other files, by their last part. A log file may have several copies.
    others: BTreeMap<String, Vec<String>>,
    /// Log files by name.
    pub(super) logs: Vec<(String, LogFileName)>,
}

impl DigestObject {
    /// The digest file, if the object is one.
    pub fn file(&self) -> Option<&DigestFile> {
        match &self.content {
            DigestContent::Digest(file) => Some(file),
            DigestContent::Fault(_) | DigestContent::Unavailable(_) => None,
        }
    }
}

impl TrailFiles {
    /// Adds a file that is not a digest file. `log` is what the name of a log file says.
    pub fn add_other(&mut self, name: &str, log: Option<LogFileName>) {
        self.others.entry(base_name(name).to_owned()).or_default().push(name.to_owned());
        if let Some(log) = log {
            self.logs.push((name.to_owned(), log));
        }
    }

    /// Adds the metadata of digest files by object key, where the source has none.
    pub fn add_metadata(&mut self, by_key: BTreeMap<String, DigestMetadata>) {
        let by_name: BTreeMap<&str, (&String, &DigestMetadata)> =
            by_key.iter().map(|(key, metadata)| (base_name(key), (key, metadata))).collect();
        for digest in self.digests.iter_mut().filter(|digest| digest.metadata.signature.is_none()) {
            match by_name.get(base_name(&digest.name)) {
                Some((key, metadata)) if is_at_key(&digest.name, key) => {
                    digest.metadata = (*metadata).clone()
                }
                _ => {}
            }
        }
    }

    /// The files that may be the object of this key.
    pub(super) fn copies(&self, key: &str) -> &[String] {
        self.others.get(base_name(key)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The digest files that are verified, with the chain of each.
    fn verified(&self, task: VerificationTask<'_>) -> impl Iterator<Item = (&ChainName, &DigestFile)> {
        self.digests
            .iter()
            .filter(move |digest| task.selection.includes(&digest.of.chain))
            .filter_map(|digest| Some((&digest.of.chain, digest.file()?)))
            .filter(move |(_, file)| task.overlaps(file.start, file.end))
    }

    /// Names of the files that the digest files in the window list.
    pub fn listed_log_files(&self, task: VerificationTask<'_>) -> BTreeSet<&str> {
        let logs = self.verified(task).flat_map(|(_, file)| &file.log_files);
        logs.flat_map(|log| self.copies(&log.key)).map(String::as_str).collect()
    }

    /// The end of the newest digest file that a task selects.
    pub fn newest_digest_end(&self, selection: &Selection) -> Option<Time> {
        let selected = self.digests.iter().filter(|digest| selection.includes(&digest.of.chain));
        selected.map(|digest| digest.of.end).max()
    }

    /// The public keys of the digest files in the window that are not among those of the task.
    pub fn unknown_keys(&self, task: VerificationTask<'_>) -> Vec<UnknownKey> {
        let mut unknown: BTreeMap<(&str, &str), UnknownKey> = BTreeMap::new();
        for (chain, file) in self.verified(task) {
            if task.keys.get(&file.key_fingerprint).is_some() || task.listed_regions.contains(&*chain.region)
            {
                continue;
            }
            // A backfill digest file is signed when it is made, long after its window.
            let signed_by = if chain.is_backfill { task.now } else { file.end };
            let key = unknown.entry((&file.key_fingerprint, &chain.region)).or_insert_with(|| UnknownKey {
                fingerprint: file.key_fingerprint.clone(),
                region: chain.region.to_string(),
                first: file.end,
                last: signed_by,
            });
            key.first = key.first.min(file.end);
            key.last = key.last.max(signed_by);
        }
        unknown.into_values().collect()
    }
}
