//! Log objects that were announced and could not be fetched.
//!
//! Enters: an object that was tried, or one that was read after all. Leaves: an item of the index, or
//! none. Laws: what was announced and is not known is missing in every report on its hour; once it is read it is
//! missing in none.
//!
//! The item says everything; no object of the store is needed, since the store may be what fails.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{EvidenceError, EvidenceSource, EvidenceStore, batch::source_hash, keys};
use crate::{
    ports::{StoredObject, TableItem, WriteCondition},
    record::{Fingerprint, UnreadableReason},
    report::UnreadablePosition,
    segment::SegmentBuilder,
    time::{Hour, Time},
};

/// An absent object, as the index tells of it.
#[derive(Serialize, Deserialize)]
struct MissingObject {
    object: String,
    version: String,
    /// When it was delivered, as far as that is known.
    delivered_at: Time,
    cause: String,
}

/// The name of an absent object in the index. One that is announced with its version id may be read without, from a
/// list: the ETag alone says that it is the same.
fn missing_key(object: &StoredObject) -> String {
    let etag = object.version.split('/').next().filter(|etag| !etag.is_empty());
    let version = etag.unwrap_or(&object.version).to_owned();
    source_hash(EvidenceSource::S3, [&StoredObject { version, ..object.clone() }])
}

/// Remembers that an object could not be fetched, and why. `dated` tells whether `at` is in the object's name, so
/// that whoever reads the object later knows it too.
///
/// # Errors
/// When the table fails.
pub fn record_missing(
    house: &EvidenceStore<'_>,
    object: &StoredObject,
    (at, dated): (Time, bool),
    cause: String,
) -> Result<(), EvidenceError> {
    let StoredObject { name, version, .. } = object.clone();
    // Strings only: nothing in it can fail to be written.
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
    house.table.put(&item, WriteCondition::Always)?;
    Ok(())
}

/// Forgets that objects could not be fetched: they have been read, and what they say is kept. Each comes with the
/// time in its name.
///
/// # Errors
/// When the table fails.
pub fn clear_missing<'o>(
    house: &EvidenceStore<'_>,
    objects: impl IntoIterator<Item = (&'o StoredObject, Option<Time>)>,
) -> Result<(), EvidenceError> {
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (object, at) in objects {
        let partition = keys::missing(at.map(Time::hour));
        read.entry(partition).or_default().insert(missing_key(object));
    }
    for (partition, sorts) in read {
        for item in house.table.query(&partition, "")? {
            if sorts.contains(&item.sort_key) {
                house.table.delete(&partition, &item.sort_key)?;
            }
        }
    }
    Ok(())
}

/// Adds what is absent of these hours to what could not be read.
pub(super) fn add_missing(
    house: &EvidenceStore<'_>,
    (from, until): (Hour, Hour),
    counts: impl Fn(Hour) -> bool,
    draft: &mut SegmentBuilder,
    positions: &mut Vec<UnreadablePosition>,
) -> Result<(), EvidenceError> {
    for day in keys::days(from, until).map(Some).chain([None]) {
        for item in house.table.query(&keys::missing(day), "")? {
            let absent =
                MissingObject::deserialize(&item.body).map_err(|cause| EvidenceError::DamagedItem {
                    partition: item.partition_key.clone(),
                    sort: item.sort_key.clone(),
                    cause: cause.to_string(),
                })?;
            let MissingObject { object, version, delivered_at: at, cause } = absent;
            if !(from..until).contains(&at.hour()) || !counts(at.hour()) {
                continue;
            }
            let piece = Fingerprint::of("unavailable object", &[object.as_bytes(), version.as_bytes()]);
            draft.push_unreadable(piece, UnreadableReason::Unavailable);
            let reason = format!("{}: {cause}", UnreadableReason::Unavailable.description());
            positions.push(UnreadablePosition { file: object, byte: Some(0), record: Some(0), reason });
        }
    }
    Ok(())
}
