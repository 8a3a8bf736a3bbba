//! Merges many small parts into one.
//!
//! Enters: the index. Leaves: the same evidence in fewer parts. Laws: the evidence is the same before and after
//! compaction, and after a kill at any moment. For this the merged part is indexed before the merged-away parts are
//! deleted, it comes after them in index order, and merging it with them changes nothing. Packs are not deleted,
//! because they also contain other shards.

use std::collections::BTreeMap;

use super::{
    EvidenceError, EvidenceSource, EvidenceStore, batch_writer,
    collect::{account_regions, parts_hash},
    keys,
    pack::{FinishedPack, PackBuilder, PartScope},
    part::EvidencePart,
    unsharded,
};
use crate::{
    ports::{ProcessedObject, StoredObject},
    segment::{SegmentBuilder, Shard},
    time::{HOUR_SECONDS, Hour, Time},
};

/// Fewest parts that are merged.
const MIN_PARTS: usize = 8;

/// Number of seconds after the end of an hour until it is settled: by then CloudTrail has delivered its
/// events and the lag of lookups is over.
const SETTLED_SECONDS: u32 = 2 * HOUR_SECONDS;

/// The outcome of compaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionOutcome {
    /// Parts that were created.
    pub parts_created: u64,
    /// Parts that were merged into them.
    pub parts_merged: u64,
}

/// Merges the parts from the hour of `since` to the last hour before `until`, where an hour is settled and has many
/// parts.
///
/// # Errors
/// When table or store fail, or a part is damaged; no evidence is lost.
pub fn compact(
    evidence_store: &EvidenceStore<'_>,
    (since, until): (Time, Time),
    now: Time,
) -> Result<CompactionOutcome, EvidenceError> {
    let (from, until) = (since.hour(), Hour(until.0.div_ceil(HOUR_SECONDS)));
    let mut outcome = CompactionOutcome::default();
    let pairs = account_regions(evidence_store)?;
    for day in keys::days(from, until) {
        for (account, region) in &pairs {
            let scope =
                |hour| PartScope::Shard(Shard { account: account.clone(), region: region.clone(), hour });
            let partition = keys::shards(account, region, day);
            compact_partition(evidence_store, &partition, day, (from, until), now, scope, &mut outcome)?;
        }
        compact_partition(
            evidence_store,
            &keys::unsharded(day),
            day,
            (from, until),
            now,
            PartScope::Unsharded,
            &mut outcome,
        )?;
    }
    Ok(outcome)
}

/// What merged parts have in common: hour, evidence source, and watch fingerprint if events were dropped.
type PartGroup = (Hour, EvidenceSource, Option<String>);

/// Compacts one partition of the index.
fn compact_partition(
    evidence_store: &EvidenceStore<'_>,
    partition: &str,
    day: Hour,
    (from, until): (Hour, Hour),
    now: Time,
    scope: impl Fn(Hour) -> PartScope,
    outcome: &mut CompactionOutcome,
) -> Result<(), EvidenceError> {
    let mut groups: BTreeMap<PartGroup, Vec<(String, EvidencePart)>> = BTreeMap::new();
    for item in evidence_store.table.query(partition, "")? {
        let Some((hour, evidence_source)) = keys::parse_part(&item.sort_key, day) else { continue };
        let is_settled = now >= Time(hour.end().0.saturating_add(SETTLED_SECONDS));
        if is_settled && (from..until).contains(&hour) {
            let part = EvidencePart::from_item(&item)?;
            let watch_fingerprint = part.unsharded.as_ref().and_then(|info| info.watch_fingerprint.clone());
            groups
                .entry((hour, evidence_source, watch_fingerprint))
                .or_default()
                .push((item.sort_key.clone(), part));
        }
    }
    for ((hour, evidence_source, _), parts) in
        groups.into_iter().filter(|(_, parts)| parts.len() >= MIN_PARTS)
    {
        let (sorts, parts): (Vec<String>, Vec<EvidencePart>) = parts.into_iter().unzip();
        let last = sorts.iter().map(|sort| keys::generation_of(sort)).max().unwrap_or_default();
        merge_parts(evidence_store, &scope(hour), evidence_source, &parts, last.saturating_add(1))?;
        for sort in &sorts {
            evidence_store.table.delete(partition, sort)?;
        }
        outcome.parts_created += 1;
        outcome.parts_merged += sorts.len() as u64;
    }
    Ok(())
}

/// Merges the parts of a shard into one, and replaces their index items.
fn merge_parts(
    evidence_store: &EvidenceStore<'_>,
    scope: &PartScope,
    evidence_source: EvidenceSource,
    parts: &[EvidencePart],
    generation: u32,
) -> Result<(), EvidenceError> {
    let mut builder = SegmentBuilder::default();
    for part in parts {
        builder.absorb(&mut SegmentBuilder::from(part.load(evidence_store)?));
    }
    let segment = builder.finish();
    let (hour, name, info) = match scope {
        PartScope::Shard(shard) => (shard.hour, shard.to_string(), None),
        PartScope::Unsharded(hour) => {
            (*hour, "unsharded".to_owned(), Some(unsharded::merged_info(parts, &segment)))
        }
    };
    let source = parts_hash(parts, &format!("{name} {}", evidence_source.as_str()));
    let mut pack = PackBuilder::new(segment.rows().len() as u64);
    pack.push(scope.clone(), &segment, info);
    let FinishedPack { bytes, sha256, parts } = pack.finish(evidence_source, &source, &packs_of(parts));
    let source = batch_writer::store_pack(evidence_store, source, &bytes, &sha256, |source| {
        keys::merged(hour, source)
    })?;
    for (scope, mut part) in parts {
        part.key = keys::merged(hour, &source);
        batch_writer::index_part(
            evidence_store,
            &scope,
            evidence_source,
            &keys::merged_part_name(generation, &source),
            &part,
        )?;
    }
    Ok(())
}

/// The packs of parts, as the sources of the merged part.
fn packs_of(parts: &[EvidencePart]) -> Vec<ProcessedObject> {
    let packs: BTreeMap<&str, &EvidencePart> =
        parts.iter().filter(|part| part.is_in_pack()).map(|part| (&*part.key, part)).collect();
    let read = |(name, part): (&str, &EvidencePart)| {
        let object = StoredObject { name: name.to_owned(), size: part.pack.bytes, version: String::new() };
        let sha256 = part.pack.sha256.clone();
        ProcessedObject { object, sha256, content: None, records: part.pack.records, unreadable: Vec::new() }
    };
    packs.into_iter().map(read).collect()
}
