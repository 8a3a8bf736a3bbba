//! Reads all log files of a source into one segment.
//!
//! Enters: a [`LogSource`]. Leaves: [`GatheredEvidence`]: a [`Segment`] and the [`ReadStatistics`] of it. Laws:
//! records seen = tallied + duplicate + unreadable + set aside; neither segment nor statistics depend on the
//! number of threads; at most one log file for each thread is in memory; a log file that cannot be fetched counts as
//! unreadable evidence, and the other log files are still read; a file that evidently is not CloudTrail data is skipped,
//! counted and named, unless the caller named it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use sha2::{Digest, Sha256};

use super::evidence_pool::EvidencePool;
use crate::{
    audit::{AuditCriteria, AuditTrailEntry, CallRecorder, RecordedCall},
    catalog::Catalog,
    config::Config,
    hex::hex,
    log_integrity::LogFileContent,
    ports::{LogSource, PortError, ProcessedObject, StoredObject},
    record::{
        self, DeliveryFact, DigestWindow, Fingerprint, Inflater, OtherFile, ReadLimits, Record, RecordError,
        RecordVisitor, SkippedFile, UnreadablePiece, UnreadablePosition, UnreadableReason,
    },
    segment::{Segment, SegmentBuilder},
};

/// Options for reading log files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatherOptions {
    /// Threads that read; at least one.
    pub threads: usize,
    /// Limits for reading one log file.
    pub limits: ReadLimits,
    /// Whether the inflated content of each log file is hashed, for its verification by digest files.
    pub hash_content: bool,
}

/// Maximum number of positions of unreadable pieces, and of skipped files, in [`ReadStatistics`]; further ones are only
/// counted.
pub const MAX_POSITIONS: usize = 1_000;

/// Evidence that was read from log files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatheredEvidence {
    /// The evidence of all log files.
    pub segment: Segment,
    /// Statistics of what was read.
    pub statistics: ReadStatistics,
}

/// Counts of what was read: every record is tallied, a duplicate, unreadable or set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadStatistics {
    /// Number of files read or skipped.
    pub objects: u64,
    /// Number of bytes read, as stored.
    pub bytes: u64,
    /// Number of bytes after decompression.
    pub inflated_bytes: u64,
    /// Pieces seen: records, and whatever was found in place of a record.
    pub records: u64,
    /// Number of distinct events.
    pub tallied: u64,
    /// Events that had been read before.
    pub duplicate: u64,
    /// Pieces that could not be read; every occurrence counts.
    pub unreadable: u64,
    /// Insights events and aggregated events, which are set aside; every occurrence counts.
    pub insight_events: u64,
    /// Time windows of digest files.
    pub digests: u64,
    /// Positions of unreadable pieces: the first [`MAX_POSITIONS`] by log file and offset.
    pub positions: BTreeSet<UnreadablePosition>,
    /// Files that evidently are not CloudTrail data, by what they seem to be.
    pub skipped: BTreeMap<OtherFile, u64>,
    /// The first [`MAX_POSITIONS`] of them by name.
    pub skipped_files: BTreeSet<SkippedFile>,
}

/// Progress of reading log files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatherProgress {
    /// Number of log files read so far.
    pub objects: u64,
    /// Number of log files to read.
    pub total_objects: u64,
    /// Number of bytes read so far, as stored.
    pub bytes: u64,
    /// Number of records seen so far.
    pub records: u64,
}

impl ReadStatistics {
    pub(super) fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.inflated_bytes += other.inflated_bytes;
        self.records += other.records;
        self.tallied += other.tallied;
        self.duplicate += other.duplicate;
        self.unreadable += other.unreadable;
        self.insight_events += other.insight_events;
        self.digests += other.digests;
        for position in other.positions {
            self.insert_position(position);
        }
        for (kind, count) in other.skipped {
            *self.skipped.entry(kind).or_default() += count;
        }
        for file in other.skipped_files {
            insert_bounded(&mut self.skipped_files, file);
        }
    }

    fn skip(&mut self, name: &str, kind: OtherFile) {
        *self.skipped.entry(kind).or_default() += 1;
        let skipped = SkippedFile { file: name.to_owned(), seems: kind.noun().to_owned() };
        insert_bounded(&mut self.skipped_files, skipped);
    }

    fn insert_position(&mut self, position: UnreadablePosition) {
        insert_bounded(&mut self.positions, position);
    }

    /// Splits the events into tallied (distinct) and duplicate ones.
    fn count_distinct(&mut self, segment: &Segment) {
        let events = self.records - self.unreadable - self.insight_events;
        self.tallied = segment.rows().len() as u64;
        self.duplicate = events - self.tallied;
    }
}

/// Inserts into the first [`MAX_POSITIONS`] of a set.
fn insert_bounded<T: Ord>(kept: &mut BTreeSet<T>, one: T) {
    if kept.len() < MAX_POSITIONS || kept.last().is_some_and(|last| one < *last) {
        kept.insert(one);
    }
    if kept.len() > MAX_POSITIONS {
        kept.pop_last();
    }
}

/// Called after each log file that was not skipped.
#[derive(Clone, Copy)]
pub enum ObjectCallback<'a> {
    /// Receives the summary of the log file.
    Summary(&'a (dyn Fn(ProcessedObject) + Sync)),
    /// Receives the summary of the log file, its evidence, and the entries of its calls for the audit trail.
    WithSegment(&'a (dyn Fn(ProcessedObject, &Segment, Vec<AuditTrailEntry>) + Sync)),
}

/// Reads all log files of `source` and calls `progress` after each.
///
/// # Errors
/// When the source cannot be listed.
pub fn gather(
    source: &dyn LogSource,
    options: GatherOptions,
    progress: &(dyn Fn(GatherProgress) + Sync),
) -> Result<GatheredEvidence, PortError> {
    let objects = source.list()?;
    gather_objects(source, &objects, options, progress, ObjectCallback::Summary(&|_| ()), None)
}

/// Reads these log files of `source` and calls `each` and then `progress` after each. With `audit`, calls are described for
/// the audit trail, and the evidence has the origins of calls.
///
/// # Errors
/// None: the evidence stays in memory.
pub fn gather_objects(
    source: &dyn LogSource,
    objects: &[StoredObject],
    options: GatherOptions,
    progress: &(dyn Fn(GatherProgress) + Sync),
    each: ObjectCallback<'_>,
    audit: Option<AuditCriteria<'_>>,
) -> Result<GatheredEvidence, PortError> {
    let mut pool = EvidencePool::new(None);
    let mut statistics = gather_into(&mut pool, source, objects, options, progress, each, audit)?;
    let segment = pool.into_segment();
    statistics.count_distinct(&segment);
    Ok(GatheredEvidence { segment, statistics })
}

/// Does what [`gather_objects`] does, and adds the evidence to a pool. The statistics do not say which events are duplicates.
pub(super) fn gather_into(
    pool: &mut EvidencePool<'_>,
    source: &dyn LogSource,
    objects: &[StoredObject],
    options: GatherOptions,
    progress: &(dyn Fn(GatherProgress) + Sync),
    each: ObjectCallback<'_>,
    audit: Option<AuditCriteria<'_>>,
) -> Result<ReadStatistics, PortError> {
    let next = AtomicUsize::new(0);
    let gathered = Mutex::new((pool, ReadStatistics::default(), Ok(())));
    let read = || {
        let mut reader =
            ObjectReader { hash_content: options.hash_content, ..ObjectReader::new(options.limits, audit) };
        while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let processed = reader.read_or_count_missing(source, object);
            let mut repeated = 0;
            let mut of_segment = match (processed, each) {
                (None, _) => None,
                (Some(processed), ObjectCallback::Summary(callback)) => {
                    callback(processed);
                    None
                }
                (Some(processed), ObjectCallback::WithSegment(keep)) => {
                    let events = reader.builder.len();
                    let segment = std::mem::take(&mut reader.builder).finish();
                    repeated = (events - segment.rows().len()) as u64;
                    keep(processed, &segment, reader.take_entries());
                    Some(SegmentBuilder::from(segment))
                }
            };
            let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
            let (pool, statistics, state) = &mut *gathered;
            if state.is_err() {
                break;
            }
            pool.count_duplicates(repeated);
            *state = pool.absorb(of_segment.as_mut().unwrap_or(&mut reader.builder));
            statistics.add(std::mem::take(&mut reader.statistics));
            progress(GatherProgress {
                objects: statistics.objects,
                total_objects: objects.len() as u64,
                bytes: statistics.bytes,
                records: statistics.records,
            });
        }
    };
    let threads = options.threads.clamp(1, objects.len().max(1));
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(read);
        }
        read();
    });
    let (_, statistics, state) = gathered.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.map(|()| statistics)
}

/// Reads one log file that is already in memory.
pub fn read_object(name: &str, bytes: &[u8], limits: ReadLimits) -> GatheredEvidence {
    let mut reader = ObjectReader::new(limits, None);
    reader.decode(name, bytes, None);
    reader.take_evidence()
}

/// Reads one delivery, with the origins of its calls.
pub(super) fn read_delivery(
    name: &str,
    bytes: &[u8],
    limits: ReadLimits,
    config: &Config,
    catalog: &Catalog,
) -> GatheredEvidence {
    let mut reader = ObjectReader::new(limits, Some(AuditCriteria::origins_only(config, catalog)));
    reader.decode(name, bytes, None);
    reader.take_evidence()
}

/// Reads log files one after the other. Its buffers are reused for every log file.
pub(super) struct ObjectReader<'a> {
    limits: ReadLimits,
    hash_content: bool,
    /// Content of the log file that was read last, if it is hashed.
    content: Option<LogFileContent>,
    audit: Option<CallRecorder<'a>>,
    /// Entries of the calls that were read.
    entries: Vec<AuditTrailEntry>,
    inflater: Inflater,
    bytes: Vec<u8>,
    builder: SegmentBuilder,
    statistics: ReadStatistics,
    /// Whether something could not be read because of the attempt and not because of the content.
    is_worth_retry: bool,
}

impl<'a> ObjectReader<'a> {
    pub(super) fn new(limits: ReadLimits, audit: Option<AuditCriteria<'a>>) -> Self {
        Self {
            limits,
            hash_content: false,
            content: None,
            audit: audit.and_then(CallRecorder::new),
            entries: Vec::new(),
            inflater: Inflater::default(),
            bytes: Vec::new(),
            builder: SegmentBuilder::default(),
            statistics: ReadStatistics::default(),
            is_worth_retry: false,
        }
    }

    /// Reads a log file of `source`. If the caller did not name a version, the result has the one that was read.
    #[cfg(feature = "ingest")]
    pub(super) fn read(
        &mut self,
        source: &dyn LogSource,
        object: &StoredObject,
    ) -> Result<ProcessedObject, PortError> {
        let mut bytes = std::mem::take(&mut self.bytes);
        let fetched = source.fetch(object, self.fetch_limit(), &mut bytes);
        if fetched.is_ok() {
            self.decode(&object.name, &bytes, None);
        }
        self.bytes = bytes;
        let version = fetched?;
        let mut processed = self.processed(object);
        if processed.object.version.is_empty() {
            processed.object.version = version;
        }
        Ok(processed)
    }

    /// The entries of the calls that were read since the last call. The next records are of a new segment.
    pub(super) fn take_entries(&mut self) -> Vec<AuditTrailEntry> {
        if let Some(recorder) = &mut self.audit {
            recorder.reset();
        }
        std::mem::take(&mut self.entries)
    }

    /// The evidence that was read since the last call.
    pub(super) fn take_evidence(&mut self) -> GatheredEvidence {
        let segment = std::mem::take(&mut self.builder).finish();
        let mut statistics = std::mem::take(&mut self.statistics);
        statistics.count_distinct(&segment);
        GatheredEvidence { segment, statistics }
    }

    /// Reads a log file of `source`. One that cannot be fetched is unreadable evidence. Nothing is returned for a file
    /// that evidently is not CloudTrail data: it is counted as skipped.
    fn read_or_count_missing(
        &mut self,
        source: &dyn LogSource,
        object: &StoredObject,
    ) -> Option<ProcessedObject> {
        self.is_worth_retry = false;
        let is_named = source.is_named(object);
        let unfetched = if is_named { None } else { kind_without_fetching(&object.name) };
        if let Some(kind) = unfetched {
            self.statistics.objects += 1;
            self.statistics.skip(&object.name, kind);
            return None;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        let fetched = source.fetch(object, self.fetch_limit(), &mut bytes);
        let other = match &fetched {
            Ok(_) => self.decode_unless_other(&object.name, &bytes),
            Err(error) => {
                self.statistics.objects += 1;
                let piece = UnreadablePiece::unavailable(&object.name, &object.version);
                self.visitor(&object.name, Some(error.cause.to_string())).visit_unreadable(piece);
                None
            }
        };
        match other {
            Some(kind) if is_named => {
                self.decode(&object.name, &bytes, Some(format!("it seems to be {kind}")));
                // The content decides again next time, when the file may not be named.
                self.is_worth_retry = true;
            }
            Some(kind) => {
                self.statistics.objects += 1;
                self.statistics.skip(&object.name, kind);
            }
            None => {}
        }
        self.bytes = bytes;
        if other.is_some() && !is_named {
            return None;
        }
        let mut processed = self.processed(object);
        if self.is_worth_retry {
            // Without a version the log file is read again next time.
            processed.object.version.clear();
        }
        Some(processed)
    }

    const fn fetch_limit(&self) -> u64 {
        (self.limits.max_inflated_bytes as u64).saturating_add(1)
    }

    /// What is known of the log file that was read last.
    fn processed(&mut self, object: &StoredObject) -> ProcessedObject {
        ProcessedObject {
            object: StoredObject { size: self.bytes.len() as u64, ..object.clone() },
            sha256: hex(&Sha256::digest(&self.bytes)),
            content: self.content.take(),
            records: self.statistics.records,
            unreadable: self.statistics.positions.iter().cloned().collect(),
        }
    }

    /// Reads a log file in memory. The first piece that cannot be read gets `cause`.
    fn decode(&mut self, object: &str, bytes: &[u8], cause: Option<String>) {
        let (limits, mut inflater) = (self.limits, std::mem::take(&mut self.inflater));
        let inflated = record::read_log_file(bytes, limits, &mut inflater, &mut self.visitor(object, cause));
        self.inflater = inflater;
        self.count_object(bytes, inflated);
    }

    /// Reads a log file in memory, or returns what the file seems to be instead.
    fn decode_unless_other(&mut self, object: &str, bytes: &[u8]) -> Option<OtherFile> {
        let (limits, mut inflater) = (self.limits, std::mem::take(&mut self.inflater));
        let visitor = &mut self.visitor(object, None);
        let read = record::read_unless_other(object, bytes, limits, &mut inflater, visitor);
        self.inflater = inflater;
        match read {
            Ok(inflated) => {
                self.count_object(bytes, inflated);
                None
            }
            Err(kind) => Some(kind),
        }
    }

    const fn count_object(&mut self, stored: &[u8], inflated: usize) {
        self.statistics.objects += 1;
        self.statistics.bytes += stored.len() as u64;
        self.statistics.inflated_bytes += inflated as u64;
    }

    const fn visitor<'r>(&'r mut self, object: &'r str, cause: Option<String>) -> SegmentVisitor<'r, 'a> {
        let Self { hash_content, content, audit, entries, builder, statistics, is_worth_retry, .. } = self;
        let content = if *hash_content { Some(content) } else { None };
        SegmentVisitor {
            object,
            cause,
            content,
            audit: audit.as_mut(),
            entries,
            builder,
            statistics,
            is_worth_retry,
        }
    }
}

/// What a file is that is not fetched: a hidden file, a folder, or an S3 object in the folder of another AWS service,
/// of which a log bucket may have more than of CloudTrail. A local file there is read, and its content decides.
fn kind_without_fetching(name: &str) -> Option<OtherFile> {
    let is_remote = name.starts_with("s3://");
    let by_folder = || if is_remote { record::kind_of_service_folder(name) } else { None };
    record::kind_without_content(name).or_else(by_folder)
}

/// Adds the pieces of one log file to the segment and the statistics.
struct SegmentVisitor<'r, 'a> {
    object: &'r str,
    cause: Option<String>,
    /// Receives the content, if it is hashed.
    content: Option<&'r mut Option<LogFileContent>>,
    audit: Option<&'r mut CallRecorder<'a>>,
    entries: &'r mut Vec<AuditTrailEntry>,
    builder: &'r mut SegmentBuilder,
    statistics: &'r mut ReadStatistics,
    is_worth_retry: &'r mut bool,
}

impl RecordVisitor for SegmentVisitor<'_, '_> {
    fn visit_content(&mut self, text: &[u8], fault: Option<UnreadableReason>) {
        if let Some(content) = &mut self.content {
            **content = Some(LogFileContent::of(text, fault));
        }
    }

    fn visit_record(&mut self, record: &Record<'_>, text: &[u8]) -> Result<(), RecordError> {
        let position = self.builder.push_record(record)?;
        self.statistics.records += 1;
        if let Some(recorder) = &mut self.audit {
            let RecordedCall { entry, needs_origin } = recorder.record(record, text, position);
            self.entries.extend(entry);
            if needs_origin {
                self.builder.push_origin(record);
            }
        }
        Ok(())
    }

    fn visit_insight(&mut self, identity: Fingerprint) {
        self.builder.push_insight(identity);
        self.statistics.records += 1;
        self.statistics.insight_events += 1;
    }

    fn visit_digest_window(&mut self, window: DigestWindow) {
        self.builder.push_digest_window(window);
        self.statistics.digests += 1;
    }

    fn visit_delivery_fact(&mut self, fact: DeliveryFact) {
        self.builder.push_delivery_fact(fact);
    }

    fn visit_unreadable(&mut self, piece: UnreadablePiece) {
        let reason = piece.error.reason;
        self.builder.push_unreadable(piece.fingerprint, reason);
        self.statistics.records += 1;
        self.statistics.unreadable += 1;
        *self.is_worth_retry |= matches!(reason, UnreadableReason::Unavailable | UnreadableReason::TooLarge);
        let position = UnreadablePosition::new(self.object, &piece, self.cause.take().as_deref());
        self.statistics.insert_position(position);
    }
}
