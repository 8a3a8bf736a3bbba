//! Reads all objects of a source into one segment.
//!
//! Enters: a [`Source`]. Leaves: [`Gathered`]: a [`Segment`], and a [`Reading`] that accounts for it. Laws: records
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
    ports::{Object, PortError, ReadObject, Source},
    record::{self, Fault, Fingerprint, Inflater, Limits, Observed, Reason, Record, Unreadable, Visit},
    report::{UnreadablePosition, hex},
    segment::{Draft, Segment},
};

/// How to gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathering {
    /// Threads that read; at least one.
    pub threads: usize,
    /// What one object may cost.
    pub limits: Limits,
}

/// Positions of unreadable pieces that a reading names; the others it only counts.
pub const MOST_PROBLEMS: usize = 1_000;

/// What was gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// The evidence.
    pub segment: Segment,
    /// The account of it.
    pub reading: Reading,
}

/// An account of what was read: every record in it is tallied, a duplicate, unreadable or aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Objects read.
    pub objects: u64,
    /// Bytes as stored.
    pub bytes: u64,
    /// Bytes once inflated.
    pub inflated: u64,
    /// Pieces seen: records, and whatever stood in the place of one.
    pub records: u64,
    /// Distinct events.
    pub tallied: u64,
    /// Events that were there already.
    pub duplicate: u64,
    /// Pieces that could not be read, as often as they were met.
    pub unreadable: u64,
    /// Insight events, as often as they were met.
    pub aside: u64,
    /// Windows of digest files.
    pub digests: u64,
    /// Where the unreadable pieces lie: the first [`MOST_PROBLEMS`] by object and offset.
    pub problems: BTreeSet<Problem>,
}

/// A piece that could not be read, by its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The object it lies in.
    pub object: String,
    /// Where it begins, in bytes of the inflated object.
    pub offset: u64,
    /// How many records of the object came before it.
    pub record: u64,
    /// Why it could not be read.
    pub reason: Reason,
    /// The field at fault, as CloudTrail spells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// Why it could not be fetched, in the words of its source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
}

impl Problem {
    /// The same, as a report says it.
    pub(super) fn position(&self) -> UnreadablePosition {
        let field = self.field.as_ref().map(|field| format!(" `{field}`")).unwrap_or_default();
        let cause = self.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        UnreadablePosition {
            object: self.object.clone(),
            byte: Some(self.offset),
            record: Some(self.record),
            reason: format!("{}{field}{cause}", self.reason.sentence()),
        }
    }
}

/// How far a gathering has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Objects read.
    pub objects: u64,
    /// Objects there are.
    pub of_objects: u64,
    /// Bytes read, as stored.
    pub bytes: u64,
    /// Records seen.
    pub records: u64,
}

impl Reading {
    pub(super) fn add(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.inflated += other.inflated;
        self.records += other.records;
        self.tallied += other.tallied;
        self.duplicate += other.duplicate;
        self.unreadable += other.unreadable;
        self.aside += other.aside;
        self.digests += other.digests;
        for problem in other.problems {
            self.name(problem);
        }
    }

    fn name(&mut self, problem: Problem) {
        if self.problems.len() < MOST_PROBLEMS || self.problems.last().is_some_and(|last| problem < *last) {
            self.problems.insert(problem);
        }
        if self.problems.len() > MOST_PROBLEMS {
            self.problems.pop_last();
        }
    }

    /// Events added and not yet known to be distinct become tallied and duplicate.
    fn close(&mut self, segment: &Segment) {
        let events = self.records - self.unreadable - self.aside;
        self.tallied = segment.rows().len() as u64;
        self.duplicate = events - self.tallied;
    }
}

/// What else becomes of an object once it is read.
#[derive(Clone, Copy)]
pub enum Each<'a> {
    /// Its account is told.
    Told(&'a (dyn Fn(ReadObject) + Sync)),
    /// Its account is told together with its own evidence.
    Kept(&'a (dyn Fn(ReadObject, &Segment) + Sync)),
}

/// Reads all objects of `source`, and tells `progress` after each.
///
/// # Errors
/// When the source cannot be listed.
pub fn gather(
    source: &dyn Source,
    gathering: Gathering,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Gathered, PortError> {
    let objects = source.list()?;
    Ok(gather_objects(source, &objects, gathering, progress, Each::Told(&|_| ())))
}

/// Reads these objects of `source`, and tells `each` of it and then `progress` after each.
pub fn gather_objects(
    source: &dyn Source,
    objects: &[Object],
    gathering: Gathering,
    progress: &(dyn Fn(Progress) + Sync),
    each: Each<'_>,
) -> Gathered {
    let next = AtomicUsize::new(0);
    let pool = Mutex::new((Draft::default(), Vec::new(), Reading::default()));
    let read = || {
        let mut reader = Reader::new(gathering.limits);
        while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let account = reader.read(source, object);
            let segment = match each {
                Each::Told(tell) => {
                    tell(account);
                    None
                }
                Each::Kept(keep) => {
                    let segment = std::mem::take(&mut reader.draft).finish();
                    keep(account, &segment);
                    Some(segment)
                }
            };
            let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
            let (draft, segments, reading) = &mut *pool;
            match segment {
                Some(segment) => segments.push(segment),
                None => draft.absorb(&mut reader.draft),
            }
            reading.add(std::mem::take(&mut reader.reading));
            progress(Progress {
                objects: reading.objects,
                of_objects: objects.len() as u64,
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
        Each::Told(_) => draft.finish(),
        Each::Kept(_) => Segment::merge_all(segments),
    };
    reading.close(&segment);
    Gathered { segment, reading }
}

/// Reads one object that is already in memory.
pub fn read_object(name: &str, bytes: &[u8], limits: Limits) -> Gathered {
    let mut reader = Reader::new(limits);
    reader.decode(name, bytes);
    let (segment, mut reading) = (reader.draft.finish(), reader.reading);
    reading.close(&segment);
    Gathered { segment, reading }
}

/// What one thread keeps from object to object.
struct Reader {
    limits: Limits,
    inflater: Inflater,
    bytes: Vec<u8>,
    draft: Draft,
    reading: Reading,
}

impl Reader {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            inflater: Inflater::default(),
            bytes: Vec::new(),
            draft: Draft::default(),
            reading: Reading::default(),
        }
    }

    /// Reads an object; until the next one, draft and reading are of this one alone.
    fn read(&mut self, source: &dyn Source, object: &Object) -> ReadObject {
        let most = (self.limits.inflated as u64).saturating_add(1);
        let mut bytes = std::mem::take(&mut self.bytes);
        match source.fetch(object, most, &mut bytes) {
            Ok(()) => self.decode(&object.name, &bytes),
            Err(error) => {
                self.reading.objects += 1;
                let parts = [object.name.as_bytes(), object.version.as_bytes()];
                let piece = Unreadable {
                    fault: Fault::of(Reason::Unavailable),
                    fingerprint: Fingerprint::of("unavailable object", &parts),
                    offset: 0,
                    record: 0,
                };
                let (draft, reading) = (&mut self.draft, &mut self.reading);
                let cause = Some(error.cause.to_string());
                Pieces { object: &object.name, cause, draft, reading }.unreadable(piece);
            }
        }
        let mut object = Object { size: bytes.len() as u64, ..object.clone() };
        // What these say is of the attempt, not of the object: it is read again next time.
        let passing = |problem: &Problem| matches!(problem.reason, Reason::Unavailable | Reason::TooLarge);
        if self.reading.problems.iter().any(passing) {
            object.version.clear();
        }
        let sha256 = hex(&Sha256::digest(&bytes));
        self.bytes = bytes;
        let unreadable = self.reading.problems.iter().map(Problem::position).collect();
        ReadObject { object, sha256, records: self.reading.records, unreadable }
    }

    fn decode(&mut self, object: &str, bytes: &[u8]) {
        let Self { limits, inflater, draft, reading, .. } = self;
        reading.objects += 1;
        reading.bytes += bytes.len() as u64;
        let mut pieces = Pieces { object, cause: None, draft, reading };
        let inflated = record::read(bytes, *limits, inflater, &mut pieces);
        reading.inflated += inflated as u64;
    }
}

/// Puts the pieces of one object where they belong.
struct Pieces<'r> {
    object: &'r str,
    cause: Option<String>,
    draft: &'r mut Draft,
    reading: &'r mut Reading,
}

impl Visit for Pieces<'_> {
    fn record(&mut self, record: &Record<'_>) -> Result<(), Fault> {
        self.draft.push_record(record)?;
        self.reading.records += 1;
        Ok(())
    }

    fn insight(&mut self, identity: Fingerprint) {
        self.draft.push_aside(identity);
        self.reading.records += 1;
        self.reading.aside += 1;
    }

    fn observed(&mut self, window: Observed) {
        self.draft.push_observed(window);
        self.reading.digests += 1;
    }

    fn unreadable(&mut self, piece: Unreadable) {
        let Unreadable { fault: Fault { reason, field }, fingerprint, offset, record } = piece;
        self.draft.push_unreadable(fingerprint, reason);
        self.reading.records += 1;
        self.reading.unreadable += 1;
        let (object, field) = (self.object.to_owned(), field.map(str::to_owned));
        self.reading.name(Problem { object, offset, record, reason, field, cause: self.cause.take() });
    }
}
