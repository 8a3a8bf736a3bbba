//! The result of a verification, as a value.
//!
//! Enters: what was found of chains, digest files, log files and hours. Leaves: [`TrailIntegrity`], which is also the
//! JSON of `onlooker verify trail`. Law: a number counts each
//! file once.

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::problem::{IntegrityProblem, IntegrityStatus};
use crate::time::{Hour, Time};

/// Version of the shape of a [`TrailIntegrity`]; the first number changes if a field loses its meaning.
pub const TRAIL_INTEGRITY_SCHEMA_VERSION: &str = "1.0";

/// The result for all files, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntegrityResult {
    /// The chains have no gap, every signature is valid, and every log file is as CloudTrail delivered it.
    Verified,
    /// The chains have no gap and nothing was tampered with, as far as could be verified; not all could.
    Unverified,
    /// Digest files or log files are missing, or a chain that is expected.
    Gap,
    /// The window has no digest file.
    NothingFound,
    /// A file is not as CloudTrail delivered it.
    Tampered,
}

/// One digest file of a chain, or the place of a missing one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct DigestIntegrity {
    /// First second of the window.
    pub from: Time,
    /// First second after the window.
    pub until: Time,
    /// What was proven of the digest file and of the log files that it lists.
    pub status: IntegrityStatus,
    /// Path or URI of the digest file; of a missing one its object key, if the following digest file names it.
    pub file: Option<String>,
    /// Number of log files that the digest file lists.
    pub log_files: u64,
    /// What is wrong with the digest file and with the log files that it lists.
    pub problems: Vec<IntegrityProblem>,
}

/// The digest files of one trail, account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ChainIntegrity {
    /// Account of the log files.
    pub account: String,
    /// Region of the log files.
    pub region: String,
    /// Name of the trail; empty for an account and region without a chain.
    pub trail: String,
    /// Home region of the trail.
    pub home_region: String,
    /// The organization in the object keys.
    pub organization: Option<String>,
    /// Bucket to which CloudTrail delivered the digest files.
    pub bucket: String,
    /// Prefix of the object keys before `AWSLogs`.
    pub prefix: String,
    /// Whether this is a chain of backfill digest files.
    pub is_backfill: bool,
    /// The worst status of its digest files.
    pub status: IntegrityStatus,
    /// Times at which the chain begins anew: its digest file names none before it. It begins with the trail, or when log file
    /// validation is enabled.
    pub begins_at: Vec<Time>,
    /// Its digest files in the window, and the missing ones, by time.
    pub digests: Vec<DigestIntegrity>,
    /// Its totals.
    pub totals: IntegrityTotals,
}

/// Numbers by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct IntegrityTotals {
    /// Digest files with a valid signature, in their place in the chain.
    pub digests_verified: u64,
    /// Digest files with a signature that could not be verified.
    pub digests_unverified: u64,
    /// Windows without a digest file.
    pub digests_missing: u64,
    /// Digest files that are not as CloudTrail delivered them.
    pub digests_tampered: u64,
    /// Log files with the hash in a verified digest file.
    pub log_files_verified: u64,
    /// Log files with the hash in a digest file that is not verified, or that cannot be read.
    pub log_files_unverified: u64,
    /// Listed log files that are missing.
    pub log_files_missing: u64,
    /// Log files that are not as CloudTrail delivered them.
    pub log_files_tampered: u64,
}

impl IntegrityTotals {
    pub(super) const fn add(&mut self, other: Self) {
        self.digests_verified += other.digests_verified;
        self.digests_unverified += other.digests_unverified;
        self.digests_missing += other.digests_missing;
        self.digests_tampered += other.digests_tampered;
        self.log_files_verified += other.log_files_verified;
        self.log_files_unverified += other.log_files_unverified;
        self.log_files_missing += other.log_files_missing;
        self.log_files_tampered += other.log_files_tampered;
    }

    pub(super) const fn count_digest(&mut self, status: IntegrityStatus) {
        *match status {
            IntegrityStatus::Verified => &mut self.digests_verified,
            IntegrityStatus::Unverified => &mut self.digests_unverified,
            IntegrityStatus::Missing => &mut self.digests_missing,
            IntegrityStatus::Tampered => &mut self.digests_tampered,
        } += 1;
    }

    pub(super) const fn count_log_file(&mut self, status: IntegrityStatus) {
        *match status {
            IntegrityStatus::Verified => &mut self.log_files_verified,
            IntegrityStatus::Unverified => &mut self.log_files_unverified,
            IntegrityStatus::Missing => &mut self.log_files_missing,
            IntegrityStatus::Tampered => &mut self.log_files_tampered,
        } += 1;
    }
}

/// The status of an hour of an account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct HourIntegrity {
    /// Account.
    pub account: String,
    /// Region.
    pub region: String,
    /// The hour.
    pub hour: Hour,
    /// What was proven of the log files that CloudTrail delivered in the hour.
    pub status: IntegrityStatus,
}

/// The window of a verification. The digest files that overlap it were verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct IntegrityWindow {
    /// First second; absent if none was requested and no digest file was found.
    pub since: Option<Time>,
    /// First second after the window.
    pub until: Time,
    /// Whether `since` was not requested: each chain is verified from its oldest digest file.
    pub since_is_inferred: bool,
    /// Digest files with windows up to here are expected. It is earlier than `until` if CloudTrail may not have
    /// delivered the newest ones yet.
    pub expected_until: Time,
}

/// Log files that no digest file lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct UnlistedLogFiles {
    /// Log files in the window that a digest file should list and does not.
    pub count: u64,
    /// The first thousand of them by name.
    pub files: Vec<String>,
    /// Number of log files that are newer than the newest digest file.
    pub not_yet_listed: u64,
}

/// A public key that is needed and not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct UnknownKey {
    /// Its fingerprint, as the digest files state it.
    pub fingerprint: String,
    /// A region of digest files that are signed with it.
    pub region: String,
    /// The earliest time at which such a digest file may have been signed.
    pub first: Time,
    /// The latest such time.
    pub last: Time,
}

/// Whether the files of a trail are as CloudTrail delivered them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrailIntegrity {
    /// Version of this shape.
    pub schema_version: &'static str,
    /// The result for all files.
    pub result: IntegrityResult,
    /// The window that was verified.
    pub window: IntegrityWindow,
    /// The clock reading against which the newest digest files were held.
    pub checked_at: Time,
    /// Totals of all chains.
    pub totals: IntegrityTotals,
    /// The chains, by account, region and trail.
    pub chains: Vec<ChainIntegrity>,
    /// The whole hours in the window, by account, region and hour.
    pub hours: Vec<HourIntegrity>,
    /// Log files that no digest file lists.
    pub unlisted: UnlistedLogFiles,
    /// Public keys that are needed and not known.
    pub unknown_keys: Vec<UnknownKey>,
    /// Object keys of digest files with a signature that is needed and not known.
    pub unknown_signatures: Vec<String>,
}

/// The published JSON schema of what `onlooker verify trail --format json` prints.
pub fn schema() -> Schema {
    schemars::schema_for!(TrailIntegrity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json::{escape_json, tests::assert_schema_is_current};

    #[test]
    fn the_published_schema_is_current() {
        let text = serde_json::to_string_pretty(&schema()).unwrap();
        assert_schema_is_current(
            "trail-integrity.schema.json",
            TRAIL_INTEGRITY_SCHEMA_VERSION,
            &escape_json(text),
        );
    }
}
