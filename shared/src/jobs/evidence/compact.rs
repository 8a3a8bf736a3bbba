//! Many small parts become one.
//!
//! Enters: the index. Leaves: the same evidence in fewer parts. Laws: what is said is the same before, after, and
//! after a kill at any moment between: the one part is in the index before the many leave it, behind them in its
//! order, and to merge both changes nothing. Packs stay where they are, since other shards are in them.

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

/// Parts from which on they are merged.
const MIN_PARTS: usize = 8;

/// Seconds after the end of an hour until it is at rest: by then CloudTrail has delivered it and the lag of
/// look-ups is over.
const SETTLED_SECONDS: u32 = 2 * HOUR_SECONDS;

/// What compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionOutcome {
    /// Parts that were made.
    pub parts_created: u64,
    /// Parts they were made of.
    pub parts_merged: u64,
}

/// Merges parts of the hours from that of `since` up to that before `until`, where there are many and the hour is
/// at rest.
///
/// # Errors
/// When table or store fail, or a part is damaged; nothing is lost.
pub fn compact(
    house: &EvidenceStore<'_>,
    (since, until): (Time, Time),
    now: Time,
) -> Result<CompactionOutcome, EvidenceError> {
    let (from, until) = (since.hour(), Hour(until.0.div_ceil(HOUR_SECONDS)));
    let mut compacted = CompactionOutcome::default();
    let places = account_regions(house)?;
    for day in keys::days(from, until) {
        for (account, region) in &places {
            let of =
                |hour| PartScope::Shard(Shard { account: account.clone(), region: region.clone(), hour });
            let partition = keys::shards(account, region, day);
            compact_partition(house, &partition, day, (from, until), now, of, &mut compacted)?;
        }
        compact_partition(
            house,
            &keys::unsharded(day),
            day,
            (from, until),
            now,
            PartScope::Unsharded,
            &mut compacted,
        )?;
    }
    Ok(compacted)
}

/// What parts must have in common to become one: hour, lane, and whom they were kept for where others were left out.
type PartGroup = (Hour, EvidenceSource, Option<String>);

/// Compacts one partition of the index.
fn compact_partition(
    house: &EvidenceStore<'_>,
    partition: &str,
    day: Hour,
    (from, until): (Hour, Hour),
    now: Time,
    of: impl Fn(Hour) -> PartScope,
    compacted: &mut CompactionOutcome,
) -> Result<(), EvidenceError> {
    let mut groups: BTreeMap<PartGroup, Vec<(String, EvidencePart)>> = BTreeMap::new();
    for item in house.table.query(partition, "")? {
        let Some((hour, lane)) = keys::parse_part(&item.sort_key, day) else { continue };
        let at_rest = now >= Time(hour.end().0.saturating_add(SETTLED_SECONDS));
        if at_rest && (from..until).contains(&hour) {
            let part = EvidencePart::from_item(&item)?;
            let watches = part.unsharded.as_ref().and_then(|about| about.watch_fingerprint.clone());
            groups.entry((hour, lane, watches)).or_default().push((item.sort_key.clone(), part));
        }
    }
    for ((hour, lane, _), parts) in groups.into_iter().filter(|(_, parts)| parts.len() >= MIN_PARTS) {
        let (sorts, parts): (Vec<String>, Vec<EvidencePart>) = parts.into_iter().unzip();
        let last = sorts.iter().map(|sort| keys::generation_of(sort)).max().unwrap_or_default();
        merge_parts(house, &of(hour), lane, &parts, last.saturating_add(1))?;
        for sort in &sorts {
            house.table.delete(partition, sort)?;
        }
        compacted.parts_created += 1;
        compacted.parts_merged += sorts.len() as u64;
    }
    Ok(())
}

/// Makes one part of many.
fn merge_parts(
    house: &EvidenceStore<'_>,
    of: &PartScope,
    lane: EvidenceSource,
    parts: &[EvidencePart],
    generation: u32,
) -> Result<(), EvidenceError> {
    let mut draft = SegmentBuilder::default();
    for part in parts {
        draft.absorb(&mut SegmentBuilder::from(part.load(house)?));
    }
    let segment = draft.finish();
    let (hour, name, about) = match of {
        PartScope::Shard(shard) => (shard.hour, shard.to_string(), None),
        PartScope::Unsharded(hour) => {
            (*hour, "rest".to_owned(), Some(unsharded::merged_info(parts, &segment)))
        }
    };
    let source = parts_hash(parts, &format!("{name} {}", lane.as_str()));
    let mut pack = PackBuilder::new(segment.rows().len() as u64);
    pack.push(of.clone(), &segment, about);
    let FinishedPack { bytes, sha256, parts } = pack.finish(lane, &source, &packs_of(parts));
    let source =
        batch_writer::store_pack(house, source, &bytes, &sha256, |source| keys::merged(hour, source))?;
    for (of, mut part) in parts {
        part.key = keys::merged(hour, &source);
        batch_writer::index_part(house, &of, lane, &keys::merged_part_name(generation, &source), &part)?;
    }
    Ok(())
}

/// The packs that parts lie in, as what a merged one was read from.
fn packs_of(parts: &[EvidencePart]) -> Vec<ProcessedObject> {
    let packs: BTreeMap<&str, &EvidencePart> = parts.iter().map(|part| (&*part.key, part)).collect();
    let read = |(name, part): (&str, &EvidencePart)| {
        let object = StoredObject { name: name.to_owned(), size: part.pack.bytes, version: String::new() };
        let sha256 = part.pack.sha256.clone();
        ProcessedObject { object, sha256, records: part.pack.records, unreadable: Vec::new() }
    };
    packs.into_iter().map(read).collect()
}
