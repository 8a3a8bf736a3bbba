//! Verifies the log files of a sweep with the hashes of the reading pass.
//!
//! Enters: the files of a source, the content of the log files as the sweep read them, the period of the evidence, public keys. Leaves:
//! [`IntegritySummary`]. Laws: a log file that the sweep read is not read again; what is verified is the content that the evidence
//! was taken from.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt,
};

use super::{
    gather::GatherOptions,
    verify_trail::{FileProgress, TrailReader},
};
use crate::{
    log_integrity::{
        DigestMetadata, IntegritySummary, LogFileHashes, PublicKeys, Selection, SignatureCheck,
        TrailFileName, UnknownKey, VerificationTask, verify,
    },
    ports::{LogSource, ObjectMetadata, ProcessedObject, StoredObject},
    time::{HOUR_SECONDS, Time},
};

/// All public keys that are known, and the regions of which these are all keys.
pub type KnownKeys = (PublicKeys, BTreeSet<String>);

/// Why public keys cannot be had.
pub type KeysError = Box<dyn Error + Send + Sync>;

/// Gives the public keys. Receives what names those that are needed beyond the known ones, and returns all that are known then.
pub type KeySource<'a> = &'a dyn Fn(UnknownKeys<'_>) -> Result<KnownKeys, KeysError>;

/// The public keys that are needed beyond these.
pub type UnknownKeys<'a> = &'a dyn Fn(&PublicKeys) -> Vec<UnknownKey>;

/// How the log files of a sweep are verified.
#[derive(Clone, Copy)]
pub struct SweepVerification<'a> {
    /// The metadata of digest files, if the source has any.
    pub metadata: Option<&'a dyn ObjectMetadata>,
    /// The metadata of digest files by object key, where the source has none.
    pub signatures: &'a BTreeMap<String, DigestMetadata>,
    /// Gives the public keys.
    pub keys: KeySource<'a>,
    /// Verifies a signature.
    pub check: SignatureCheck<'a>,
    /// The time.
    pub now: Time,
    /// Receives how many digest files were read, and of how many.
    pub progress: FileProgress<'a>,
}

impl fmt::Debug for SweepVerification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SweepVerification").field("now", &self.now).finish_non_exhaustive()
    }
}

/// What a sweep read and kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct SweptFiles<'a> {
    /// Every file of the source.
    pub listed: &'a [StoredObject],
    /// Files that were read in this sweep.
    pub fresh: &'a [ProcessedObject],
    /// Files with evidence of earlier sweeps.
    pub old: &'a [ProcessedObject],
}

/// Whether a log file of earlier sweeps must be read again, because its content was not hashed.
pub(super) fn lacks_hash(read: &ProcessedObject) -> bool {
    read.content.is_none() && matches!(TrailFileName::parse(&read.object.name), Some(TrailFileName::Log(_)))
}

impl SweepVerification<'_> {
    /// Verifies the log files behind the evidence from `since` to `until`.
    pub(super) fn verify(
        &self,
        source: &dyn LogSource,
        files: SweptFiles<'_>,
        (since, until): (Time, Time),
        selection: &Selection,
        options: GatherOptions,
    ) -> Result<IntegritySummary, KeysError> {
        // CloudTrail may deliver events in the hour after them.
        let most = Time(until.0.saturating_add(HOUR_SECONDS)).min(self.now);
        let listed = files.listed.to_vec();
        let mut reader =
            TrailReader::of_objects(source, listed, self.metadata, Some(since), most, options, self.progress);
        reader.files.add_metadata(self.signatures.clone());
        let names: BTreeSet<&str> = files.listed.iter().map(|object| &*object.name).collect();
        let mut hashes = LogFileHashes::new();
        for read in files.fresh.iter().chain(files.old) {
            let name = &read.object.name;
            if !names.contains(&**name)
                && let Some(TrailFileName::Log(log)) = TrailFileName::parse(name)
            {
                // It is gone from the source, and its evidence counts.
                reader.files.add_other(name, Some(log));
            }
            if let Some(content) = &read.content {
                hashes.insert(name.clone(), content.clone());
            }
        }
        // In the hour after the period only digest files that are there count: none is expected yet.
        let newest = reader.files.newest_digest_end(selection).unwrap_or(until);
        let (no_key, no_region) = (PublicKeys::default(), BTreeSet::new());
        let task = VerificationTask {
            since: Some(since),
            until: Some(most.min(newest.max(until))),
            now: self.now,
            selection,
            keys: &no_key,
            listed_regions: &no_region,
            check: self.check,
        };
        let unknown =
            |known: &PublicKeys| reader.files.unknown_keys(VerificationTask { keys: known, ..task });
        let (keys, listed_regions) = (self.keys)(&unknown)?;
        let task = VerificationTask { keys: &keys, listed_regions: &listed_regions, ..task };
        let hashes = reader.hash_other_log_files(task, hashes, self.progress);
        Ok(IntegritySummary::of(&verify(&reader.files, &hashes, task)))
    }
}
