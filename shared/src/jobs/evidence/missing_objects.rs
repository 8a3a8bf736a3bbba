//! Objects that an S3 event named and that could not be fetched.
//!
//! Enters: an object that could not be fetched, or that was read after all. Leaves: an index item, or its deletion.
//! Laws: an object that an S3 event named and that was not read counts as missing evidence in every report on its
//! hour; once it is read, it no longer does.
//!
//! The index item contains everything, and no object in the store is needed, because the store may be what fails.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{EvidenceError, EvidenceSource, EvidenceStore, batch::source_hash, keys};
use crate::{
    ports::{StoredObject, TableItem, WriteCondition},
    record::{UnreadablePiece, UnreadablePosition},
    segment::SegmentBuilder,
    time::{Hour, Time},
};

/// A missing object, as recorded in the index. The names of its fields are those of the stored item.
#[derive(Serialize, Deserialize)]
struct MissingObject {
    object: String,
    version: String,
    /// When the object was delivered, as far as known.
    delivered_at: Time,
    cause: String,
}

/// The sort key of a missing object. Only the ETag identifies the version, because an S3 event may contain a version
/// id that a listing of the same object does not have.
fn missing_key(object: &StoredObject) -> String {
    let etag = object.version.split('/').next().filter(|etag| !etag.is_empty());
    let version = etag.unwrap_or(&object.version).to_owned();
    source_hash(EvidenceSource::S3, [&StoredObject { version, ..object.clone() }])
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
        expires_at: None,
        body,
    };
    evidence_store.table.put(&item, WriteCondition::Always)?;
    Ok(())
}

/// Deletes the records of missing objects that have been read and stored. Each object comes with the time in its
/// name.
///
/// # Errors
/// When the table fails.
pub fn clear_missing<'o>(
    evidence_store: &EvidenceStore<'_>,
    objects: impl IntoIterator<Item = (&'o StoredObject, Option<Time>)>,
) -> Result<(), EvidenceError> {
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (object, at) in objects {
        let partition = keys::missing(at.map(Time::hour));
        read.entry(partition).or_default().insert(missing_key(object));
    }
    for (partition, sorts) in read {
        for item in evidence_store.table.query(&partition, "")? {
            if sorts.contains(&item.sort_key) {
                evidence_store.table.delete(&partition, &item.sort_key)?;
            }
        }
    }
    Ok(())
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
        for item in evidence_store.table.query(&keys::missing(day), "")? {
            let missing =
                MissingObject::deserialize(&item.body).map_err(|cause| EvidenceError::DamagedItem {
                    partition: item.partition_key.clone(),
                    sort: item.sort_key.clone(),
                    cause: cause.to_string(),
                })?;
            let MissingObject { object, version, delivered_at: at, cause } = missing;
            if !(from..until).contains(&at.hour()) || !counts(at.hour()) {
                continue;
            }
            let piece = UnreadablePiece::unavailable(&object, &version);
            builder.push_unreadable(piece.fingerprint, piece.error.reason);
            positions.push(UnreadablePosition::new(&object, &piece, Some(&cause)));
        }
    }
    Ok(())
}
