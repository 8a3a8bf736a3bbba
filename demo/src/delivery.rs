//! Log files as CloudTrail delivers them.
//!
//! Enters: the calls of one delivery. Leaves: the key, the JSON and the gzip bytes of the log file. Law: the same
//! calls give the same bytes; the gzip header contains neither a name nor a time.

use libdeflater::{CompressionLvl, Compressor};

use super::random::SeededRandom;
use super::record::{DemoCall, DemoContext};
use super::utc_time::UtcTime;

/// Id of the organization of the trail.
pub const ORGANIZATION_ID: &str = "o-lk7f2q9x4m";
/// Random stream of the sixteen letters at the end of a log file's name.
const NAME_STREAM: u64 = 4;

/// One object of a trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailObject {
    /// Key of the log file in the bucket and its path in the output directory.
    pub key: String,
    /// Gzip bytes of the log file.
    pub bytes: Vec<u8>,
    /// Number of readable records; 0 for a digest file or a truncated log file.
    pub records: u64,
}

/// One delivery: calls of one account and region.
#[derive(Clone, Debug, Default)]
pub struct LogDelivery {
    /// Number of the delivery, unique in the trail.
    pub number: u64,
    /// Index of the account.
    pub account: usize,
    /// Index of the region.
    pub region: usize,
    /// When the log file was delivered.
    pub delivered_at: u64,
    /// The calls of the delivery, in order.
    pub calls: Vec<DemoCall>,
    /// Whether its log file is truncated.
    pub is_truncated: bool,
}

impl LogDelivery {
    /// Key of the log file.
    pub fn key(&self, cast: &DemoContext) -> String {
        let (account, region, at) =
            (cast.account(self.account), cast.region(self.region), UtcTime::from_seconds(self.delivered_at));
        let (folders, minute) = (at.date_path(), at.to_compact_minutes());
        let mut out = format!(
            "AWSLogs/{ORGANIZATION_ID}/{account}/CloudTrail/{region}/{folders}/{account}_CloudTrail_{region}_{minute}_"
        );
        SeededRandom::of(cast.seed, NAME_STREAM, self.number).alnum(&mut out, 16);
        out.push_str(".json.gz");
        out
    }

    /// The uncompressed content of the log file.
    pub fn content(&self, cast: &DemoContext) -> String {
        let mut out = String::with_capacity(64 + self.calls.len() * 1_500);
        out.push_str(r#"{"Records":["#);
        for (at, call) in self.calls.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            call.push_record(&mut out, cast);
        }
        out.push_str("]}");
        out
    }

    /// The log file with this content.
    pub fn object(&self, cast: &DemoContext, content: &str, gzip: &mut GzipEncoder) -> TrailObject {
        let mut bytes = gzip.compress(content.as_bytes());
        if self.is_truncated {
            // Two thirds: the header and much of the text, but never the checksum.
            bytes.truncate(bytes.len() / 3 * 2);
        }
        let records = if self.is_truncated { 0 } else { self.calls.len() as u64 };
        TrailObject { key: self.key(cast), bytes, records }
    }
}

/// A gzip compressor that is reused for all objects.
pub struct GzipEncoder(Compressor);

impl GzipEncoder {
    /// A compressor at gzip's usual level.
    pub fn new() -> Self {
        Self(Compressor::new(CompressionLvl::default()))
    }

    /// The gzip bytes of `content`.
    pub fn compress(&mut self, content: &[u8]) -> Vec<u8> {
        let mut room = self.0.gzip_compress_bound(content.len());
        loop {
            let mut bytes = vec![0; room];
            // The only possible failure is a small buffer, which the bound rules out, so the loop ends.
            if let Ok(length) = self.0.gzip_compress(content, &mut bytes) {
                bytes.truncate(length);
                return bytes;
            }
            room = room * 2 + 64;
        }
    }
}
