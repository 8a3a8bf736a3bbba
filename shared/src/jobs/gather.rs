//! Reads all log files of a source into one segment.
//!
//! Enters: a [`LogSource`]. Leaves: [`GatheredEvidence`]: a [`Segment`] and the [`ReadStatistics`] of it. Laws:
//! records seen = tallied + duplicate + unreadable + Insight events; neither segment nor statistics depend on the
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
pub const MAX_PROBLEMS: usize = 1_000;

/// Evidence that was read from log files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatheredEvidence {
    /// The evidence of all log files.
    pub segment: Segment,
    /// Statistics of what was read.
    pub statistics: ReadStatistics,
}

/// Counts of what was read: every record is tallied, a duplicate, unreadable or an Insight event.
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
    /// Insight events; every occurrence counts.
    pub insight_events: u64,
    /// Time windows of digest files.
    pub digests: u64,
    /// Positions of unreadable pieces: the first [`MAX_PROBLEMS`] by log file and offset.
    pub problems: BTreeSet<ReadProblem>,
}

/// The position of a piece that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ReadProblem {
    /// The log file that contains it.
    pub object: String,
    /// Where the piece begins, in bytes of the decompressed log file.
    pub offset: u64,
    /// Number of records of the log file before the piece.
    pub record: u64,
    /// Why it could not be read.
    pub reason: UnreadableReason,
    /// The field that could not be read, as CloudTrail spells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// Why it could not be fetched, as the source reported it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
}

impl ReadProblem {
    /// The position in the form of a report.
    pub(super) fn position(&self) -> UnreadablePosition {
        let field = self.field.as_ref().map(|field| format!(" `{field}`")).unwrap_or_default();
        let cause = self.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        UnreadablePosition {
            file: self.object.clone(),
            byte: Some(self.offset),
            record: Some(self.record),
            reason: format!("{}{field}{cause}", self.reason.description()),
        }
    }
}

/// Progress of reading log files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatherProgress {
    /// Number of log files read so far.
    pub objects: u64,
    /// Log files to read.
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
        for problem in other.problems {
            self.insert_problem(problem);
        }
    }

    fn insert_problem(&mut self, problem: ReadProblem) {
        if self.problems.len() < MAX_PROBLEMS || self.problems.last().is_some_and(|last| problem < *last) {
            self.problems.insert(problem);
        }
        if self.problems.len() > MAX_PROBLEMS {
            self.problems.pop_last();
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
            let processed = reader.read(source, object);
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
    let (segment, mut statistics) = (reader.builder.finish(), reader.statistics);
    statistics.count_distinct(&segment);
    GatheredEvidence { segment, statistics }
}

/// Buffers that one thread reuses for every log file.
struct ObjectReader {
    limits: ReadLimits,
    inflater: Inflater,
    bytes: Vec<u8>,
    builder: SegmentBuilder,
    statistics: ReadStatistics,
}

impl ObjectReader {
    fn new(limits: ReadLimits) -> Self {
        Self {
            limits,
            inflater: Inflater::default(),
            bytes: Vec::new(),
            builder: SegmentBuilder::default(),
            statistics: ReadStatistics::default(),
        }
    }

    /// Reads a log file. Until the next call, builder and statistics hold this log file only.
    fn read(&mut self, source: &dyn LogSource, object: &StoredObject) -> ProcessedObject {
        let most = (self.limits.max_inflated_bytes as u64).saturating_add(1);
        let mut bytes = std::mem::take(&mut self.bytes);
        match source.fetch(object, most, &mut bytes) {
            Ok(()) => self.decode(&object.name, &bytes),
            Err(error) => {
                self.statistics.objects += 1;
                let parts = [object.name.as_bytes(), object.version.as_bytes()];
                let piece = UnreadablePiece {
                    error: RecordError::whole_piece(UnreadableReason::Unavailable),
                    fingerprint: Fingerprint::of("unavailable object", &parts),
                    offset: 0,
                    record_index: 0,
                };
                let (builder, statistics) = (&mut self.builder, &mut self.statistics);
                let cause = Some(error.cause.to_string());
                SegmentVisitor { object: &object.name, cause, builder, statistics }.visit_unreadable(piece);
            }
        }
        let mut object = StoredObject { size: bytes.len() as u64, ..object.clone() };
        // These problems belong to the attempt, not to the content, so the log file is read again next time.
        let passing = |problem: &ReadProblem| {
            matches!(problem.reason, UnreadableReason::Unavailable | UnreadableReason::TooLarge)
        };
        if self.statistics.problems.iter().any(passing) {
            object.version.clear();
        }
        let sha256 = hex(&Sha256::digest(&bytes));
        self.bytes = bytes;
        let unreadable = self.statistics.problems.iter().map(ReadProblem::position).collect();
        ProcessedObject { object, sha256, records: self.statistics.records, unreadable }
    }

    fn decode(&mut self, object: &str, bytes: &[u8]) {
        let Self { limits, inflater, builder, statistics, .. } = self;
        statistics.objects += 1;
        statistics.bytes += bytes.len() as u64;
        let mut pieces = SegmentVisitor { object, cause: None, builder, statistics };
        let inflated = record::read_log_file(bytes, *limits, inflater, &mut pieces);
        statistics.inflated_bytes += inflated as u64;
    }
}

/// Adds the pieces of one log file to the segment and the statistics.
struct SegmentVisitor<'r> {
    object: &'r str,
    cause: Option<String>,
    builder: &'r mut SegmentBuilder,
    statistics: &'r mut ReadStatistics,
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
        let UnreadablePiece {
            error: RecordError { reason, field },
            fingerprint,
            offset,
            record_index: record,
        } = piece;
        self.builder.push_unreadable(fingerprint, reason);
        self.statistics.records += 1;
        self.statistics.unreadable += 1;
        let (object, field) = (self.object.to_owned(), field.map(str::to_owned));
        self.statistics.insert_problem(ReadProblem {
            object,
            offset,
            record,
            reason,
            field,
            cause: self.cause.take(),
        });
    }
}
