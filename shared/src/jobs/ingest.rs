//! From messages about log files in S3 to stored evidence.
//!
//! Enters: messages, the [`LogSource`] of their objects, the [`EvidenceStore`]. Leaves: stored evidence, and an
//! [`IngestOutcome`] with the messages to redeliver. Laws: an object is read once for each call, however many
//! messages name it; one object at a time is in memory; a message succeeds only when the evidence of all its objects
//! is stored; before the time of the run is used up, what was read is stored and the messages of the rest are
//! redelivered, those that were received most often last; an object counts as missing in reports while it cannot be fetched, while its evidence cannot be stored,
//! and while its message is redelivered without success; an object of which no record can be read is unreadable
//! evidence, and its message goes to the dead-letter queue; while the use of CloudTrail is switched off, no object is read, and each counts as missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    audit::{AuditError, Auditing},
    evidence::{
        EvidenceBatch, EvidenceError, EvidenceSource, EvidenceStore, StoredBatch, record_missing,
        record_read, source_hash, store_batch,
    },
    gather::{GatheredEvidence, ObjectReader, ReadStatistics},
    s3_events::{self, ObjectCreated},
};
use crate::{
    config::{Config, Part},
    ports::{Clock, LogSource, PortError, StoredObject},
    segment::Segment,
    time::{Hour, Time},
};

/// Time to store what was read. No object is read in it.
const RESERVED_TIME: Duration = Duration::from_secs(30);

/// A message of a queue, or an item of a state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestMessage {
    /// Id of the SQS message, or of the item of the state machine.
    pub id: String,
    /// Body of the SQS message, or the item of the state machine, as JSON text.
    pub body: String,
    /// When the message was sent.
    pub sent_at: Time,
    /// How often the message was received, including this time; 0 when unknown.
    pub receive_count: u32,
}

/// The outcome for a batch of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IngestOutcome {
    /// Messages to redeliver, in order, each once, with the first error.
    pub failed: Vec<FailedMessage>,
    /// Counts of what was read: every record is tallied, a duplicate, unreadable or set aside.
    pub statistics: ReadStatistics,
    /// Objects of other services, and events other than the creation of an object.
    pub skipped: u64,
    /// Objects that could not be fetched.
    pub missing_objects: u64,
    /// Objects of which no record could be read.
    pub unreadable_objects: u64,
    /// Number of bytes that were stored.
    pub stored_bytes: u64,
    /// Key of the stored pack; empty when there was nothing to store.
    pub stored_key: String,
}

/// A message that SQS must deliver again, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailedMessage {
    /// Id of the failed message.
    pub message_id: String,
    /// First error of the message.
    pub cause: String,
}

/// Why the evidence of a batch of messages was not stored.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The evidence cannot be stored.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The audit trail cannot be written.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl From<PortError> for IngestError {
    fn from(error: PortError) -> Self {
        Self::Evidence(error.into())
    }
}

/// Reads the objects that messages name, and stores their evidence.
///
/// # Errors
/// When the evidence cannot be stored: all messages must be redelivered.
pub fn ingest(
    source: &dyn LogSource,
    evidence_store: &EvidenceStore<'_>,
    config: &Config,
    clock: &dyn Clock,
    messages: &[IngestMessage],
    audit: Option<Auditing<'_>>,
) -> Result<IngestOutcome, IngestError> {
    let mut outcome = IngestOutcome::default();
    let mut failed: BTreeMap<usize, String> = BTreeMap::new();
    let pending = pending_objects(messages, &mut outcome, &mut failed);
    if !config.cloudtrail.enabled {
        // Later reports on these hours must know that they lack these objects.
        for (object, PendingObject { key, created_at: at, .. }) in &pending {
            let dated = s3_events::delivery_time(key);
            let cause = Part::CloudTrail.reason().to_owned();
            record_missing(evidence_store, object, (dated.unwrap_or(*at), dated.is_some()), cause)?;
        }
        outcome.missing_objects = pending.len() as u64;
        return Ok(outcome);
    }

    // A function that was killed while reading recorded nothing and may be killed again: until the object is read, it
    // counts as missing.
    for (object, PendingObject { key, created_at: at, messages: by }) in &pending {
        let received = by.iter().filter_map(|n| messages.get(*n)).map(|message| message.receive_count).max();
        if let Some(received @ 2..) = received {
            let dated = s3_events::delivery_time(key);
            let cause =
                format!("its message was received {received} times, and the object was not read completely");
            record_missing(evidence_store, object, (dated.unwrap_or(*at), dated.is_some()), cause)?;
        }
    }

    let mut reader = ObjectReader::new(config.limits.read_limits(), audit.map(|audit| audit.criteria));
    let (mut read, mut missing) = (Vec::new(), Vec::new());
    let (mut parts, mut entries) = (Vec::new(), Vec::new());
    // An object that failed before may take long to fail again, so the others are read first.
    let received = |pending: &PendingObject| {
        pending.messages.iter().filter_map(|n| messages.get(*n)).map(|message| message.receive_count).max()
    };
    let mut in_turn: Vec<_> = pending.iter().collect();
    in_turn.sort_by_key(|(_, pending)| received(pending));
    for (object, PendingObject { key, created_at: at, messages: by }) in in_turn {
        let dated = s3_events::delivery_time(key);
        let delivered = dated.unwrap_or(*at);
        // What was read is stored, and the messages of the rest are delivered again.
        if clock.remaining() < RESERVED_TIME {
            for message in by {
                failed.entry(*message).or_insert_with(|| {
                    format!("the time of the run was used up before `{}` was read", object.name)
                });
            }
            continue;
        }
        let cause = match reader.read(source, object) {
            Ok(processed) => {
                let GatheredEvidence { segment, mut statistics } = reader.take_evidence();
                entries.extend(reader.take_entries());
                let poisoned = statistics.tallied == 0 && statistics.unreadable > 0;
                let first = processed.unreadable.first().filter(|_| poisoned);
                let cause = first.map(|first| first.reason.clone());
                let hour = dated.map_or_else(|| filing_hour(&segment, *at), Time::hour);
                read.push((processed.object.clone(), dated, delivered));
                parts.push((segment, hour, processed));
                statistics.positions.clear();
                outcome.statistics.add(statistics);
                outcome.unreadable_objects += u64::from(poisoned);
                cause.map(|cause| format!("cannot read `{}`: {cause}", object.name))
            }
            Err(error) => {
                missing.push((object, (delivered, dated.is_some()), error.cause.to_string()));
                Some(error.to_string())
            }
        };
        if let Some(cause) = cause {
            for message in by {
                failed.entry(*message).or_insert_with(|| cause.clone());
            }
        }
    }
    drop(reader);
    outcome.missing_objects = missing.len() as u64;
    for (object, at, cause) in missing {
        record_missing(evidence_store, object, at, cause)?;
    }
    let source_hash = source_hash(EvidenceSource::S3, read.iter().map(|(object, ..)| object));
    let mut batch = EvidenceBatch::new(EvidenceSource::S3, source_hash.clone());
    for (segment, hour, processed) in parts {
        batch.add(segment, hour, processed);
    }
    // First the entries: an object with stored evidence is not read again.
    let audited = audit.map_or(Ok(()), |audit| audit.store(&entries)).map_err(IngestError::from);
    let stored = audited.and_then(|()| Ok(store_batch(evidence_store, batch)?));
    let StoredBatch { key, bytes, rows, .. } = match stored {
        Ok(kept) => kept,
        Err(error) => {
            // A known object without stored evidence counts as missing. If the table fails too, no report can be
            // made.
            for (object, dated, at) in read {
                drop(record_missing(
                    evidence_store,
                    &object,
                    (at, dated.is_some()),
                    format!("its evidence could not be stored: {error}"),
                ));
            }
            return Err(error);
        }
    };
    // Only now, so that at every moment the evidence is either stored or counted as missing.
    record_read(evidence_store, &source_hash, read.iter().map(|(object, dated, _)| (object, *dated)))?;
    (outcome.stored_key, outcome.stored_bytes) = (key, bytes);
    outcome.statistics.duplicate += outcome.statistics.tallied.saturating_sub(rows);
    outcome.statistics.tallied = rows;
    outcome.failed = failed
        .into_iter()
        .filter_map(|(n, cause)| Some(FailedMessage { message_id: messages.get(n)?.id.clone(), cause }))
        .collect();
    Ok(outcome)
}

/// An object that a message names and that is still to be read.
struct PendingObject {
    key: String,
    /// When the object was created, or when its message was sent; the earliest of several times.
    created_at: Time,
    /// Indexes of the messages that name it.
    messages: BTreeSet<usize>,
}

/// The objects that messages name, each once, in order.
fn pending_objects(
    messages: &[IngestMessage],
    outcome: &mut IngestOutcome,
    failed: &mut BTreeMap<usize, String>,
) -> BTreeMap<StoredObject, PendingObject> {
    let mut pending: BTreeMap<StoredObject, PendingObject> = BTreeMap::new();
    for (n, message) in messages.iter().enumerate() {
        let event = match s3_events::parse(&message.body) {
            Ok(event) => event,
            Err(error) => {
                failed.insert(n, error.to_string());
                continue;
            }
        };
        outcome.skipped += event.skipped;
        for ObjectCreated { object, key, created_at: at } in event.objects {
            if s3_events::is_other_service(&key) {
                outcome.skipped += 1;
                continue;
            }
            let at = at.unwrap_or(message.sent_at);
            let one = pending.entry(object).or_insert_with(|| PendingObject {
                key,
                created_at: at,
                messages: BTreeSet::new(),
            });
            one.created_at = one.created_at.min(at);
            one.messages.insert(n);
        }
    }
    pending
}

/// The hour under which an object without a time in its name is indexed: that of its first event, else of the end of
/// its last digest window, else of its message.
fn filing_hour(segment: &Segment, at: Time) -> Hour {
    let first = segment.rows().iter().map(|row| row.time).min();
    let last = segment.digest_windows().iter().map(|window| window.end).max();
    first.or(last).unwrap_or(at).hour()
}
