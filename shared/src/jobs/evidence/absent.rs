//! Log objects that were announced and could not be fetched.
//!
//! Enters: an object that was tried, or one that was read after all. Leaves: an item of the index, or
//! none. Laws: what was announced and is not known is missing in every report on its hour; once it is read it is
//! missing in none.
//!
//! The item says everything; no object of the store is needed, since the store may be what fails.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{EvidenceError, House, Lane, batch::source_hash, keys};
use crate::{
    ports::{Expected, Item, Object},
    record::{Fingerprint, Reason},
    report::UnreadablePosition,
    segment::Draft,
    time::{Hour, Time},
};

/// An absent object, as the index tells of it.
#[derive(Serialize, Deserialize)]
struct Absent {
    object: String,
    version: String,
    /// When it was delivered, as far as that is known.
    at: Time,
    cause: String,
}

/// The name of an absent object in the index. One that is announced with its version id may be read without, from a
/// list: the ETag alone says that it is the same.
fn name(object: &Object) -> String {
    let etag = object.version.split('/').next().filter(|etag| !etag.is_empty());
    let version = etag.unwrap_or(&object.version).to_owned();
    source_hash(Lane::S3, [&Object { version, ..object.clone() }])
}

/// Remembers that an object could not be fetched, and why. `dated` tells whether `at` is in the object's name, so
/// that whoever reads the object later knows it too.
///
/// # Errors
/// When the table fails.
pub fn miss(
    house: &House<'_>,
    object: &Object,
    (at, dated): (Time, bool),
    cause: String,
) -> Result<(), EvidenceError> {
    let Object { name, version, .. } = object.clone();
    // Strings only: nothing in it can fail to be written.
    let body = serde_json::to_value(Absent { object: name, version, at, cause }).unwrap_or_default();
    let partition = keys::absent(dated.then(|| at.hour()));
    let item = Item { partition, sort: self::name(object), revision: 0, expires: None, body };
    house.table.put(&item, Expected::Anything)?;
    Ok(())
}

/// Forgets that objects could not be fetched: they have been read, and what they say is kept. Each comes with the
/// time in its name.
///
/// # Errors
/// When the table fails.
pub fn forget<'o>(
    house: &House<'_>,
    objects: impl IntoIterator<Item = (&'o Object, Option<Time>)>,
) -> Result<(), EvidenceError> {
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (object, at) in objects {
        let partition = keys::absent(at.map(Time::hour));
        read.entry(partition).or_default().insert(name(object));
    }
    for (partition, sorts) in read {
        for item in house.table.query(&partition, "")? {
            if sorts.contains(&item.sort) {
                house.table.delete(&partition, &item.sort)?;
            }
        }
    }
    Ok(())
}

/// Adds what is absent of these hours to what could not be read.
pub(super) fn add(
    house: &House<'_>,
    (from, until): (Hour, Hour),
    counts: impl Fn(Hour) -> bool,
    draft: &mut Draft,
    positions: &mut Vec<UnreadablePosition>,
) -> Result<(), EvidenceError> {
    for day in keys::days(from, until).map(Some).chain([None]) {
        for item in house.table.query(&keys::absent(day), "")? {
            let absent = Absent::deserialize(&item.body).map_err(|cause| EvidenceError::Item {
                partition: item.partition.clone(),
                sort: item.sort.clone(),
                cause: cause.to_string(),
            })?;
            let Absent { object, version, at, cause } = absent;
            if !(from..until).contains(&at.hour()) || !counts(at.hour()) {
                continue;
            }
            let piece = Fingerprint::of("unavailable object", &[object.as_bytes(), version.as_bytes()]);
            draft.push_unreadable(piece, Reason::Unavailable);
            let reason = format!("{}: {cause}", Reason::Unavailable.sentence());
            positions.push(UnreadablePosition { object, byte: Some(0), record: Some(0), reason });
        }
    }
    Ok(())
}
