//! Reads all log files of a source into one segment.
//!
//! Enters: a [`LogSource`]. Leaves: [`GatheredEvidence`]: a [`Segment`] and the [`ReadStatistics`] of it. Laws:
//! records seen = tallied + duplicate + unreadable + set aside; neither segment nor statistics depend on the
//! number of threads; at most one log file for each thread is in memory; a log file that cannot be fetched counts as
//! unreadable evidence, and the other log files are still read.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use sha2::{Digest, Sha256};

use crate::{
    hex::hex,
    ports::{LogSource, PortError, ProcessedObject, StoredObject},
    record::{
        self, DigestWindow, Fingerprint, Inflater, ReadLimits, Record, RecordError, RecordVisitor,
        UnreadablePiece, UnreadablePosition, UnreadableReason,
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
}

/// Maximum number of positions of unreadable pieces in [`ReadStatistics`]; further pieces are only counted.
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
    /// Number of log files read.
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
    }

    fn insert_position(&mut self, position: UnreadablePosition) {
        if self.positions.len() < MAX_POSITIONS || self.positions.last().is_some_and(|last| position < *last)
        {
            self.positions.insert(position);
        }
        if self.positions.len() > MAX_POSITIONS {
            self.positions.pop_last();
        }
    }

    /// Splits the events into tallied (distinct) and duplicate ones.
    fn count_distinct(&mut self, segment: &Segment) {
        let events = self.records - self.unreadable - self.insight_events;
        self.tallied = segment.rows().len() as u64;
        self.duplicate = events - self.tallied;
    }
}

/// Called after each log file.
#[derive(Clone, Copy)]
pub enum ObjectCallback<'a> {
    /// Receives the summary of the log file.
    Summary(&'a (dyn Fn(ProcessedObject) + Sync)),
    /// Receives the summary of the log file and its evidence.
    WithSegment(&'a (dyn Fn(ProcessedObject, &Segment) + Sync)),
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
    Ok(gather_objects(source, &objects, options, progress, ObjectCallback::Summary(&|_| ())))
}

/// Reads these log files of `source` and calls `each` and then `progress` after each.
pub fn gather_objects(
    source: &dyn LogSource,
    objects: &[StoredObject],
    options: GatherOptions,
    progress: &(dyn Fn(GatherProgress) + Sync),
    each: ObjectCallback<'_>,
) -> GatheredEvidence {
    let next = AtomicUsize::new(0);
    let pool = Mutex::new((SegmentBuilder::default(), Vec::new(), ReadStatistics::default()));
    let read = || {
        let mut reader = ObjectReader::new(options.limits);
        while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let processed = reader.read_or_count_missing(source, object);
            let segment = match each {
                ObjectCallback::Summary(callback) => {
                    callback(processed);
                    None
                }
                ObjectCallback::WithSegment(keep) => {
                    let segment = std::mem::take(&mut reader.builder).finish();
                    keep(processed, &segment);
                    Some(segment)
                }
            };
            let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
            let (builder, segments, statistics) = &mut *pool;
            match segment {
                Some(segment) => segments.push(segment),
                None => builder.absorb(&mut reader.builder),
            }
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
    let (builder, segments, mut statistics) = pool.into_inner().unwrap_or_else(PoisonError::into_inner);
    let segment = match each {
        ObjectCallback::Summary(_) => builder.finish(),
        ObjectCallback::WithSegment(_) => Segment::merge_all(segments),
    };
    statistics.count_distinct(&segment);
    GatheredEvidence { segment, statistics }
}

/// Reads one log file that is already in memory.
pub fn read_object(name: &str, bytes: &[u8], limits: ReadLimits) -> GatheredEvidence {
    let mut reader = ObjectReader::new(limits);
    reader.decode(name, bytes);
    reader.take_evidence()
}

/// Reads log files one after the other. Its buffers are reused for every log file.
pub(super) struct ObjectReader {
    limits: ReadLimits,
    inflater: Inflater,
    bytes: Vec<u8>,
    builder: SegmentBuilder,
    statistics: ReadStatistics,
    /// Whether something could not be read because of the attempt and not because of the content.
    is_worth_retry: bool,
}

impl ObjectReader {
    pub(super) fn new(limits: ReadLimits) -> Self {
        Self {
            limits,
            inflater: Inflater::default(),
            bytes: Vec::new(),
            builder: SegmentBuilder::default(),
            statistics: ReadStatistics::default(),
            is_worth_retry: false,
        }
    }

    /// Reads a log file of `source`.
    pub(super) fn read(
        &mut self,
        source: &dyn LogSource,
        object: &StoredObject,
    ) -> Result<ProcessedObject, PortError> {
        let most = (self.limits.max_inflated_bytes as u64).saturating_add(1);
        let mut bytes = std::mem::take(&mut self.bytes);
        let fetched = source.fetch(object, most, &mut bytes);
        if fetched.is_ok() {
            self.decode(&object.name, &bytes);
        }
        self.bytes = bytes;
        fetched.map(|()| self.processed(object))
    }

    /// The evidence that was read since the last call.
    pub(super) fn take_evidence(&mut self) -> GatheredEvidence {
        let segment = std::mem::take(&mut self.builder).finish();
        let mut statistics = std::mem::take(&mut self.statistics);
        statistics.count_distinct(&segment);
        GatheredEvidence { segment, statistics }
    }

    /// Reads a log file of `source`. One that cannot be fetched is unreadable evidence.
    fn read_or_count_missing(&mut self, source: &dyn LogSource, object: &StoredObject) -> ProcessedObject {
        self.is_worth_retry = false;
        let mut processed = self.read(source, object).unwrap_or_else(|error| {
            self.statistics.objects += 1;
            let piece = UnreadablePiece::unavailable(&object.name, &object.version);
            self.visitor(&object.name, Some(error.cause.to_string())).visit_unreadable(piece);
            self.processed(object)
        });
        if self.is_worth_retry {
            // Without a version the log file is read again next time.
            processed.object.version.clear();
        }
        processed
    }

    /// What is known of the log file that was read last.
    fn processed(&self, object: &StoredObject) -> ProcessedObject {
        ProcessedObject {
            object: StoredObject { size: self.bytes.len() as u64, ..object.clone() },
            sha256: hex(&Sha256::digest(&self.bytes)),
            records: self.statistics.records,
            unreadable: self.statistics.positions.iter().cloned().collect(),
        }
    }

    fn decode(&mut self, object: &str, bytes: &[u8]) {
        self.statistics.objects += 1;
        self.statistics.bytes += bytes.len() as u64;
        let (limits, mut inflater) = (self.limits, std::mem::take(&mut self.inflater));
        let inflated = record::read_log_file(bytes, limits, &mut inflater, &mut self.visitor(object, None));
        self.inflater = inflater;
        self.statistics.inflated_bytes += inflated as u64;
    }

    const fn visitor<'r>(&'r mut self, object: &'r str, cause: Option<String>) -> SegmentVisitor<'r> {
        let Self { builder, statistics, is_worth_retry, .. } = self;
        SegmentVisitor { object, cause, builder, statistics, is_worth_retry }
    }
}

/// Adds the pieces of one log file to the segment and the statistics.
struct SegmentVisitor<'r> {
    object: &'r str,
    cause: Option<String>,
    builder: &'r mut SegmentBuilder,
    statistics: &'r mut ReadStatistics,
    is_worth_retry: &'r mut bool,
}

impl RecordVisitor for SegmentVisitor<'_> {
    fn visit_record(&mut self, record: &Record<'_>) -> Result<(), RecordError> {
        self.builder.push_record(record)?;
        self.statistics.records += 1;
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
