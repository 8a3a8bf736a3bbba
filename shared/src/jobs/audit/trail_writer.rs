//! Writes the audit trail.
//!
//! Enters: entries, from any number of threads. Leaves: batches in an [`ObjectStore`], one chain for each [`AuditTrail`].
//! Laws: an entry is in the buffer or in a batch, or its writer gets an error; a batch that failed is written again with the
//! same bytes before any other; the batches of a chain are numbered without a gap and each names the hash of the one before
//! it; entries are written in the order in which they were added.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{
    audit::{
        AuditKind, AuditTrailEntry, BatchCompressor, EntryLine, GENESIS, MAX_BATCH_BYTES, SealedBatch,
        seal_batch,
    },
    config::{AuditSettings, Standard},
    ports::{ObjectStore, PortError},
    time::Time,
};

/// Size above which a batch is split, before compression: a quarter of what is read of one.
const WRITTEN_BATCH_BYTES: usize = MAX_BATCH_BYTES / 4;

/// How often a writer lets others run before it writes a batch. A write to a disk takes a thousand times as long.
const MAX_YIELDS: u32 = 64;

/// Media type of a batch.
const MEDIA_TYPE: &str = "application/gzip";

/// Why an entry is not in the audit trail.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A batch could not be written. Its entries stay in memory.
    #[error("cannot write the audit trail: {0}")]
    Store(#[from] PortError),
    /// The store has another object under the key of a batch.
    #[error(
        "`{key}` already exists and is another batch: another writer uses the same chain; find out who wrote it"
    )]
    Forked {
        /// Key of the batch.
        key: String,
    },
    /// Too many entries are in memory because earlier batches could not be written.
    #[error(
        "the audit trail has {entries} entries in memory that could not be written, and takes no more \
         (`audit.max_memory_events`)"
    )]
    Full {
        /// Number of entries in memory.
        entries: usize,
    },
    /// The entry cannot be written as JSON.
    #[error("cannot write an audit entry as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The writer of one chain.
pub struct AuditTrail<'a> {
    store: &'a dyn ObjectStore,
    settings: AuditSettings,
    /// Standard of the reports, for entries of the trail's own.
    standard: Standard,
    /// Name of the function or command.
    recorded_by: String,
    buffer: Mutex<WriteBuffer>,
    chain: Mutex<Chain>,
    commits: Mutex<Commits>,
    committed: Condvar,
}

/// What writers wait for.
#[derive(Default)]
struct Commits {
    /// Number of entries added up to the last batch that is stored.
    stored: u64,
    /// Whether one of the waiting writers writes a batch.
    has_leader: bool,
}

/// The writer that writes a batch for all that wait. Dropped, it lets another one lead.
struct Leader<'t>(&'t AuditTrail<'t>);

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        lock(&self.0.commits).has_leader = false;
        self.0.committed.notify_all();
    }
}

/// Entries that are not in a batch yet.
#[derive(Default)]
struct WriteBuffer {
    lines: Vec<EntryLine>,
    /// When the oldest entry was added.
    since: Time,
    /// Entries of each principal since the last batch.
    by_principal: BTreeMap<Arc<str>, u64>,
    /// Number of entries added so far.
    added: u64,
}

/// The end of the chain.
struct Chain {
    id: String,
    sequence: u64,
    previous: String,
    /// Made for the first batch.
    compressor: Option<BatchCompressor>,
    /// A batch that was not confirmed, and the number of entries added up to it.
    pending: Option<(SealedBatch, u64)>,
}

impl fmt::Debug for AuditTrail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditTrail").field("chain", &self.chain()).finish_non_exhaustive()
    }
}

impl<'a> AuditTrail<'a> {
    /// The writer of the chain `id`, a UUID that no other writer has.
    pub fn new(
        store: &'a dyn ObjectStore,
        settings: &AuditSettings,
        standard: Standard,
        recorded_by: &str,
        id: &str,
    ) -> Self {
        let chain = Chain {
            id: id.to_owned(),
            sequence: 0,
            previous: GENESIS.to_owned(),
            compressor: None,
            pending: None,
        };
        Self {
            store,
            settings: settings.clone(),
            standard,
            recorded_by: recorded_by.to_owned(),
            buffer: Mutex::default(),
            chain: Mutex::new(chain),
            commits: Mutex::default(),
            committed: Condvar::new(),
        }
    }

    /// Adds an entry. It is stored with the next batch: when the buffer is full or old, or at [`AuditTrail::flush`].
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn add(&self, entry: &AuditTrailEntry, now: Time) -> Result<(), AuditError> {
        let is_due = self.take_entry(entry, now)?.1;
        if is_due { self.flush(now) } else { Ok(()) }
    }

    /// Adds an entry and returns when it is stored. Writers that wait at the same time share a batch.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn add_durably(&self, entry: &AuditTrailEntry, now: Time) -> Result<(), AuditError> {
        let (number, _) = self.take_entry(entry, now)?;
        let mut commits = lock(&self.commits);
        while commits.stored < number {
            if commits.has_leader {
                commits = self.committed.wait(commits).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            commits.has_leader = true;
            drop(commits);
            let _leader = Leader(self);
            self.await_other_writers();
            return self.flush(now);
        }
        Ok(())
    }

    /// Lets other writers add their entries, until none does, so that one write stores them together.
    fn await_other_writers(&self) {
        let mut added = lock(&self.buffer).added;
        for _ in 0..MAX_YIELDS {
            std::thread::yield_now();
            let now_added = lock(&self.buffer).added;
            if now_added == added {
                break;
            }
            added = now_added;
        }
    }

    /// Adds entries and stores them, if there are any.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn add_all(&self, entries: &[AuditTrailEntry], now: Time) -> Result<(), AuditError> {
        for entry in entries {
            self.add(entry, now)?;
        }
        if entries.is_empty() { Ok(()) } else { self.flush(now) }
    }

    /// Name of the function or command that writes.
    pub fn recorded_by(&self) -> &str {
        &self.recorded_by
    }

    /// Adds the entry about a run.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn add_note(&self, kind: AuditKind, message: String, now: Time) -> Result<(), AuditError> {
        self.add(&self.note(kind, message, now), now)
    }

    fn note(&self, kind: AuditKind, message: String, now: Time) -> AuditTrailEntry {
        AuditTrailEntry {
            kind,
            timestamp: now,
            recorded_at: now,
            recorded_by: self.recorded_by.clone(),
            message: Some(message),
            compliance_standard: self.standard,
            call: None,
        }
    }

    /// Stores every entry that was added.
    ///
    /// # Errors
    /// [`AuditError`]; the entries stay in memory for the next attempt.
    pub fn flush(&self, now: Time) -> Result<(), AuditError> {
        self.write_batches(&mut lock(&self.chain), now)
    }

    /// Id of the chain.
    pub fn chain(&self) -> String {
        lock(&self.chain).id.clone()
    }

    /// Adds a line to the buffer. A full buffer is written first, in case that the store works again.
    fn take_entry(&self, entry: &AuditTrailEntry, now: Time) -> Result<(u64, bool), AuditError> {
        match self.buffer_entry(entry, now) {
            Err(AuditError::Full { .. }) if self.flush(now).is_ok() => self.buffer_entry(entry, now),
            taken => taken,
        }
    }

    /// Adds a line to the buffer. Returns its number, and whether the buffer is to be written.
    fn buffer_entry(&self, entry: &AuditTrailEntry, now: Time) -> Result<(u64, bool), AuditError> {
        let line = EntryLine::of(entry)?;
        let mut buffer = lock(&self.buffer);
        if buffer.lines.len() >= self.settings.max_memory_events as usize {
            return Err(AuditError::Full { entries: buffer.lines.len() });
        }
        if buffer.lines.is_empty() {
            buffer.since = now;
        }
        buffer.added += 1;
        let is_limited = self.settings.rate_limit > 0
            && line.principal().is_some_and(|principal| {
                let count = buffer.by_principal.entry(Arc::clone(principal)).or_default();
                *count += 1;
                *count > u64::from(self.settings.rate_limit)
            });
        if !is_limited {
            buffer.lines.push(line);
        }
        let is_due = buffer.lines.len() >= self.settings.buffer_size()
            || now.since(buffer.since) >= self.settings.flush_seconds();
        Ok((buffer.added, is_due))
    }

    /// Writes the batch that failed before, and then the buffer, which may have grown to several batches since.
    fn write_batches(&self, chain: &mut Chain, now: Time) -> Result<(), AuditError> {
        self.write_pending(chain)?;
        while self.write_batch(chain, now)? {}
        Ok(())
    }

    /// Writes a batch of the buffer. Returns whether there is more.
    fn write_batch(&self, chain: &mut Chain, now: Time) -> Result<bool, AuditError> {
        let (lines, added, has_more) = {
            let mut buffer = lock(&self.buffer);
            let by_principal = std::mem::take(&mut buffer.by_principal);
            let limit = u64::from(self.settings.rate_limit);
            for (principal, count) in
                by_principal.into_iter().filter(|(_, count)| limit > 0 && *count > limit)
            {
                let message = format!(
                    "{} more entries of {principal} were not written (`audit.rate_limit`)",
                    count - limit
                );
                let note = self.note(AuditKind::RateLimit, message, now);
                buffer.lines.push(EntryLine::of(&note)?);
            }
            let mut bytes = 0_usize;
            let fitting = buffer.lines.iter().take_while(|line| {
                bytes = bytes.saturating_add(line.size());
                bytes <= WRITTEN_BATCH_BYTES
            });
            let end = fitting.count().max(1).min(buffer.lines.len());
            let rest = buffer.lines.split_off(end);
            // Until the rest is stored too, no writer that waits is told that its entry is.
            let added = if rest.is_empty() { buffer.added } else { 0 };
            let has_more = !rest.is_empty();
            (std::mem::replace(&mut buffer.lines, rest), added, has_more)
        };
        if lines.is_empty() {
            return Ok(false);
        }
        let compressor =
            chain.compressor.get_or_insert_with(|| BatchCompressor::new(self.settings.gzip_level()));
        let batch = seal_batch(&chain.id, chain.sequence, &chain.previous, now, compressor, &lines);
        chain.pending = Some((batch, added));
        self.write_pending(chain)?;
        Ok(has_more)
    }

    fn write_pending(&self, chain: &mut Chain) -> Result<(), AuditError> {
        let Some((batch, added)) = &chain.pending else { return Ok(()) };
        let key = batch.key.to_string();
        if !self.store.create(&key, &batch.bytes, MEDIA_TYPE)? && self.store.read(&key, None)? != batch.bytes
        {
            return Err(AuditError::Forked { key });
        }
        let mut commits = lock(&self.commits);
        commits.stored = commits.stored.max(*added);
        drop(commits);
        chain.sequence += 1;
        chain.previous.clone_from(&batch.sha256);
        chain.pending = None;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
