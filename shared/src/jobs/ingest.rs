//! Messages about log objects to evidence.
//!
//! Enters: messages, the [`LogSource`] their objects lie in, the [`EvidenceStore`] evidence is kept in. Leaves: kept evidence,
//! and [`IngestOutcome`]: which messages have to come again. Laws: an object is read once however often it is announced;
//! one at a time is in memory; a message is done with only when all it announces is kept; an object that cannot be
//! fetched is missing in reports until it is, and so is one whose evidence cannot be kept, or whose message has come
//! before and was not done with; an object of which nothing can be read is unreadable evidence, and its message goes
//! to the dead letters.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    evidence::{
        EvidenceBatch, EvidenceError, EvidenceSource, EvidenceStore, StoredBatch, clear_missing,
        record_missing, source_hash, store_batch,
    },
    gather::{GatheredEvidence, ReadStatistics, read_object},
    s3_events::{self, ObjectCreated},
};
use crate::{
    config::Config,
    ports::{LogSource, PortError, ProcessedObject, StoredObject},
    record::ReadLimits,
    report::{UnreadablePosition, hex},
    segment::Segment,
    time::{Hour, Time},
};

/// A message of a queue, or an item of a state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestMessage {
    /// Its id.
    pub id: String,
    /// What it says.
    pub body: String,
    /// When it was sent.
    pub sent_at: Time,
    /// How often it was received, this time included; 0 where nobody counts.
    pub receive_count: u32,
}

/// What became of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IngestOutcome {
    /// Messages that have to come again, in order, each once, with what was wrong first.
    pub failed: Vec<FailedMessage>,
    /// The account of what was read: every record is tallied, a duplicate, unreadable or aside.
    pub statistics: ReadStatistics,
    /// Objects of other services, and news of other things than new objects.
    pub skipped: u64,
    /// Objects that could not be fetched.
    pub missing_objects: u64,
    /// Objects of which nothing could be read.
    pub unreadable_objects: u64,
    /// Bytes that were kept.
    pub stored_bytes: u64,
    /// Key of what was kept; empty when there was nothing to keep.
    pub stored_key: String,
}

/// A message that has to come again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedMessage {
    /// Its id.
    pub message_id: String,
    /// What was wrong.
    pub cause: String,
}

/// Reads what messages announce, and keeps what it says.
///
/// # Errors
/// When the evidence cannot be kept: all messages have to come again.
pub fn ingest(
    source: &dyn LogSource,
    house: &EvidenceStore<'_>,
    config: &Config,
    messages: &[IngestMessage],
) -> Result<IngestOutcome, EvidenceError> {
    let mut ingested = IngestOutcome::default();
    let mut failed: BTreeMap<usize, String> = BTreeMap::new();
    let wanted = pending_objects(messages, &mut ingested, &mut failed);

    // Whoever was killed at it noted nothing, and may be killed again: until it is read, it is missing.
    for (object, PendingObject { key, created_at: at, messages: by }) in &wanted {
        let received = by.iter().filter_map(|n| messages.get(*n)).map(|message| message.receive_count).max();
        if let Some(received @ 2..) = received {
            let dated = s3_events::delivery_time(key);
            let cause = format!("its message has come {received} times, and it was not read to the end");
            record_missing(house, object, (dated.unwrap_or(*at), dated.is_some()), cause)?;
        }
    }

    let mut reader = IngestReader { source, limits: read_limits(config), bytes: Vec::new() };
    let (mut read, mut absent) = (Vec::new(), Vec::new());
    let mut parts = Vec::new();
    for (object, PendingObject { key, created_at: at, messages: by }) in &wanted {
        let dated = s3_events::delivery_time(key);
        let delivered = dated.unwrap_or(*at);
        let cause = match reader.read(object) {
            Ok(GatheredEvidence { segment, statistics: mut reading }) => {
                let poisoned = reading.tallied == 0 && reading.unreadable > 0;
                let positions: Vec<_> = reading.problems.iter().map(|problem| problem.position()).collect();
                let cause = positions.first().filter(|_| poisoned).map(|first| first.reason.clone());
                let hour = dated.map_or_else(|| filing_hour(&segment, *at), Time::hour);
                parts.push((segment, hour, reader.processed_object(object, &reading, positions)));
                reading.problems.clear();
                ingested.statistics.add(reading);
                read.push((object, dated, delivered));
                ingested.unreadable_objects += u64::from(poisoned);
                cause.map(|cause| format!("cannot read `{}`: {cause}", object.name))
            }
            Err(error) => {
                absent.push((object, (delivered, dated.is_some()), error.cause.to_string()));
                Some(error.to_string())
            }
        };
        if let Some(cause) = cause {
            for message in by {
                failed.entry(*message).or_insert_with(|| cause.clone());
            }
        }
    }
    ingested.missing_objects = absent.len() as u64;
    for (object, at, cause) in absent {
        record_missing(house, object, at, cause)?;
    }
    let mut batch = EvidenceBatch::new(
        EvidenceSource::S3,
        source_hash(EvidenceSource::S3, read.iter().map(|(object, ..)| *object)),
    );
    for (segment, hour, account) in parts {
        batch.add(segment, hour, account);
    }
    let StoredBatch { key, bytes, rows, .. } = match store_batch(house, batch) {
        Ok(kept) => kept,
        Err(error) => {
            // Known and not kept is missing. Where the table fails too, no report can be made at all.
            for (object, dated, at) in read {
                drop(record_missing(
                    house,
                    object,
                    (at, dated.is_some()),
                    format!("it could not be kept: {error}"),
                ));
            }
            return Err(error);
        }
    };
    // Only now, so that at no moment evidence is neither kept nor missed.
    clear_missing(house, read.into_iter().map(|(object, dated, _)| (object, dated)))?;
    (ingested.stored_key, ingested.stored_bytes) = (key, bytes);
    ingested.statistics.duplicate += ingested.statistics.tallied.saturating_sub(rows);
    ingested.statistics.tallied = rows;
    ingested.failed = failed
        .into_iter()
        .filter_map(|(n, cause)| Some(FailedMessage { message_id: messages.get(n)?.id.clone(), cause }))
        .collect();
    Ok(ingested)
}

/// Why an object is wanted.
struct PendingObject {
    key: String,
    /// When it was created, or at least announced: of several times the first.
    created_at: Time,
    /// The messages that announce it.
    messages: BTreeSet<usize>,
}

/// The objects that messages announce, each once, in order.
fn pending_objects(
    messages: &[IngestMessage],
    ingested: &mut IngestOutcome,
    failed: &mut BTreeMap<usize, String>,
) -> BTreeMap<StoredObject, PendingObject> {
    let mut wanted: BTreeMap<StoredObject, PendingObject> = BTreeMap::new();
    for (n, message) in messages.iter().enumerate() {
        let notice = match s3_events::parse(&message.body) {
            Ok(notice) => notice,
            Err(error) => {
                failed.insert(n, error.to_string());
                continue;
            }
        };
        ingested.skipped += notice.skipped;
        for ObjectCreated { object, key, created_at: at } in notice.objects {
            if s3_events::is_other_service(&key) {
                ingested.skipped += 1;
                continue;
            }
            let at = at.unwrap_or(message.sent_at);
            let one = wanted.entry(object).or_insert_with(|| PendingObject {
                key,
                created_at: at,
                messages: BTreeSet::new(),
            });
            one.created_at = one.created_at.min(at);
            one.messages.insert(n);
        }
    }
    wanted
}

fn read_limits(config: &Config) -> ReadLimits {
    let bytes = config.limits.log_file_mib.saturating_mul(1 << 20);
    ReadLimits { max_inflated_bytes: usize::try_from(bytes).unwrap_or(usize::MAX) }
}

/// The hour an object without a time in its name is filed under: of its first event, else of the end of its last
/// window, else when it was announced.
fn filing_hour(segment: &Segment, at: Time) -> Hour {
    let first = segment.rows().iter().map(|row| row.time).min();
    let last = segment.digest_windows().iter().map(|window| window.end).max();
    first.or(last).unwrap_or(at).hour()
}

/// Reads one object after the other.
struct IngestReader<'a> {
    source: &'a dyn LogSource,
    limits: ReadLimits,
    bytes: Vec<u8>,
}

impl IngestReader<'_> {
    fn read(&mut self, object: &StoredObject) -> Result<GatheredEvidence, PortError> {
        let most = (self.limits.max_inflated_bytes as u64).saturating_add(1);
        self.source.fetch(object, most, &mut self.bytes)?;
        Ok(read_object(&object.name, &self.bytes, self.limits))
    }

    /// The account of the object that was read last.
    fn processed_object(
        &self,
        object: &StoredObject,
        reading: &ReadStatistics,
        unreadable: Vec<UnreadablePosition>,
    ) -> ProcessedObject {
        let object = StoredObject { size: self.bytes.len() as u64, ..object.clone() };
        ProcessedObject {
            object,
            sha256: hex(&Sha256::digest(&self.bytes)),
            records: reading.records,
            unreadable,
        }
    }
}
