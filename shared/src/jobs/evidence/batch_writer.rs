//! Stores a batch of evidence.
//!
//! Enters: an [`EvidenceBatch`]. Leaves: one pack in the store, one index item for each of its parts, and lines for
//! Athena; of a slice of the event history without a record, the index item alone. Laws: storing a batch twice gives the same evidence as storing it once; after a kill between any two
//! writes none or some of the parts are visible, and storing the batch again completes it; the account and region of
//! every shard are in the index before the shard.

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

/// What was stored of a batch of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredBatch {
    /// Key of the pack; empty when there was nothing to store.
    pub key: String,
    /// Number of bytes of the pack.
    pub bytes: u64,
    /// Parts: shards, and hours of unsharded evidence.
    pub parts: u64,
    /// Number of distinct events stored.
    pub rows: u64,
}

/// Stores a batch: its pack, its accounts and regions, its index items and its lines for queries.
///
/// # Errors
/// When table or store fail; storing the batch again completes it.
pub fn store_batch(
    evidence_store: &EvidenceStore<'_>,
    batch: EvidenceBatch,
) -> Result<StoredBatch, EvidenceError> {
    let EvidenceBatch { evidence_source, source_hash: source, events, unsharded, objects, watch_fingerprint } =
        batch;
    let (shards, _) = Segment::merge_all(events).split_by_shard();
    let first = shards.keys().map(|shard| shard.hour).min().or(unsharded.keys().next().copied());
    let Some(first) = first else { return Ok(StoredBatch::default()) };
    // What was looked up and had no record is an observed window of some hundred bytes. A pack for it would cost more than the
    // rest of the slice.
    let is_empty_slice = evidence_source == EvidenceSource::Lookup
        && shards.is_empty()
        && objects.iter().all(|read| read.records == 0 && read.unreadable.is_empty());
    if is_empty_slice {
        let source = keys::key_part(&source);
        let parts = unsharded.len() as u64;
        for (hour, Unsharded { segment, positions }) in unsharded {
            let watch_fingerprint = watch_fingerprint.map(|fingerprint| fingerprint.to_string());
            let info =
                UnshardedInfo { watch_fingerprint, ..UnshardedInfo::from_segment(&segment, positions, 0) };
            let part = EvidencePart::in_item(&segment, info);
            index_part(evidence_store, &PartScope::Unsharded(hour), evidence_source, &source, &part)?;
        }
        return Ok(StoredBatch { parts, ..StoredBatch::default() });
    }
    let rows = shards.values().map(|segment| segment.rows().len() as u64).sum();
    let mut pack = PackBuilder::new(objects.iter().map(|read| read.records).sum());
    for (shard, segment) in shards {
        pack.push(PartScope::Shard(shard), &segment, None);
    }
    for (hour, Unsharded { segment, positions }) in unsharded {
        let watch_fingerprint = watch_fingerprint.map(|watch_fingerprint| watch_fingerprint.to_string());
        let info = UnshardedInfo { watch_fingerprint, ..UnshardedInfo::from_segment(&segment, positions, 0) };
        pack.push(PartScope::Unsharded(hour), &segment, Some(info));
    }
    let FinishedPack { bytes, sha256, mut parts } = pack.finish(evidence_source, &source, &objects);
    let source = store_pack(evidence_store, keys::key_part(&source), &bytes, &sha256, |source| {
        keys::pack(first, source)
    })?;
    let key = keys::pack(first, &source);
    for (_, part) in &mut parts {
        part.key.clone_from(&key);
    }
    let account_regions = parts.iter().filter_map(|(scope, _)| match scope {
        PartScope::Shard(shard) => Some((&*shard.account, &*shard.region)),
        PartScope::Unsharded(_) => None,
    });
    for (account, region) in account_regions {
        index_account_region(evidence_store, account, region)?;
    }
    for (scope, part) in &parts {
        index_part(evidence_store, scope, evidence_source, &source, part)?;
    }
    write_part_lines(evidence_store, evidence_source, &source, &parts)?;
    Ok(StoredBatch { key, bytes: bytes.len() as u64, parts: parts.len() as u64, rows })
}

/// Stores a pack and returns its name: the hash of its sources or, if other bytes have that name, this hash with the
/// hash of the bytes. That happens when another version of this program has read the same sources, or when a slice
/// has more events than before.
pub(super) fn store_pack(
    evidence_store: &EvidenceStore<'_>,
    source: String,
    bytes: &[u8],
    sha256: &str,
    key: impl Fn(&str) -> String,
) -> Result<String, EvidenceError> {
    let name = key(&source);
    if evidence_store.store.create(&name, bytes, MEDIA_TYPE)?
        || evidence_store.store.read(&name, None)? == bytes
    {
        return Ok(source);
    }
    let source = format!("{source}.{}", sha256.get(..16).unwrap_or(sha256));
    let name = key(&source);
    if evidence_store.store.create(&name, bytes, MEDIA_TYPE)?
        || evidence_store.store.read(&name, None)? == bytes
    {
        return Ok(source);
    }
    let cause = "the key contains its hash, but the stored bytes are different".to_owned();
    Err(EvidenceError::Damaged { key: name, from: 0, until: bytes.len() as u64, cause })
}

/// Adds an account and region to the index, unless this process knows that it is there.
fn index_account_region(
    evidence_store: &EvidenceStore<'_>,
    account: &str,
    region: &str,
) -> Result<(), EvidenceError> {
    let known = || evidence_store.known_account_regions.lock().unwrap_or_else(PoisonError::into_inner);
    let sort = keys::account_region(account, region);
    if known().contains(&sort) {
        return Ok(());
    }
    let listed = evidence_store.table.query(keys::ACCOUNT_REGIONS, &sort)?;
    if !listed.iter().any(|item| item.sort_key == sort) {
        let body = json!({ "account": account, "region": region });
        let item = TableItem {
            partition_key: keys::ACCOUNT_REGIONS.to_owned(),
            sort_key: sort.clone(),
            revision: 0,
            expires_at: None,
            body,
        };
        // Another run may have written it first.
        evidence_store.table.put(&item, WriteCondition::Unchanged)?;
    }
    known().insert(sort);
    Ok(())
}

/// Writes the index item of a part.
pub(super) fn index_part(
    evidence_store: &EvidenceStore<'_>,
    scope: &PartScope,
    evidence_source: EvidenceSource,
    source: &str,
    part: &EvidencePart,
) -> Result<(), EvidenceError> {
    let (partition, hour) = match scope {
        PartScope::Shard(shard) => (keys::shard(shard), shard.hour),
        PartScope::Unsharded(hour) => (keys::unsharded(*hour), *hour),
    };
    // It contains only strings and numbers, so serializing it does not fail.
    let body = serde_json::to_value(part).unwrap_or_default();
    let item = TableItem {
        partition_key: partition,
        sort_key: keys::part_sort_key(hour, evidence_source, source),
        revision: 0,
        expires_at: evidence_store.expires_at(hour),
        body,
    };
    evidence_store.table.put(&item, WriteCondition::Always)?;
    Ok(())
}

/// A part, as a line for Athena.
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

/// Writes the lines of the parts for Athena, by account and day.
fn write_part_lines(
    evidence_store: &EvidenceStore<'_>,
    evidence_source: EvidenceSource,
    source: &str,
    parts: &[(PartScope, EvidencePart)],
) -> Result<(), EvidenceError> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (scope, part) in parts {
        let PartScope::Shard(Shard { account, region, hour }) = scope else { continue };
        let EvidencePart { key, offset, length, sha256, rows, .. } = part;
        let (evidence_source, rows) = (evidence_source.as_str(), *rows);
        let line = PartLine {
            account,
            region,
            hour: *hour,
            evidence_source,
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
        evidence_store.store.create(&key, text.as_bytes(), "application/x-ndjson")?;
    }
    Ok(())
}
