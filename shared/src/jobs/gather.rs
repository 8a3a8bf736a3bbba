//! Reads all objects of a source into one segment.
//!
//! Enters: a [`LogSource`]. Leaves: [`GatheredEvidence`]: a [`Segment`], and a [`ReadStatistics`] that accounts for it. Laws: records
//! seen = tallied + duplicate + unreadable + aside; neither segment nor reading depends on the number of threads;
//! no more objects are in memory than there are threads; an object that cannot be fetched is evidence that could
//! not be read, and the rest is read all the same.

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
    ports::{LogSource, PortError, ProcessedObject, StoredObject},
    record::{
        self, DigestWindow, Fingerprint, Inflater, ReadLimits, Record, RecordError, RecordVisitor,
        UnreadablePiece, UnreadableReason,
    },
    report::{UnreadablePosition, hex},
    segment::{Segment, SegmentBuilder},
};

/// How to gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatherOptions {
    /// Threads that read; at least one.
    pub threads: usize,
    /// What one object may cost.
    pub limits: ReadLimits,
}

/// Positions of unreadable pieces that a reading names; the others it only counts.
pub const MAX_PROBLEMS: usize = 1_000;

/// What was gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatheredEvidence {
    /// The evidence.
    pub segment: Segment,
    /// The account of it.
    pub statistics: ReadStatistics,
}

/// An account of what was read: every record in it is tallied, a duplicate, unreadable or aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadStatistics {
    /// Objects read.
    pub objects: u64,
    /// Bytes as stored.
    pub bytes: u64,
    /// Bytes once inflated.
    pub inflated_bytes: u64,
    /// Pieces seen: records, and whatever stood in the place of one.
    pub records: u64,
    /// Distinct events.
    pub tallied: u64,
    /// Events that were there already.
    pub duplicate: u64,
    /// Pieces that could not be read, as often as they were met.
    pub unreadable: u64,
    /// Insight events, as often as they were met.
    pub insight_events: u64,
    /// Windows of digest files.
    pub digests: u64,
    /// Where the unreadable pieces lie: the first [`MOST_PROBLEMS`] by object and offset.
    pub problems: BTreeSet<ReadProblem>,
}

/// A piece that could not be read, by its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ReadProblem {
    /// The object it lies in.
    pub object: String,
    /// Where it begins, in bytes of the inflated object.
    pub offset: u64,
    /// How many records of the object came before it.
    pub record: u64,
    /// Why it could not be read.
    pub reason: UnreadableReason,
    /// The field at fault, as CloudTrail spells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// Why it could not be fetched, in the words of its source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
}

impl ReadProblem {
    /// The same, as a report says it.
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

/// How far a gathering has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatherProgress {
    /// Objects read.
    pub objects: u64,
    /// Objects there are.
    pub total_objects: u64,
    /// Bytes read, as stored.
    pub bytes: u64,
    /// Records seen.
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

    /// Events added and not yet known to be distinct become tallied and duplicate.
    fn count_distinct(&mut self, segment: &Segment) {
        let events = self.records - self.unreadable - self.insight_events;
        self.tallied = segment.rows().len() as u64;
        self.duplicate = events - self.tallied;
    }
}

/// What else becomes of an object once it is read.
#[derive(Clone, Copy)]
pub enum ObjectCallback<'a> {
    /// Its account is told.
    Summary(&'a (dyn Fn(ProcessedObject) + Sync)),
    /// Its account is told together with its own evidence.
    WithSegment(&'a (dyn Fn(ProcessedObject, &Segment) + Sync)),
}

/// Reads all objects of `source`, and tells `progress` after each.
///
/// # Errors
/// When the source cannot be listed.
pub fn gather(
    source: &dyn LogSource,
    gathering: GatherOptions,
    progress: &(dyn Fn(GatherProgress) + Sync),
) -> Result<GatheredEvidence, PortError> {
    let objects = source.list()?;
    Ok(gather_objects(source, &objects, gathering, progress, ObjectCallback::Summary(&|_| ())))
}

/// Reads these objects of `source`, and tells `each` of it and then `progress` after each.
pub fn gather_objects(
    source: &dyn LogSource,
    objects: &[StoredObject],
    gathering: GatherOptions,
    progress: &(dyn Fn(GatherProgress) + Sync),
    each: ObjectCallback<'_>,
) -> GatheredEvidence {
    let next = AtomicUsize::new(0);
    let pool = Mutex::new((SegmentBuilder::default(), Vec::new(), ReadStatistics::default()));
    let read = || {
        let mut reader = ObjectReader::new(gathering.limits);
        while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let account = reader.read(source, object);
            let segment = match each {
                ObjectCallback::Summary(tell) => {
                    tell(account);
                    None
                }
                ObjectCallback::WithSegment(keep) => {
                    let segment = std::mem::take(&mut reader.builder).finish();
                    keep(account, &segment);
                    Some(segment)
                }
            };
            let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
            let (draft, segments, reading) = &mut *pool;
            match segment {
                Some(segment) => segments.push(segment),
                None => draft.absorb(&mut reader.builder),
            }
            reading.add(std::mem::take(&mut reader.statistics));
            progress(GatherProgress {
                objects: reading.objects,
                total_objects: objects.len() as u64,
                bytes: reading.bytes,
                records: reading.records,
            });
        }
    };
    let threads = gathering.threads.clamp(1, objects.len().max(1));
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(read);
        }
        read();
    });
    let (draft, segments, mut reading) = pool.into_inner().unwrap_or_else(PoisonError::into_inner);
    let segment = match each {
        ObjectCallback::Summary(_) => draft.finish(),
        ObjectCallback::WithSegment(_) => Segment::merge_all(segments),
    };
    reading.count_distinct(&segment);
    GatheredEvidence { segment, statistics: reading }
}

/// Reads one object that is already in memory.
pub fn read_object(name: &str, bytes: &[u8], limits: ReadLimits) -> GatheredEvidence {
    let mut reader = ObjectReader::new(limits);
    reader.decode(name, bytes);
    let (segment, mut reading) = (reader.builder.finish(), reader.statistics);
    reading.count_distinct(&segment);
    GatheredEvidence { segment, statistics: reading }
}

/// What one thread keeps from object to object.
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

    /// Reads an object; until the next one, draft and reading are of this one alone.
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
                let (draft, reading) = (&mut self.builder, &mut self.statistics);
                let cause = Some(error.cause.to_string());
                SegmentVisitor { object: &object.name, cause, builder: draft, statistics: reading }
                    .visit_unreadable(piece);
            }
        }
        let mut object = StoredObject { size: bytes.len() as u64, ..object.clone() };
        // What these say is of the attempt, not of the object: it is read again next time.
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
        let Self { limits, inflater, builder: draft, statistics: reading, .. } = self;
        reading.objects += 1;
        reading.bytes += bytes.len() as u64;
        let mut pieces = SegmentVisitor { object, cause: None, builder: draft, statistics: reading };
        let inflated = record::read_log_file(bytes, *limits, inflater, &mut pieces);
        reading.inflated_bytes += inflated as u64;
    }
}

/// Puts the pieces of one object where they belong.
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
