//! Digest files: CloudTrail's hourly list of the log files it delivered.
//!
//! Enters: the log files of one account and region, hour by hour. Leaves: one digest file for each hour, which names
//! the one before it. Law: a hash is the SHA-256 of uncompressed content. Signatures are null, because only AWS can
//! create them: the digest files form a chain, but they do not prove integrity. Format: AWS CloudTrail user guide,
//! "CloudTrail digest file structure", read 2026-11.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::delivery::{GzipEncoder, LogDelivery, ORGANIZATION_ID, TrailObject};
use super::record::DemoContext;
use super::utc_time::{HOUR, UtcTime};

/// Name of the organization's trail.
pub const TRAIL_NAME: &str = "larkspur-organization";
/// Bucket that the trail delivers to.
pub const BUCKET: &str = "larkspur-cloudtrail";

/// The chain of digest files of one account and region.
#[derive(Clone, Debug)]
pub struct DigestChain {
    account: usize,
    region: usize,
    previous: Option<PreviousDigest>,
    logs: String,
    span: Option<(u64, u64)>,
}

/// The reference to the previous digest file.
#[derive(Clone, Debug)]
struct PreviousDigest {
    key: String,
    hash: String,
}

impl DigestChain {
    /// A chain without digest files.
    pub const fn new(account: usize, region: usize) -> Self {
        Self { account, region, previous: None, logs: String::new(), span: None }
    }

    /// Adds a log file delivered in the current hour.
    pub fn add_log(&mut self, cast: &DemoContext, delivery: &LogDelivery, content: &str) {
        let times = || delivery.calls.iter().map(|call| call.at);
        let (oldest, newest) =
            (times().min().unwrap_or(delivery.delivered_at), times().max().unwrap_or(delivery.delivered_at));
        let (low, high) = self.span.unwrap_or((oldest, newest));
        self.span = Some((low.min(oldest), high.max(newest)));
        let (key, hash) = (delivery.key(cast), sha256(content.as_bytes()));
        let (newest, oldest) =
            (UtcTime::from_seconds(newest).to_iso(), UtcTime::from_seconds(oldest).to_iso());
        let comma = if self.logs.is_empty() { "" } else { "," };
        let _ = write!(
            self.logs,
            r#"{comma}{{"s3Bucket":"{BUCKET}","s3Object":"{key}","hashValue":"{hash}","hashAlgorithm":"SHA-256","newestEventTime":"{newest}","oldestEventTime":"{oldest}"}}"#
        );
    }

    /// Ends the hour that began at `start` and returns its digest file.
    pub fn finish_hour(&mut self, cast: &DemoContext, start: u64, gzip: &mut GzipEncoder) -> TrailObject {
        let (account, region) = (cast.account(self.account), cast.region(self.region));
        let key = digest_key(account, region, cast.region(0), start + HOUR);
        let (began, ended) =
            (UtcTime::from_seconds(start).to_iso(), UtcTime::from_seconds(start + HOUR).to_iso());
        let (oldest, newest) = self.span.take().unzip();
        let (oldest, newest) = (
            oldest.map(|at| UtcTime::from_seconds(at).to_iso()),
            newest.map(|at| UtcTime::from_seconds(at).to_iso()),
        );
        let previous = self.previous.as_ref();
        let fields = [
            ("awsAccountId", Some(account)),
            ("digestStartTime", Some(&*began)),
            ("digestEndTime", Some(&*ended)),
            ("digestS3Bucket", Some(BUCKET)),
            ("digestS3Object", Some(&*key)),
            ("digestPublicKeyFingerprint", Some("00000000000000000000000000000000")),
            ("digestSignatureAlgorithm", Some("SHA256withRSA")),
            ("newestEventTime", newest.as_deref()),
            ("oldestEventTime", oldest.as_deref()),
            ("previousDigestS3Bucket", previous.map(|_| BUCKET)),
            ("previousDigestS3Object", previous.map(|link| &*link.key)),
            ("previousDigestHashValue", previous.map(|link| &*link.hash)),
            ("previousDigestHashAlgorithm", previous.map(|_| "SHA-256")),
            ("previousDigestSignature", None),
        ];
        let mut content = String::from("{");
        for (name, value) in fields {
            let _ = match value {
                Some(value) => write!(content, r#""{name}":"{value}","#),
                None => write!(content, r#""{name}":null,"#),
            };
        }
        let _ = write!(content, r#""logFiles":[{}]}}"#, std::mem::take(&mut self.logs));
        // CloudTrail escapes the slashes in digest files, so readers must accept it.
        let content = content.replace('/', "\\/");
        self.previous = Some(PreviousDigest { key: key.clone(), hash: sha256(content.as_bytes()) });
        TrailObject { key, bytes: gzip.compress(content.as_bytes()), records: 0 }
    }
}

/// Key of the digest file that ends at `end`.
fn digest_key(account: &str, region: &str, home: &str, end: u64) -> String {
    let (folders, second) =
        (UtcTime::from_seconds(end).date_path(), UtcTime::from_seconds(end).to_compact_seconds());
    format!(
        "AWSLogs/{ORGANIZATION_ID}/{account}/CloudTrail-Digest/{region}/{folders}/{account}_CloudTrail-Digest_{region}_{TRAIL_NAME}_{home}_{second}.json.gz"
    )
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
