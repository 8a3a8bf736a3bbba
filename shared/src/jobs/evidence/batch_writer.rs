//! Keeps a batch.
//!
//! Enters: a [`EvidenceBatch`]. Leaves: one pack in the store, one item of the index for each of its parts, lines for
//! Athena. Laws: keeping it twice is keeping it once; a kill between any two writes leaves either nothing to be
//! seen or a part of the truth, and keeping it again completes it; no shard is outside the places that are listed.

use std::{collections::BTreeMap, sync::PoisonError};

use serde::Serialize;
use serde_json::json;

use super::{
    EvidenceBatch, EvidenceError, EvidenceSource, EvidenceStore,
    batch::Unsharded,
    keys,
    pack::{FinishedPack, MEDIA_TYPE, PackBuilder, PartScope},
    part::{EvidencePart, UnshardedInfo},
};
use crate::{
    ports::{TableItem, WriteCondition},
    segment::{Segment, Shard},
    time::Hour,
};

/// What was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredBatch {
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
pub fn store_batch(house: &EvidenceStore<'_>, batch: EvidenceBatch) -> Result<StoredBatch, EvidenceError> {
    let EvidenceBatch {
        evidence_source: lane,
        source_hash: source,
        events,
        unsharded: rests,
        objects,
        watch_fingerprint: watches,
    } = batch;
    let (shards, _) = Segment::merge_all(events).split_by_shard();
    let first = shards.keys().map(|shard| shard.hour).min().or(rests.keys().next().copied());
    let Some(first) = first else { return Ok(StoredBatch::default()) };
    let rows = shards.values().map(|segment| segment.rows().len() as u64).sum();
    let mut pack = PackBuilder::new(objects.iter().map(|read| read.records).sum());
    for (shard, segment) in shards {
        pack.push(PartScope::Shard(shard), &segment, None);
    }
    for (hour, Unsharded { segment, positions }) in rests {
        let watches = watches.map(|watches| watches.to_string());
        let about = UnshardedInfo {
            watch_fingerprint: watches,
            ..UnshardedInfo::from_segment(&segment, positions, 0)
        };
        pack.push(PartScope::Unsharded(hour), &segment, Some(about));
    }
    let FinishedPack { bytes, sha256, mut parts } = pack.finish(lane, &source, &objects);
    let source =
        store_pack(house, keys::key_part(&source), &bytes, &sha256, |source| keys::pack(first, source))?;
    let key = keys::pack(first, &source);
    for (_, part) in &mut parts {
        part.key.clone_from(&key);
    }
    let places = parts.iter().filter_map(|(of, _)| match of {
        PartScope::Shard(shard) => Some((&*shard.account, &*shard.region)),
        PartScope::Unsharded(_) => None,
    });
    for (account, region) in places {
        index_account_region(house, account, region)?;
    }
    for (of, part) in &parts {
        index_part(house, of, lane, &source, part)?;
    }
    write_part_lines(house, lane, &source, &parts)?;
    Ok(StoredBatch { key, bytes: bytes.len() as u64, parts: parts.len() as u64, rows })
}

/// Stores a pack, and gives the name it has: that of its source; and if that name is taken by other bytes, that
/// together with the hash of the bytes, as when another version of this program has read the same, or a slice has
/// more events now.
pub(super) fn store_pack(
    house: &EvidenceStore<'_>,
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
fn index_account_region(house: &EvidenceStore<'_>, account: &str, region: &str) -> Result<(), EvidenceError> {
    let known = || house.known_account_regions.lock().unwrap_or_else(PoisonError::into_inner);
    let sort = keys::account_region(account, region);
    if known().contains(&sort) {
        return Ok(());
    }
    let listed = house.table.query(keys::ACCOUNT_REGIONS, &sort)?;
    if !listed.iter().any(|item| item.sort_key == sort) {
        let body = json!({ "account": account, "region": region });
        let item = TableItem {
            partition_key: keys::ACCOUNT_REGIONS.to_owned(),
            sort_key: sort.clone(),
            revision: 0,
            expires_at: None,
            body,
        };
        // Somebody else may have been first.
        house.table.put(&item, WriteCondition::Unchanged)?;
    }
    known().insert(sort);
    Ok(())
}

/// Indexes a part.
pub(super) fn index_part(
    house: &EvidenceStore<'_>,
    of: &PartScope,
    lane: EvidenceSource,
    source: &str,
    part: &EvidencePart,
) -> Result<(), EvidenceError> {
    let (partition, hour) = match of {
        PartScope::Shard(shard) => (keys::shard(shard), shard.hour),
        PartScope::Unsharded(hour) => (keys::unsharded(*hour), *hour),
    };
    // Strings and numbers only: nothing in it can fail to be written.
    let body = serde_json::to_value(part).unwrap_or_default();
    let item = TableItem {
        partition_key: partition,
        sort_key: keys::part_sort_key(hour, lane, source),
        revision: 0,
        expires_at: None,
        body,
    };
    house.table.put(&item, WriteCondition::Always)?;
    Ok(())
}

/// A part, as Athena sees it.
#[derive(Serialize)]
struct PartLine<'a> {
    account: &'a str,
    region: &'a str,
    hour: Hour,
    evidence_source: &'static str,
    rows: u64,
    offset: u64,
    length: u64,
    sha256: &'a str,
    key: &'a str,
}

/// Writes the lines that tell Athena of the parts, by account and day.
fn write_part_lines(
    house: &EvidenceStore<'_>,
    lane: EvidenceSource,
    source: &str,
    parts: &[(PartScope, EvidencePart)],
) -> Result<(), EvidenceError> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (of, part) in parts {
        let PartScope::Shard(Shard { account, region, hour }) = of else { continue };
        let EvidencePart { key, offset, length, sha256, rows, .. } = part;
        let (lane, rows) = (lane.as_str(), *rows);
        let line = PartLine {
            account,
            region,
            hour: *hour,
            evidence_source: lane,
            rows,
            offset: *offset,
            length: *length,
            sha256,
            key,
        };
        let file = files.entry(keys::lines(account, *hour, source)).or_default();
        file.push_str(&serde_json::to_string(&line).unwrap_or_default());
        file.push('\n');
    }
    for (key, text) in files {
        house.store.create(&key, text.as_bytes(), "application/x-ndjson")?;
    }
    Ok(())
}
