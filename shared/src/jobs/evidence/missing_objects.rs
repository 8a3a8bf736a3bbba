//! Objects that an S3 event named and that could not be fetched, and the objects that were read.
//!
//! Enters: an object that could not be fetched, or that was read. Leaves: an index item that records it as missing, or a
//! manifest that names it as read. Laws: an object that an S3 event named and that was not read counts as missing
//! evidence in every report on its hour; once a manifest names it, it no longer does, whatever is recorded later; a
//! manifest that names another version does not count.
//!
//! A message may name an object without its version, as CloudTrail's own notices do. Any version that was read stands
//! for such an object.
//!
//! The index items contain everything, and no object in the store is needed, because the store may be what fails.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{EvidenceError, EvidenceSource, EvidenceStore, batch::source_hash, keys};
use crate::{
    hex::hex,
    ports::{PortError, StoredObject, Table, TableItem, WriteCondition},
    record::{UnreadablePiece, UnreadablePosition},
    segment::SegmentBuilder,
    time::{Hour, Time},
};

/// Objects in one item of a manifest: some 50 bytes each, of the 400 KB that DynamoDB allows.
const MAX_OBJECTS_PER_ITEM: usize = 4_000;

/// Hexadecimal digits of the hash of an object's name in a manifest.
const NAME_DIGITS: usize = 32;

/// Hexadecimal digits of the hash of an object's ETag in a manifest.
const ETAG_DIGITS: usize = 16;

/// A missing object, as recorded in the index. The names of its fields are those of the stored item.
#[derive(Serialize, Deserialize)]
struct MissingObject {
    object: String,
    version: String,
    /// When the object was delivered, as far as known.
    delivered_at: Time,
    cause: String,
}

/// The objects of one day that one batch read.
#[derive(Serialize, Deserialize)]
struct ReadManifest {
    /// Hash of the name, `#`, hash of the ETag.
    objects: Vec<String>,
}

/// The ETag of a version. Only the ETag identifies it, because an S3 event may contain a version id that a listing of
/// the same object does not have.
fn etag_of(version: &str) -> &str {
    version.split('/').next().filter(|etag| !etag.is_empty()).unwrap_or(version)
}

/// The sort key of a missing object.
fn missing_key(object: &StoredObject) -> String {
    let version = etag_of(&object.version).to_owned();
    source_hash(EvidenceSource::S3, [&StoredObject { version, ..object.clone() }])
}

/// The first digits of a text's hash.
fn digits(text: &str, count: usize) -> String {
    hex(&Sha256::digest(text)).chars().take(count).collect()
}

/// An object in a manifest. With an empty version it is the beginning of every version's entry.
fn manifest_entry(name: &str, version: &str) -> String {
    let etag = etag_of(version);
    let etag = if etag.is_empty() { String::new() } else { digits(etag, ETAG_DIGITS) };
    format!("{}#{etag}", digits(name, NAME_DIGITS))
}

impl MissingObject {
    fn from_item(item: &TableItem) -> Result<Self, EvidenceError> {
        Self::deserialize(&item.body).map_err(|cause| damaged_item(item, cause.to_string()))
    }

    /// Whether one of these entries of manifests stands for the object.
    fn is_in(&self, entries: &BTreeSet<String>) -> bool {
        let entry = manifest_entry(&self.object, &self.version);
        match etag_of(&self.version) {
            "" => entries.range(entry.clone()..).next().is_some_and(|found| found.starts_with(&entry)),
            _ => entries.contains(&entry),
        }
    }
}

fn damaged_item(item: &TableItem, cause: String) -> EvidenceError {
    EvidenceError::DamagedItem { partition: item.partition_key.clone(), sort: item.sort_key.clone(), cause }
}

/// When the objects were delivered that are recorded as missing and were delivered since a time. Those without a date in their name
/// count at any time; one whose time cannot be read counts as old.
///
/// # Errors
/// When the table cannot be read.
pub fn missing_since(table: &dyn Table, since: Time, now: Time) -> Result<Vec<Time>, PortError> {
    let days = keys::days(since.hour(), Hour(now.hour().0.saturating_add(1)));
    let mut delivered = Vec::new();
    for partition in days.map(|day| keys::missing(Some(day))).chain([keys::missing(None)]) {
        let items = table.query(&partition, "")?;
        let at = |item: &TableItem| MissingObject::deserialize(&item.body).map(|object| object.delivered_at);
        delivered.extend(items.iter().map(|item| at(item).unwrap_or_default()));
    }
    Ok(delivered)
}

/// Records that an object could not be fetched, and why. `dated`: whether `at` comes from the object's name, so that
/// a later reader of the object can derive the same partition.
///
/// # Errors
/// When the table fails.
pub fn record_missing(
    evidence_store: &EvidenceStore<'_>,
    object: &StoredObject,
    (at, dated): (Time, bool),
    cause: String,
) -> Result<(), EvidenceError> {
    let StoredObject { name, version, .. } = object.clone();
    // It contains only strings and numbers, so serializing it does not fail.
    let body = serde_json::to_value(MissingObject { object: name, version, delivered_at: at, cause })
        .unwrap_or_default();
    let partition = keys::missing(dated.then(|| at.hour()));
    let item = TableItem {
        partition_key: partition,
        sort_key: missing_key(object),
        revision: 0,
        expires_at: evidence_store.expires_at(at.hour()),
        body,
    };
    evidence_store.table.put(&item, WriteCondition::Always)?;
    Ok(())
}

/// Stores manifests of objects that were read, after their evidence was stored, and deletes the records of those that
/// were missing. `source`: the hash of the batch. Each object comes with the version that was read and with the time
/// in its name.
///
/// # Errors
/// When the table fails.
pub fn record_read<'o>(
    evidence_store: &EvidenceStore<'_>,
    source: &str,
    objects: impl IntoIterator<Item = (&'o StoredObject, Option<Time>)>,
) -> Result<(), EvidenceError> {
    // With the last hour of the objects, so that a manifest expires no sooner than the records that it answers.
    let mut days: BTreeMap<(String, String), (Option<Hour>, BTreeSet<String>)> = BTreeMap::new();
    for (object, at) in objects {
        let day = at.map(Time::hour);
        let partitions = (keys::read_objects(day), keys::missing(day));
        let (last, entries) = days.entry(partitions).or_default();
        *last = day.max(*last);
        entries.insert(manifest_entry(&object.name, &object.version));
    }
    for ((manifests, missing), (last, entries)) in days {
        let all: Vec<&String> = entries.iter().collect();
        for (n, some) in all.chunks(MAX_OBJECTS_PER_ITEM).enumerate() {
            let manifest = ReadManifest { objects: some.iter().map(|entry| (*entry).clone()).collect() };
            let item = TableItem {
                partition_key: manifests.clone(),
                sort_key: format!("{}#{n:04}", keys::key_part(source)),
                revision: 0,
                expires_at: last.and_then(|last| evidence_store.expires_at(last)),
                // It contains only strings, so serializing it does not fail.
                body: serde_json::to_value(manifest).unwrap_or_default(),
            };
            evidence_store.table.put(&item, WriteCondition::Always)?;
        }
        for item in evidence_store.table.query(&missing, "")? {
            if MissingObject::from_item(&item).is_ok_and(|object| object.is_in(&entries)) {
                evidence_store.table.delete(&missing, &item.sort_key)?;
            }
        }
    }
    Ok(())
}

/// The entries of all manifests of a day.
fn read_entries(
    evidence_store: &EvidenceStore<'_>,
    day: Option<Hour>,
) -> Result<BTreeSet<String>, EvidenceError> {
    let mut entries = BTreeSet::new();
    for item in evidence_store.table.query(&keys::read_objects(day), "")? {
        let manifest = ReadManifest::deserialize(&item.body);
        entries.extend(manifest.map_err(|cause| damaged_item(&item, cause.to_string()))?.objects);
    }
    Ok(entries)
}

/// Adds the missing objects of these hours to the unreadable evidence.
pub(super) fn add_missing(
    evidence_store: &EvidenceStore<'_>,
    (from, until): (Hour, Hour),
    counts: impl Fn(Hour) -> bool,
    builder: &mut SegmentBuilder,
    positions: &mut Vec<UnreadablePosition>,
) -> Result<(), EvidenceError> {
    for day in keys::days(from, until).map(Some).chain([None]) {
        let mut missing: Vec<MissingObject> = Vec::new();
        for item in evidence_store.table.query(&keys::missing(day), "")? {
            let object = MissingObject::from_item(&item)?;
            let hour = object.delivered_at.hour();
            if (from..until).contains(&hour) && counts(hour) {
                missing.push(object);
            }
        }
        if missing.is_empty() {
            continue;
        }
        // A function may record an object as missing although another has read it.
        let read = read_entries(evidence_store, day)?;
        missing.retain(|object| !object.is_in(&read));
        // One object that is recorded with and without its version is one missing object.
        let with_version: BTreeSet<String> =
            missing.iter().filter(|one| !one.version.is_empty()).map(|one| one.object.clone()).collect();
        missing.retain(|one| !one.version.is_empty() || !with_version.contains(&one.object));
        for MissingObject { object, version, cause, .. } in missing {
            let piece = UnreadablePiece::unavailable(&object, &version);
            builder.push_unreadable(piece.fingerprint, piece.error.reason);
            positions.push(UnreadablePosition::new(&object, &piece, Some(&cause)));
        }
    }
    Ok(())
}
