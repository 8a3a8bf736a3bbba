//! Messages about log objects to evidence.
//!
//! Enters: messages, the [`Source`] their objects lie in, the [`House`] evidence is kept in. Leaves: kept evidence,
//! and [`Ingested`]: which messages have to come again. Laws: an object is read once however often it is announced;
//! one at a time is in memory; a message is done with only when all it announces is kept; an object that cannot be
//! fetched is missing in reports until it is, and so is one whose evidence cannot be kept, or whose message has come
//! before and was not done with; an object of which nothing can be read is unreadable evidence, and its message goes
//! to the dead letters.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    evidence::{Batch, EvidenceError, House, Kept, Lane, forget, keep, miss, source_hash},
    gather::{Gathered, Reading, read_object},
    notices::{self, Announced},
};
use crate::{
    config::Config,
    ports::{Object, PortError, ReadObject, Source},
    record::Limits,
    report::{UnreadablePosition, hex},
    segment::Segment,
    time::{Hour, Time},
};

/// A message of a queue, or an item of a state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// What it says.
    pub body: String,
    /// When it was sent.
    pub sent: Time,
    /// How often it was received, this time included; 0 where nobody counts.
    pub received: u32,
}

/// What became of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ingested {
    /// Messages that have to come again, in order, each once, with what was wrong first.
    pub failed: Vec<Failed>,
    /// The account of what was read: every record is tallied, a duplicate, unreadable or aside.
    pub reading: Reading,
    /// Objects of other services, and news of other things than new objects.
    pub passed_over: u64,
    /// Objects that could not be fetched.
    pub absent: u64,
    /// Objects of which nothing could be read.
    pub poisoned: u64,
    /// Bytes that were kept.
    pub kept_bytes: u64,
    /// Key of what was kept; empty when there was nothing to keep.
    pub kept: String,
}

/// A message that has to come again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Its id.
    pub message: String,
    /// What was wrong.
    pub cause: String,
}

/// Reads what messages announce, and keeps what it says.
///
/// # Errors
/// When the evidence cannot be kept: all messages have to come again.
pub fn ingest(
    source: &dyn Source,
    house: &House<'_>,
    config: &Config,
    messages: &[Message],
) -> Result<Ingested, EvidenceError> {
    let mut ingested = Ingested::default();
    let mut failed: BTreeMap<usize, String> = BTreeMap::new();
    let wanted = wanted(messages, &mut ingested, &mut failed);

    // Whoever was killed at it noted nothing, and may be killed again: until it is read, it is missing.
    for (object, Wanted { key, at, by }) in &wanted {
        let received = by.iter().filter_map(|n| messages.get(*n)).map(|message| message.received).max();
        if let Some(received @ 2..) = received {
            let dated = notices::delivered(key);
            let cause = format!("its message has come {received} times, and it was not read to the end");
            miss(house, object, (dated.unwrap_or(*at), dated.is_some()), cause)?;
        }
    }

    let mut reader = Reader { source, limits: limits(config), bytes: Vec::new() };
    let (mut read, mut absent) = (Vec::new(), Vec::new());
    let mut parts = Vec::new();
    for (object, Wanted { key, at, by }) in &wanted {
        let dated = notices::delivered(key);
        let delivered = dated.unwrap_or(*at);
        let cause = match reader.read(object) {
            Ok(Gathered { segment, mut reading }) => {
                let poisoned = reading.tallied == 0 && reading.unreadable > 0;
                let positions: Vec<_> = reading.problems.iter().map(|problem| problem.position()).collect();
                let cause = positions.first().filter(|_| poisoned).map(|first| first.reason.clone());
                let hour = dated.map_or_else(|| filed(&segment, *at), Time::hour);
                parts.push((segment, hour, reader.account(object, &reading, positions)));
                reading.problems.clear();
                ingested.reading.add(reading);
                read.push((object, dated, delivered));
                ingested.poisoned += u64::from(poisoned);
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
    ingested.absent = absent.len() as u64;
    for (object, at, cause) in absent {
        miss(house, object, at, cause)?;
    }
    let mut batch = Batch::new(Lane::S3, source_hash(Lane::S3, read.iter().map(|(object, ..)| *object)));
    for (segment, hour, account) in parts {
        batch.add(segment, hour, account);
    }
    let Kept { key, bytes, rows, .. } = match keep(house, batch) {
        Ok(kept) => kept,
        Err(error) => {
            // Known and not kept is missing. Where the table fails too, no report can be made at all.
            for (object, dated, at) in read {
                drop(miss(house, object, (at, dated.is_some()), format!("it could not be kept: {error}")));
            }
            return Err(error);
        }
    };
    // Only now, so that at no moment evidence is neither kept nor missed.
    forget(house, read.into_iter().map(|(object, dated, _)| (object, dated)))?;
    (ingested.kept, ingested.kept_bytes) = (key, bytes);
    ingested.reading.duplicate += ingested.reading.tallied.saturating_sub(rows);
    ingested.reading.tallied = rows;
    ingested.failed = failed
        .into_iter()
        .filter_map(|(n, cause)| Some(Failed { message: messages.get(n)?.id.clone(), cause }))
        .collect();
    Ok(ingested)
}

/// Why an object is wanted.
struct Wanted {
    key: String,
    /// When it was created, or at least announced: of several times the first.
    at: Time,
    /// The messages that announce it.
    by: BTreeSet<usize>,
}

/// The objects that messages announce, each once, in order.
fn wanted(
    messages: &[Message],
    ingested: &mut Ingested,
    failed: &mut BTreeMap<usize, String>,
) -> BTreeMap<Object, Wanted> {
    let mut wanted: BTreeMap<Object, Wanted> = BTreeMap::new();
    for (n, message) in messages.iter().enumerate() {
        let notice = match notices::parse(&message.body) {
            Ok(notice) => notice,
            Err(error) => {
                failed.insert(n, error.to_string());
                continue;
            }
        };
        ingested.passed_over += notice.passed_over;
        for Announced { object, key, at } in notice.objects {
            if notices::is_foreign(&key) {
                ingested.passed_over += 1;
                continue;
            }
            let at = at.unwrap_or(message.sent);
            let one = wanted.entry(object).or_insert_with(|| Wanted { key, at, by: BTreeSet::new() });
            one.at = one.at.min(at);
            one.by.insert(n);
        }
    }
    wanted
}

fn limits(config: &Config) -> Limits {
    let bytes = config.limits.object_mib.saturating_mul(1 << 20);
    Limits { inflated: usize::try_from(bytes).unwrap_or(usize::MAX) }
}

/// The hour an object without a time in its name is filed under: of its first event, else of the end of its last
/// window, else when it was announced.
fn filed(segment: &Segment, at: Time) -> Hour {
    let first = segment.rows().iter().map(|row| row.time).min();
    let last = segment.observed().iter().map(|window| window.end).max();
    first.or(last).unwrap_or(at).hour()
}

/// Reads one object after the other.
struct Reader<'a> {
    source: &'a dyn Source,
    limits: Limits,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    fn read(&mut self, object: &Object) -> Result<Gathered, PortError> {
        let most = (self.limits.inflated as u64).saturating_add(1);
        self.source.fetch(object, most, &mut self.bytes)?;
        Ok(read_object(&object.name, &self.bytes, self.limits))
    }

    /// The account of the object that was read last.
    fn account(&self, object: &Object, reading: &Reading, unreadable: Vec<UnreadablePosition>) -> ReadObject {
        let object = Object { size: self.bytes.len() as u64, ..object.clone() };
        ReadObject { object, sha256: hex(&Sha256::digest(&self.bytes)), records: reading.records, unreadable }
    }
}
