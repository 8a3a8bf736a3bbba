//! Keeps a batch.
//!
//! Enters: a [`Batch`]. Leaves: one pack in the store, one item of the index for each of its parts, lines for
//! Athena. Laws: keeping it twice is keeping it once; a kill between any two writes leaves either nothing to be
//! seen or a part of the truth, and keeping it again completes it; no shard is outside the places that are listed.

use std::{collections::BTreeMap, sync::PoisonError};

use serde::Serialize;
use serde_json::json;

use super::{
    Batch, EvidenceError, House, Lane,
    batch::Rest,
    keys,
    pack::{MEDIA_TYPE, Of, Pack, Packed},
    part::{About, Part},
};
use crate::{
    ports::{Expected, Item},
    segment::{Segment, Shard},
    time::Hour,
};

/// What was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Key of the pack; empty when there was nothing to keep.
    pub key: String,
    /// Bytes of the pack.
    pub bytes: u64,
    /// Parts: shards, and hours of what belongs to none.
    pub parts: u64,
    /// Distinct events.
    pub rows: u64,
}

/// Keeps what was read.
///
/// # Errors
/// When table or store fail; nothing is lost if it is kept again.
pub fn keep(house: &House<'_>, batch: Batch) -> Result<Kept, EvidenceError> {
    let Batch { lane, source, events, rests, objects, watches } = batch;
    let (shards, _) = Segment::merge_all(events).cut();
    let first = shards.keys().map(|shard| shard.hour).min().or(rests.keys().next().copied());
    let Some(first) = first else { return Ok(Kept::default()) };
    let rows = shards.values().map(|segment| segment.rows().len() as u64).sum();
    let mut pack = Pack::new(objects.iter().map(|read| read.records).sum());
    for (shard, segment) in shards {
        pack.push(Of::Shard(shard), &segment, None);
    }
    for (hour, Rest { segment, positions }) in rests {
        let watches = watches.map(|watches| watches.to_string());
        let about = About { watches, ..About::of(&segment, positions, 0) };
        pack.push(Of::Rest(hour), &segment, Some(about));
    }
    let Packed { bytes, sha256, mut parts } = pack.finish(lane, &source, &objects);
    let source = store(house, keys::word(&source), &bytes, &sha256, |source| keys::pack(first, source))?;
    let key = keys::pack(first, &source);
    for (_, part) in &mut parts {
        part.key.clone_from(&key);
    }
    let places = parts.iter().filter_map(|(of, _)| match of {
        Of::Shard(shard) => Some((&*shard.account, &*shard.region)),
        Of::Rest(_) => None,
    });
    for (account, region) in places {
        place(house, account, region)?;
    }
    for (of, part) in &parts {
        index(house, of, lane, &source, part)?;
    }
    lines(house, lane, &source, &parts)?;
    Ok(Kept { key, bytes: bytes.len() as u64, parts: parts.len() as u64, rows })
}

/// Stores a pack, and gives the name it has: that of its source; and if that name is taken by other bytes, that
/// together with the hash of the bytes, as when another version of this program has read the same, or a slice has
/// more events now.
pub(super) fn store(
    house: &House<'_>,
    source: String,
    bytes: &[u8],
    sha256: &str,
    key: impl Fn(&str) -> String,
) -> Result<String, EvidenceError> {
    let name = key(&source);
    if house.store.create(&name, bytes, MEDIA_TYPE)? || house.store.read(&name, None)? == bytes {
        return Ok(source);
    }
    let source = format!("{source}.{}", sha256.get(..16).unwrap_or(sha256));
    let name = key(&source);
    if house.store.create(&name, bytes, MEDIA_TYPE)? || house.store.read(&name, None)? == bytes {
        return Ok(source);
    }
    let cause = "other bytes lie under its hash".to_owned();
    Err(EvidenceError::Damaged { key: name, from: 0, until: bytes.len() as u64, cause })
}

/// Lists a place, if this process has not seen it listed.
fn place(house: &House<'_>, account: &str, region: &str) -> Result<(), EvidenceError> {
    let known = || house.places.lock().unwrap_or_else(PoisonError::into_inner);
    let sort = keys::place(account, region);
    if known().contains(&sort) {
        return Ok(());
    }
    let listed = house.table.query(keys::PLACES, &sort)?;
    if !listed.iter().any(|item| item.sort == sort) {
        let body = json!({ "account": account, "region": region });
        let item =
            Item { partition: keys::PLACES.to_owned(), sort: sort.clone(), revision: 0, expires: None, body };
        // Somebody else may have been first.
        house.table.put(&item, Expected::Same)?;
    }
    known().insert(sort);
    Ok(())
}

/// Indexes a part.
pub(super) fn index(
    house: &House<'_>,
    of: &Of,
    lane: Lane,
    source: &str,
    part: &Part,
) -> Result<(), EvidenceError> {
    let (partition, hour) = match of {
        Of::Shard(shard) => (keys::shard(shard), shard.hour),
        Of::Rest(hour) => (keys::rest(*hour), *hour),
    };
    // Strings and numbers only: nothing in it can fail to be written.
    let body = serde_json::to_value(part).unwrap_or_default();
    let item = Item { partition, sort: keys::part(hour, lane, source), revision: 0, expires: None, body };
    house.table.put(&item, Expected::Anything)?;
    Ok(())
}

/// A part, as Athena sees it.
#[derive(Serialize)]
struct Line<'a> {
    account: &'a str,
    region: &'a str,
    hour: Hour,
    lane: &'static str,
    rows: u64,
    offset: u64,
    length: u64,
    sha256: &'a str,
    key: &'a str,
}

/// Writes the lines that tell Athena of the parts, by account and day.
fn lines(house: &House<'_>, lane: Lane, source: &str, parts: &[(Of, Part)]) -> Result<(), EvidenceError> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (of, part) in parts {
        let Of::Shard(Shard { account, region, hour }) = of else { continue };
        let Part { key, offset, length, sha256, rows, .. } = part;
        let (lane, rows) = (lane.as_str(), *rows);
        let line =
            Line { account, region, hour: *hour, lane, rows, offset: *offset, length: *length, sha256, key };
        let file = files.entry(keys::lines(account, *hour, source)).or_default();
        file.push_str(&serde_json::to_string(&line).unwrap_or_default());
        file.push('\n');
    }
    for (key, text) in files {
        house.store.create(&key, text.as_bytes(), "application/x-ndjson")?;
    }
    Ok(())
}
