//! Reads the audit trail.
//!
//! Enters: an [`AuditQuery`]. Leaves: an [`AuditAnswer`], or the verification of the trail. Laws: a batch is read once while it
//! stays in the cache, and never changes; entries are in the order of their time; a call that was read twice, because its log
//! file was, has one entry in an answer; a batch that cannot be read is counted and named, and the answer is not complete.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use crate::{
    audit::{
        AuditBatch, AuditQuery, AuditVerification, BatchCounts, BatchHeader, BatchKey, PREFIX, StoredEntry,
        verify,
    },
    ports::{ObjectStore, PortError},
    record::Inflater,
};

/// Bytes of a batch that contain its header; if they do not, the whole batch is read.
const HEADER_BYTES: u64 = 16 << 10;

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

/// Reads batches, and keeps those that were read last.
pub struct AuditReader<'a> {
    store: &'a dyn ObjectStore,
    headers: HashMap<String, Arc<BatchHeader>>,
    batches: HashMap<String, Arc<AuditBatch>>,
    /// Keys of `batches`, those read last at the end.
    order: VecDeque<String>,
    capacity: usize,
    inflater: Inflater,
}

impl<'a> AuditReader<'a> {
    /// A reader that keeps this number of batches in memory.
    pub fn new(store: &'a dyn ObjectStore, capacity: usize) -> Self {
        Self {
            store,
            headers: HashMap::new(),
            batches: HashMap::new(),
            order: VecDeque::new(),
            capacity: capacity.max(1),
            inflater: Inflater::default(),
        }
    }

    /// The entries that match.
    ///
    /// # Errors
    /// When the store cannot be listed or read.
    pub fn query(&mut self, query: &AuditQuery) -> Result<AuditAnswer, PortError> {
        let mut answer = AuditAnswer::default();
        for key in self.keys()? {
            answer.batches += 1;
            let header = match self.header(&key)? {
                Ok(header) => header,
                Err(problem) => {
                    answer.unreadable.push(problem);
                    continue;
                }
            };
            if !query.may_match(&header.counts) {
                continue;
            }
            answer.batches_read += 1;
            match self.batch(&key)? {
                Ok(batch) => {
                    let (found, unreadable) = query.find(&batch);
                    answer.entries.extend(found);
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
        let mut seen = BTreeSet::new();
        let before = answer.entries.len();
        answer.entries.retain(|stored| {
            let Some(call) = &stored.entry.call else { return true };
            seen.insert((stored.entry.kind, call.account.clone(), call.region.clone(), call.event_id.clone()))
        });
        answer.duplicates = (before - answer.entries.len()) as u64;
        Ok(answer)
    }

    /// What all batches have that can match, from their headers alone, and the batches that could not be read. A call that
    /// was read twice counts twice.
    ///
    /// # Errors
    /// When the store cannot be listed or read.
    pub fn counts(&mut self, query: &AuditQuery) -> Result<(BatchCounts, Vec<String>), PortError> {
        let (mut counts, mut unreadable) = (BatchCounts::default(), Vec::new());
        for key in self.keys()? {
            match self.header(&key)? {
                Ok(header) if query.may_match(&header.counts) => counts.merge(&header.counts),
                Ok(_) => {}
                Err(problem) => unreadable.push(problem),
            }
        }
        Ok((counts, unreadable))
    }

    /// Keys of all batches.
    fn keys(&self) -> Result<Vec<String>, PortError> {
        let objects = self.store.list(PREFIX)?;
        Ok(objects
            .into_iter()
            .map(|object| object.name)
            .filter(|key| BatchKey::parse(key).is_some())
            .collect())
    }

    fn header(&mut self, key: &str) -> Result<Result<Arc<BatchHeader>, String>, PortError> {
        if let Some(header) = self.headers.get(key) {
            return Ok(Ok(Arc::clone(header)));
        }
        let begin = self.store.read(key, Some(0..HEADER_BYTES))?;
        if let Ok(header) = AuditBatch::decode_header(&begin) {
            let header = Arc::new(header);
            self.headers.insert(key.to_owned(), Arc::clone(&header));
            return Ok(Ok(header));
        }
        Ok(self.batch(key)?.map(|batch| {
            let header = Arc::new(batch.header.clone());
            self.headers.insert(key.to_owned(), Arc::clone(&header));
            header
        }))
    }

    fn batch(&mut self, key: &str) -> Result<Result<Arc<AuditBatch>, String>, PortError> {
        if let Some(batch) = self.batches.get(key) {
            return Ok(Ok(Arc::clone(batch)));
        }
        let bytes = self.store.read(key, None)?;
        let batch = match AuditBatch::decode(&bytes, &mut self.inflater) {
            Ok(batch) => Arc::new(batch),
            Err(error) => return Ok(Err(format!("`{key}`: {error}"))),
        };
        if self.order.len() >= self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.batches.remove(&oldest);
        }
        self.order.push_back(key.to_owned());
        self.batches.insert(key.to_owned(), Arc::clone(&batch));
        Ok(Ok(batch))
    }
}

/// Verifies the whole trail, and calls `progress` with the number of objects read and their total.
///
/// # Errors
/// When the store cannot be listed or read.
pub fn verify_trail(
    store: &dyn ObjectStore,
    progress: &dyn Fn(u64, u64),
) -> Result<AuditVerification, PortError> {
    let objects = store.list(PREFIX)?;
    let total = objects.len() as u64;
    verify(objects.into_iter().zip(1..).map(|(object, number)| {
        let bytes = store.read(&object.name, None)?;
        progress(number, total);
        Ok((object.name, bytes))
    }))
}
