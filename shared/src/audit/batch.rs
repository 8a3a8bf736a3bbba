//! Batches: the form in which entries are stored.
//!
//! Enters: the lines of entries and the hash of the batch before. Leaves: an object: one gzip stream of JSON lines, the
//! first of which is the [`BatchHeader`]. Laws: the hash of a batch is that of the object as it is stored, so that
//! `sha256sum` computes it; decoding gives the entries that were encoded; no more than [`MAX_BATCH_BYTES`] are inflated;
//! equal input gives equal bytes.

use std::{collections::BTreeMap, fmt, sync::Arc};

use flate2::{Decompress, FlushDecompress};
use libdeflater::{CompressionLvl, Compressor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::entry::{AuditKind, AuditTrailEntry};
use crate::{event::Outcome, hex::hex, operation::RiskLevel, record::Inflater, time::Time};

/// Key prefix of all batches.
pub const PREFIX: &str = "audit/";

/// The hash that the first batch of a chain names as the one before.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Largest size of a batch after inflating.
pub const MAX_BATCH_BYTES: usize = 256 << 20;

/// Version of the form of a batch.
const VERSION: u32 = 1;

/// The key of a batch: `audit/dt=<day>/<chain>_<sequence>.jsonl.gz`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchKey {
    /// Day on which the batch was written.
    pub day: String,
    /// Id of the chain: a UUID.
    pub chain: String,
    /// Number of the batch in its chain, from 0.
    pub sequence: u64,
}

impl BatchKey {
    /// The key of an object; `None` if it is not the key of a batch.
    pub fn parse(key: &str) -> Option<Self> {
        let (day, name) = key.strip_prefix(PREFIX)?.strip_prefix("dt=")?.split_once('/')?;
        let (chain, sequence) = name.strip_suffix(".jsonl.gz")?.split_once('_')?;
        let parsed = Self {
            day: day.to_owned(),
            chain: uuid::Uuid::try_parse(chain).ok()?.hyphenated().to_string(),
            sequence: sequence.parse().ok()?,
        };
        (parsed.to_string() == key).then_some(parsed)
    }
}

impl fmt::Display for BatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}dt={}/{}_{:010}.jsonl.gz", self.day, self.chain, self.sequence)
    }
}

/// The beginnings of the keys of batches that were written on the days of a period, in order.
pub fn day_prefixes(since: Time, until: Time) -> impl Iterator<Item = String> {
    const DAY_SECONDS: u32 = 86_400;
    (since.0 / DAY_SECONDS..=until.0 / DAY_SECONDS).map(|day| {
        let date = Time(day.saturating_mul(DAY_SECONDS)).timestamp().strftime("%Y-%m-%d").to_string();
        format!("{PREFIX}dt={date}/")
    })
}

/// The first line of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchHeader {
    /// Version of the form.
    pub version: u32,
    /// Id of the chain. Each execution environment of a function and each command has a chain of its own.
    pub chain: String,
    /// Number of the batch in its chain, from 0.
    pub sequence: u64,
    /// SHA-256 of the batch before, in hex; of the first batch 64 zeros.
    pub previous: String,
    /// When the batch was written.
    pub written_at: Time,
    /// SHA-256 of the lines after this one, in hex.
    pub entries_sha256: String,
    /// What the entries are about.
    pub counts: BatchCounts,
}

/// Version of the shape of [`BatchCounts`] as commands print them; the first number changes if a field loses its meaning.
pub const AUDIT_SUMMARY_SCHEMA_VERSION: &str = "1.0";

/// How many entries a batch has, by what they are about. A query reads only batches that can have what it looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchCounts {
    /// Number of entries.
    pub entries: u64,
    /// Earliest time of an entry.
    pub first: Time,
    /// Latest time of an entry.
    pub last: Time,
    /// Entries by kind.
    pub kinds: BTreeMap<AuditKind, u64>,
    /// Entries about calls by principal.
    pub principals: BTreeMap<Arc<str>, u64>,
    /// Entries about calls by operation.
    pub operations: BTreeMap<Arc<str>, u64>,
    /// Entries about calls by outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Entries about calls by severity.
    pub severities: BTreeMap<RiskLevel, u64>,
}

impl BatchCounts {
    fn add(&mut self, entry: &EntryLine) {
        let EntryLine { kind, timestamp, call, .. } = entry;
        let first = self.entries == 0;
        self.first = if first { *timestamp } else { self.first.min(*timestamp) };
        self.last = self.last.max(*timestamp);
        self.entries += 1;
        *self.kinds.entry(*kind).or_default() += 1;
        if let Some(call) = call {
            *self.principals.entry(Arc::clone(&call.principal)).or_default() += 1;
            *self.operations.entry(Arc::clone(&call.operation)).or_default() += 1;
            *self.outcomes.entry(call.outcome).or_default() += 1;
            *self.severities.entry(call.severity).or_default() += 1;
        }
    }

    /// Adds the counts of another batch.
    pub fn merge(&mut self, other: &Self) {
        if other.entries == 0 {
            return;
        }
        self.first = if self.entries == 0 { other.first } else { self.first.min(other.first) };
        self.last = self.last.max(other.last);
        self.entries += other.entries;
        add_counts(&mut self.kinds, &other.kinds);
        add_counts(&mut self.principals, &other.principals);
        add_counts(&mut self.operations, &other.operations);
        add_counts(&mut self.outcomes, &other.outcomes);
        add_counts(&mut self.severities, &other.severities);
    }
}

fn add_counts<K: Clone + Ord>(sums: &mut BTreeMap<K, u64>, counts: &BTreeMap<K, u64>) {
    for (key, count) in counts {
        *sums.entry(key.clone()).or_default() += count;
    }
}

/// An entry as a line, with what the header counts.
#[derive(Clone, Debug)]
pub struct EntryLine {
    /// The entry as JSON, without its id.
    json: String,
    kind: AuditKind,
    timestamp: Time,
    call: Option<CallFacts>,
}

#[derive(Clone, Debug)]
struct CallFacts {
    principal: Arc<str>,
    operation: Arc<str>,
    outcome: Outcome,
    severity: RiskLevel,
}

impl EntryLine {
    /// Bytes of the entry as JSON.
    pub(crate) const fn size(&self) -> usize {
        self.json.len()
    }

    /// The line of an entry.
    ///
    /// # Errors
    /// When the entry cannot be written as JSON; no entry is known to cause this.
    pub fn of(entry: &AuditTrailEntry) -> Result<Self, serde_json::Error> {
        let facts = |call: &super::AuditedCall| CallFacts {
            principal: Arc::clone(&call.user_identity.principal),
            operation: Arc::clone(&call.operation),
            outcome: call.outcome,
            severity: call.severity,
        };
        Ok(Self {
            json: serde_json::to_string(entry)?,
            kind: entry.kind,
            timestamp: entry.timestamp,
            call: entry.call.as_ref().map(facts),
        })
    }

    /// Principal of the call, if the entry is about one.
    pub fn principal(&self) -> Option<&Arc<str>> {
        self.call.as_ref().map(|call| &call.principal)
    }
}

/// A batch as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBatch {
    /// Its key.
    pub key: BatchKey,
    /// The object.
    pub bytes: Vec<u8>,
    /// SHA-256 of the object, in hex.
    pub sha256: String,
}

/// The batch of these entries, which follows the batch with the hash `previous`. Each entry gets its id:
/// `<chain>/<sequence>/<number in the batch>`.
pub fn seal_batch(
    chain: &str,
    sequence: u64,
    previous: &str,
    written_at: Time,
    compressor: &mut BatchCompressor,
    entries: &[EntryLine],
) -> SealedBatch {
    let mut counts = BatchCounts::default();
    let mut text = String::with_capacity(entries.iter().map(|entry| entry.json.len() + 80).sum());
    for (number, entry) in entries.iter().enumerate() {
        counts.add(entry);
        // An entry is an object with at least one field, so a comma follows the id.
        let fields = entry.json.strip_prefix('{').unwrap_or_default();
        text.push_str(&format!("{{\"audit_id\":\"{chain}/{sequence}/{number}\","));
        text.push_str(fields);
        text.push('\n');
    }
    let header = BatchHeader {
        version: VERSION,
        chain: chain.to_owned(),
        sequence,
        previous: previous.to_owned(),
        written_at,
        entries_sha256: hex(&Sha256::digest(&text)),
        counts,
    };
    // The header has only strings and numbers, so writing it cannot fail, and neither can writing to memory.
    let header = serde_json::to_string(&header).unwrap_or_default();
    let bytes = compressor.gzip(&[header.as_bytes(), b"\n", text.as_bytes()].concat());
    let day = written_at.timestamp().strftime("%Y-%m-%d").to_string();
    let sha256 = hex(&Sha256::digest(&bytes));
    SealedBatch { key: BatchKey { day, chain: chain.to_owned(), sequence }, bytes, sha256 }
}

/// Length below which a batch is stored without compression, in bytes. It would save some hundred bytes, and take a tenth of the time of
/// its writer.
const COMPRESSED_FROM: usize = 2 << 10;

/// Compresses batches. It has large tables, so a writer keeps it.
pub struct BatchCompressor {
    compressor: Compressor,
    /// Writes blocks without compression.
    storer: Compressor,
}

impl BatchCompressor {
    /// A compressor for a level of gzip; without such a level, for the usual one.
    pub fn new(level: u32) -> Self {
        let level = i32::try_from(level).ok().and_then(|level| CompressionLvl::new(level).ok());
        let stored = CompressionLvl::new(0).unwrap_or_default();
        Self { compressor: Compressor::new(level.unwrap_or_default()), storer: Compressor::new(stored) }
    }

    /// One gzip stream, without a time or a name in its header.
    fn gzip(&mut self, text: &[u8]) -> Vec<u8> {
        let is_short = text.len() < COMPRESSED_FROM;
        let compressor = if is_short { &mut self.storer } else { &mut self.compressor };
        let mut bytes = vec![0; compressor.gzip_compress_bound(text.len())];
        // The buffer has the size that is always enough.
        let length = compressor.gzip_compress(text, &mut bytes).unwrap_or_default();
        bytes.truncate(length);
        bytes
    }
}

/// Why the bytes of an object are not a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Not gzip, a damaged or truncated stream, or too large.
    #[error("not an intact gzip stream of at most {} MiB", MAX_BATCH_BYTES >> 20)]
    NotGzip,
    /// The first line is not the header of a batch.
    #[error("the first line is not the header of a batch")]
    NoHeader,
    /// Written by another version of the program.
    #[error("a batch of version {0}, which this program does not read")]
    Version(u32),
    /// The entries are not those that the header describes.
    #[error("the entries are not those that the header describes")]
    OtherEntries,
}

/// A batch that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditBatch {
    /// Its header.
    pub header: BatchHeader,
    /// The entries as JSON lines.
    pub lines: String,
}

impl AuditBatch {
    /// Decodes the bytes of an object.
    ///
    /// # Errors
    /// [`BatchError`].
    pub fn decode(stored: &[u8], inflater: &mut Inflater) -> Result<Self, BatchError> {
        let (text, fault) = inflater.inflate(stored, MAX_BATCH_BYTES);
        let text = std::str::from_utf8(text).ok().filter(|_| fault.is_none()).ok_or(BatchError::NotGzip)?;
        let (first, lines) = text.split_once('\n').ok_or(BatchError::NoHeader)?;
        let header = parse_header(first)?;
        let is_described = header.entries_sha256 == hex(&Sha256::digest(lines))
            && header.counts.entries == lines.lines().count() as u64;
        if is_described {
            Ok(Self { header, lines: lines.to_owned() })
        } else {
            Err(BatchError::OtherEntries)
        }
    }

    /// Decodes the header alone, from the beginning of an object; the entries are not checked.
    ///
    /// # Errors
    /// [`BatchError`]; also for a gzip header with optional fields, which no batch of this program has, and for a beginning
    /// that ends before the header does.
    pub fn decode_header(stored: &[u8]) -> Result<BatchHeader, BatchError> {
        let (_, deflated) = stored
            .split_first_chunk::<GZIP_HEADER_LEN>()
            .filter(|(gzip, _)| gzip.starts_with(GZIP_WITHOUT_OPTIONS))
            .ok_or(BatchError::NotGzip)?;
        for size in HEADER_SIZES {
            let mut inflated = vec![0; size];
            let mut stream = Decompress::new(false);
            // With `Finish`, one call inflates no more than is asked for; without it, 32 KiB.
            stream
                .decompress(deflated, &mut inflated, FlushDecompress::Finish)
                .map_err(|_| BatchError::NotGzip)?;
            if let Some((header, _)) =
                inflated.iter().position(|byte| *byte == b'\n').and_then(|end| inflated.split_at_checked(end))
            {
                return parse_header(std::str::from_utf8(header).map_err(|_| BatchError::NoHeader)?);
            }
        }
        Err(BatchError::NoHeader)
    }
}

/// Length of a gzip header without optional fields, in bytes (RFC 1952, section 2.3).
const GZIP_HEADER_LEN: usize = 10;

/// Identification, deflate, and no flag for an optional field (RFC 1952, section 2.3).
const GZIP_WITHOUT_OPTIONS: &[u8] = &[0x1f, 0x8b, 8, 0];

/// How much of a batch is inflated to find the end of its header: most headers are shorter than the first size.
const HEADER_SIZES: [usize; 2] = [2 << 10, 128 << 10];

fn parse_header(line: &str) -> Result<BatchHeader, BatchError> {
    #[derive(Deserialize)]
    struct AnyVersion {
        version: u32,
    }
    let AnyVersion { version } = serde_json::from_str(line).map_err(|_| BatchError::NoHeader)?;
    if version != VERSION {
        return Err(BatchError::Version(version));
    }
    serde_json::from_str(line).map_err(|_| BatchError::NoHeader)
}
