//! Reads the audit trail.
//!
//! Enters: an [`AuditQuery`]. Leaves: an [`AuditAnswer`], or the verification of the trail. Laws: an answer is about the
//! batches that [`AuditReader::refresh`] listed last; a batch never changes, so what was read of it stays true; entries are in
//! the order of their time; a call that was read twice, because its log file was, has one entry in an answer; a batch that
//! cannot be read is counted and named, and the answer is not complete.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    attestation::StatementCheck,
    audit::{
        AuditBatch, AuditQuery, AuditVerification, BatchCounts, BatchHeader, BatchKey, LineFilter, PREFIX,
        StoredEntry, verify,
    },
    ports::{ObjectStore, PortError},
    record::Inflater,
};

/// Bytes of a batch that contain its header; if they do not, the whole batch is read.
const HEADER_BYTES: u64 = 16 << 10;

/// Objects that are read at the same time for a verification. Each read of a remote store mostly waits.
pub(super) const READERS: usize = 16;

/// Objects in memory during a verification.
pub(super) const OBJECTS_IN_MEMORY: usize = 256;

/// The answer to a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditAnswer {
    /// The entries, by time.
    pub entries: Vec<StoredEntry>,
    /// Entries of calls that have another entry in the answer.
    pub duplicates: u64,
    /// Batches of the trail.
    pub batches: u64,
    /// Batches that were read to find the entries.
    pub batches_read: u64,
    /// Batches and lines that could not be read, as sentences.
    pub unreadable: Vec<String>,
}

/// Reads batches, and keeps their headers and the answers to the last queries.
pub struct AuditReader<'a> {
    store: &'a dyn ObjectStore,
    /// Batches that are read at the same time.
    threads: usize,
    /// Keys of the batches.
    keys: Option<Vec<String>>,
    headers: HashMap<String, Result<Arc<BatchHeader>, String>>,
    answers: VecDeque<(AuditQuery, Arc<AuditAnswer>)>,
    capacity: usize,
    hits: u64,
    queries: u64,
}

/// How the answers in the memory of a reader are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnswerUsage {
    /// Answers in memory.
    pub answers: u64,
    /// Most answers that are kept.
    pub capacity: u64,
    /// Queries that were answered from memory.
    pub hits: u64,
    /// All queries.
    pub queries: u64,
}

impl<'a> AuditReader<'a> {
    /// A reader that keeps this number of answers.
    pub fn new(store: &'a dyn ObjectStore, capacity: usize, threads: usize) -> Self {
        Self {
            store,
            threads,
            keys: None,
            headers: HashMap::new(),
            answers: VecDeque::new(),
            capacity,
            hits: 0,
            queries: 0,
        }
    }

    /// Lets the next answers be about these batches alone, which are named in order.
    pub fn restrict(&mut self, keys: Vec<String>) {
        if self.keys.as_ref() != Some(&keys) {
            self.answers.clear();
            self.headers.retain(|key, _| keys.binary_search(key).is_ok());
            self.keys = Some(keys);
        }
    }

    /// The counts of the batches that an answer was about and that could be read.
    pub fn counts(&self) -> impl Iterator<Item = &BatchCounts> {
        self.headers.values().flatten().map(|header| &header.counts)
    }

    /// How the answers in memory are used.
    pub fn usage(&self) -> AnswerUsage {
        AnswerUsage {
            answers: self.answers.len() as u64,
            capacity: self.capacity as u64,
            hits: self.hits,
            queries: self.queries,
        }
    }

    fn keys(&mut self) -> Result<&[String], PortError> {
        if self.keys.is_none() {
            self.refresh()?;
        }
        Ok(self.keys.as_deref().unwrap_or_default())
    }

    /// Lists the batches. If there are new ones, the next answers are about them too.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub fn refresh(&mut self) -> Result<(), PortError> {
        let objects = self.store.list(PREFIX)?;
        let keys = objects.into_iter().map(|object| object.name);
        self.restrict(keys.filter(|key| BatchKey::parse(key).is_some()).collect());
        Ok(())
    }

    /// The entries that match.
    ///
    /// # Errors
    /// When the store cannot be listed or read.
    pub fn query(&mut self, query: &AuditQuery) -> Result<Arc<AuditAnswer>, PortError> {
        self.queries += 1;
        if let Some((_, answer)) = self.answers.iter().find(|(asked, _)| asked == query) {
            self.hits += 1;
            return Ok(Arc::clone(answer));
        }
        let answer = Arc::new(self.find(query)?);
        if self.answers.len() >= self.capacity {
            self.answers.pop_front();
        }
        if self.capacity > 0 {
            self.answers.push_back((query.clone(), Arc::clone(&answer)));
        }
        Ok(answer)
    }

    fn find(&mut self, query: &AuditQuery) -> Result<AuditAnswer, PortError> {
        let keys = self.keys()?.to_vec();
        let mut answer = AuditAnswer { batches: keys.len() as u64, ..AuditAnswer::default() };
        let unknown: Vec<&String> = keys.iter().filter(|key| !self.headers.contains_key(*key)).collect();
        let store = self.store;
        let headers = in_parallel(self.threads, &unknown, |key, inflater| read_header(store, key, inflater))?;
        self.headers.extend(unknown.into_iter().cloned().zip(headers));
        let mut candidates = Vec::new();
        for key in &keys {
            match self.headers.get(key) {
                Some(Ok(header)) if query.may_match(&header.counts) => candidates.push(key),
                Some(Err(problem)) => answer.unreadable.push(problem.clone()),
                _ => {}
            }
        }
        answer.batches_read = candidates.len() as u64;
        let filter = LineFilter::of(query);
        let found = in_parallel(self.threads, &candidates, |key, inflater| {
            let bytes = store.read(key, None)?;
            Ok(AuditBatch::decode(&bytes, inflater)
                .map(|batch| filter.find(&batch))
                .map_err(|error| format!("`{key}`: {error}")))
        })?;
        for (key, found) in candidates.into_iter().zip(found) {
            match found {
                Ok((entries, unreadable)) => {
                    answer.entries.extend(entries);
                    if unreadable > 0 {
                        answer
                            .unreadable
                            .push(format!("`{key}` has {unreadable} lines that are not entries"));
                    }
                }
                Err(problem) => answer.unreadable.push(problem),
            }
        }
        answer.entries.sort_by_key(|stored| stored.entry.timestamp);
        answer.remove_duplicates();
        Ok(answer)
    }
}

impl AuditAnswer {
    fn remove_duplicates(&mut self) {
        let before = self.entries.len();
        let mut seen = BTreeSet::new();
        let is_first: Vec<bool> = self
            .entries
            .iter()
            .map(|StoredEntry { entry, .. }| match &entry.call {
                None => true,
                Some(call) => seen.insert((entry.kind, &call.account, &call.region, &call.event_id)),
            })
            .collect();
        drop(seen);
        let mut is_first = is_first.into_iter();
        self.entries.retain(|_| is_first.next().unwrap_or(true));
        self.duplicates = (before - self.entries.len()) as u64;
    }
}

pub(super) fn read_header(
    store: &dyn ObjectStore,
    key: &str,
    inflater: &mut Inflater,
) -> Result<Result<Arc<BatchHeader>, String>, PortError> {
    let begin = store.read(key, Some(0..HEADER_BYTES))?;
    if let Ok(header) = AuditBatch::decode_header(&begin) {
        return Ok(Ok(Arc::new(header)));
    }
    let bytes = store.read(key, None)?;
    let batch = AuditBatch::decode(&bytes, inflater);
    Ok(batch.map(|batch| Arc::new(batch.header)).map_err(|error| format!("`{key}`: {error}")))
}

/// The results for all items, in their order.
pub(super) fn in_parallel<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T, &mut Inflater) -> Result<R, PortError> + Sync,
) -> Result<Vec<R>, PortError> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        let mut inflater = Inflater::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { break };
            let result = work(item, &mut inflater);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.clamp(1, items.len().max(1)) {
            scope.spawn(run);
        }
        run();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Verifies the whole trail, and calls `progress` with the number of objects read and their total. With a check of signatures,
/// every seal and pruning needs a valid one.
///
/// # Errors
/// When the store cannot be listed or read.
pub fn verify_trail(
    store: &dyn ObjectStore,
    check: Option<&StatementCheck<'_>>,
    progress: &dyn Fn(u64, u64),
) -> Result<AuditVerification, PortError> {
    let objects = store.list(PREFIX)?;
    let total = objects.len() as u64;
    let mut number = 0;
    let read = objects.chunks(OBJECTS_IN_MEMORY).flat_map(|some| {
        let read = in_parallel(READERS, some, |object, _| {
            Ok((object.name.clone(), store.read(&object.name, None)?))
        });
        number += some.len() as u64;
        progress(number, total);
        match read {
            Ok(read) => read.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    });
    verify(read, check)
}
