//! From the files of a trail to the result.
//!
//! Enters: the digest files, the names of all other files, the hashes of log files, keys, signatures, a window and a
//! clock reading. Leaves: [`TrailIntegrity`]. Laws: the digest files that overlap the window are verified, and no others; the
//! newest is held against the clock; the order of the files changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    DigestFault, DigestFile, DigestMetadata, DigestName, LogFileName, PublicKeys,
    chain::verify_chain,
    hours::hours_of,
    log_files::unlisted_log_files,
    object_name::{ChainName, base_name, is_at_key},
    result::{
        ChainIntegrity, DigestIntegrity, IntegrityProblem, IntegrityResult, IntegrityStatus, IntegrityTotals,
        IntegrityWindow, ProblemKind, TRAIL_INTEGRITY_SCHEMA_VERSION, TrailIntegrity, UnknownKey,
    },
};
use crate::time::{HOUR_SECONDS, Time};

/// How long after the end of its window a digest file may be delivered: two hours. CloudTrail delivers one each hour and
/// gives no limit, so this is Onlooker's own choice.
pub const DIGEST_DELIVERY_SECONDS: u32 = 2 * HOUR_SECONDS;

/// Whether a public key (RSAPublicKey in DER), a text and a signature belong together, by SHA256withRSA (PKCS #1 v1.5).
pub type SignatureCheck<'a> = &'a (dyn Fn(&[u8], &[u8], &[u8]) -> bool + Sync);

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

/// Restricts a verification, and says what must be there. An empty set stands for everything that is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Accounts.
    pub accounts: BTreeSet<String>,
    /// Regions.
    pub regions: BTreeSet<String>,
    /// Names of trails.
    pub trails: BTreeSet<String>,
}

/// What is verified, and with what.
#[derive(Clone, Copy)]
pub struct VerificationTask<'a> {
    /// First second of the window; without it each chain is verified from its oldest digest file.
    pub since: Option<Time>,
    /// First second after the window; without it the window ends now.
    pub until: Option<Time>,
    /// The time.
    pub now: Time,
    /// What is verified.
    pub selection: &'a Selection,
    /// Public keys.
    pub keys: &'a PublicKeys,
    /// Regions of which `keys` has all keys, because CloudTrail listed them.
    pub listed_regions: &'a BTreeSet<String>,
    /// Verifies a signature.
    pub check: SignatureCheck<'a>,
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

impl Selection {
    pub(super) fn includes_pair(&self, account: &str, region: &str) -> bool {
        (self.accounts.is_empty() || self.accounts.contains(account))
            && (self.regions.is_empty() || self.regions.contains(region))
    }

    /// Whether a chain is verified.
    pub fn includes(&self, chain: &ChainName) -> bool {
        self.includes_pair(&chain.account, &chain.region)
            && (self.trails.is_empty() || self.trails.contains(&*chain.trail))
    }

    /// Accounts and regions that were named and of which no chain is among `found`. The region is empty if none was named.
    fn absent(&self, found: &BTreeSet<(String, String)>) -> Vec<(String, String)> {
        let accounts: BTreeSet<&String> = match self.accounts.is_empty() {
            true => found.iter().map(|(account, _)| account).collect(),
            false => self.accounts.iter().collect(),
        };
        let mut absent = Vec::new();
        for account in accounts {
            if self.regions.is_empty() && !found.iter().any(|(known, _)| known == account) {
                absent.push((account.clone(), String::new()));
            }
            let pairs = self.regions.iter().map(|region| (account.clone(), region.clone()));
            absent.extend(pairs.filter(|pair| !found.contains(pair)));
        }
        absent
    }
}

impl VerificationTask<'_> {
    pub(super) fn until(&self) -> Time {
        self.until.unwrap_or(self.now)
    }

    /// Digest files with windows up to here are expected.
    pub(super) fn expected_until(&self) -> Time {
        self.until().min(Time(self.now.0.saturating_sub(DIGEST_DELIVERY_SECONDS)))
    }

    /// Whether a window of a digest file overlaps that of the verification.
    pub fn overlaps(&self, start: Time, end: Time) -> bool {
        start < self.until() && self.since.is_none_or(|since| end > since)
    }
}

/// Verifies the files of a trail. `hashes` has the content of the files that [`TrailFiles::listed_log_files`] names.
pub fn verify(files: &TrailFiles, hashes: &LogFileHashes, task: VerificationTask<'_>) -> TrailIntegrity {
    let mut by_chain: BTreeMap<&ChainName, Vec<&DigestObject>> = BTreeMap::new();
    for digest in &files.digests {
        if task.selection.includes(&digest.of.chain) {
            by_chain.entry(&digest.of.chain).or_default().push(digest);
        }
    }
    let mut unknown_signatures = BTreeSet::new();
    let mut chains: Vec<ChainIntegrity> = by_chain
        .into_iter()
        .map(|(name, digests)| verify_chain(name, digests, files, hashes, task, &mut unknown_signatures))
        .collect();
    let found: BTreeSet<(String, String)> = chains
        .iter()
        .filter(|chain| !chain.is_backfill)
        .map(|chain| (chain.account.clone(), chain.region.clone()))
        .collect();
    let absent = task.selection.absent(&found);
    chains.extend(absent.into_iter().map(|(account, region)| absent_chain(account, region, task)));
    chains.sort_unstable();
    let mut totals = IntegrityTotals::default();
    chains.iter().for_each(|chain| totals.add(chain.totals));
    let unlisted = unlisted_log_files(files, task);
    let oldest = chains.iter().flat_map(|chain| chain.digests.iter().map(|digest| digest.from)).min();
    TrailIntegrity {
        schema_version: TRAIL_INTEGRITY_SCHEMA_VERSION,
        result: result_of(&totals, unlisted.summary.count),
        window: IntegrityWindow {
            since: task.since.or(oldest),
            until: task.until(),
            since_is_inferred: task.since.is_none(),
            expected_until: task.expected_until(),
        },
        checked_at: task.now,
        totals,
        hours: hours_of(&chains, &unlisted.delivered, task),
        chains,
        unlisted: unlisted.summary,
        unknown_keys: files.unknown_keys(task),
        unknown_signatures: unknown_signatures.into_iter().collect(),
    }
}

const fn result_of(totals: &IntegrityTotals, unlisted: u64) -> IntegrityResult {
    if totals.digests_tampered + totals.log_files_tampered > 0 {
        IntegrityResult::Tampered
    } else if totals.digests_verified + totals.digests_unverified == 0 {
        IntegrityResult::NothingFound
    } else if totals.digests_missing + totals.log_files_missing > 0 {
        IntegrityResult::Gap
    } else if totals.digests_unverified + totals.log_files_unverified + unlisted > 0 {
        IntegrityResult::Unverified
    } else {
        IntegrityResult::Verified
    }
}

/// Hours that are named one by one: two years. A longer gap, which a wrong time may make, ends with one window for the rest.
pub(super) const MAX_HOURS: u32 = 2 * 366 * 24;

/// The windows between two times for which a digest file is missing, of an hour each.
pub(super) fn missing_windows(from: Time, until: Time) -> Vec<DigestIntegrity> {
    let mut missing = Vec::new();
    let mut from = from;
    while from < until {
        let is_rest = missing.len() >= MAX_HOURS as usize;
        let end = if is_rest { until } else { Time(from.0.saturating_add(HOUR_SECONDS)).min(until) };
        missing.push(missing_window(from, end, None));
        from = end;
    }
    missing
}

pub(super) fn missing_window(from: Time, until: Time, key: Option<&str>) -> DigestIntegrity {
    DigestIntegrity {
        from,
        until,
        status: IntegrityStatus::Missing,
        file: key.map(str::to_owned),
        log_files: 0,
        problems: vec![IntegrityProblem::new(ProblemKind::DigestMissing, key.unwrap_or_default())],
    }
}

/// An account and region that was named and has no digest file.
fn absent_chain(account: String, region: String, task: VerificationTask<'_>) -> ChainIntegrity {
    let until = task.expected_until();
    let since = task.since.unwrap_or(Time(until.0.saturating_sub(HOUR_SECONDS)));
    let digests = missing_windows(since, until);
    let totals = IntegrityTotals { digests_missing: digests.len() as u64, ..IntegrityTotals::default() };
    ChainIntegrity {
        account,
        region,
        trail: String::new(),
        home_region: String::new(),
        organization: None,
        bucket: String::new(),
        prefix: String::new(),
        is_backfill: false,
        status: IntegrityStatus::Missing,
        begins_at: Vec::new(),
        digests,
        totals,
    }
}
