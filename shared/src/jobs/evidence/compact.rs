//! Many small parts become one.
//!
//! Enters: the index. Leaves: the same evidence in fewer parts. Laws: what is said is the same before, after, and
//! after a kill at any moment between: the one part is in the index before the many leave it, behind them in its
//! order, and to merge both changes nothing. Packs stay where they are, since other shards are in them.

use std::collections::BTreeMap;

use super::{
    EvidenceError, House, Lane,
    collect::{places, set_hash},
    keep, keys,
    pack::{Of, Pack, Packed},
    part::Part,
    rest,
};
use crate::{
    ports::{Object, ReadObject},
    segment::{Draft, Shard},
    time::{HOUR, Hour, Time},
};

/// Parts from which on they are merged.
const MANY: usize = 8;

/// Seconds after the end of an hour until it is at rest: by then CloudTrail has delivered it and the lag of
/// look-ups is over.
const AT_REST: u32 = 2 * HOUR;

/// What compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Parts that were made.
    pub made: u64,
    /// Parts they were made of.
    pub merged: u64,
}

/// Merges parts of the hours from that of `since` up to that before `until`, where there are many and the hour is
/// at rest.
///
/// # Errors
/// When table or store fail, or a part is damaged; nothing is lost.
pub fn compact(
    house: &House<'_>,
    (since, until): (Time, Time),
    now: Time,
) -> Result<Compacted, EvidenceError> {
    let (from, until) = (since.hour(), Hour(until.0.div_ceil(HOUR)));
    let mut compacted = Compacted::default();
    let places = places(house)?;
    for day in keys::days(from, until) {
        for (account, region) in &places {
            let of = |hour| Of::Shard(Shard { account: account.clone(), region: region.clone(), hour });
            let partition = keys::shards(account, region, day);
            partition_of(house, &partition, day, (from, until), now, of, &mut compacted)?;
        }
        partition_of(house, &keys::rest(day), day, (from, until), now, Of::Rest, &mut compacted)?;
    }
    Ok(compacted)
}

/// Compacts one partition of the index.
fn partition_of(
    house: &House<'_>,
    partition: &str,
    day: Hour,
    (from, until): (Hour, Hour),
    now: Time,
    of: impl Fn(Hour) -> Of,
    compacted: &mut Compacted,
) -> Result<(), EvidenceError> {
    let mut groups: BTreeMap<(Hour, Lane, Option<String>), Vec<(String, Part)>> = BTreeMap::new();
    for item in house.table.query(partition, "")? {
        let Some((hour, lane)) = keys::read_part(&item.sort, day) else { continue };
        let at_rest = now >= Time(hour.end().0.saturating_add(AT_REST));
        if at_rest && (from..until).contains(&hour) {
            let part = Part::of(&item)?;
            let watches = part.rest.as_ref().and_then(|about| about.watches.clone());
            groups.entry((hour, lane, watches)).or_default().push((item.sort.clone(), part));
        }
    }
    for ((hour, lane, _), parts) in groups.into_iter().filter(|(_, parts)| parts.len() >= MANY) {
        let (sorts, parts): (Vec<String>, Vec<Part>) = parts.into_iter().unzip();
        let last = sorts.iter().map(|sort| keys::generation_of(sort)).max().unwrap_or_default();
        merge(house, &of(hour), lane, &parts, last.saturating_add(1))?;
        for sort in &sorts {
            house.table.delete(partition, sort)?;
        }
        compacted.made += 1;
        compacted.merged += sorts.len() as u64;
    }
    Ok(())
}

/// Makes one part of many.
fn merge(
    house: &House<'_>,
    of: &Of,
    lane: Lane,
    parts: &[Part],
    generation: u32,
) -> Result<(), EvidenceError> {
    let mut draft = Draft::default();
    for part in parts {
        draft.absorb(&mut Draft::from(part.load(house)?));
    }
    let segment = draft.finish();
    let (hour, name, about) = match of {
        Of::Shard(shard) => (shard.hour, shard.to_string(), None),
        Of::Rest(hour) => (*hour, "rest".to_owned(), Some(rest::about(parts, &segment))),
    };
    let source = set_hash(parts, &format!("{name} {}", lane.as_str()));
    let mut pack = Pack::new(segment.rows().len() as u64);
    pack.push(of.clone(), &segment, about);
    let Packed { bytes, sha256, parts } = pack.finish(lane, &source, &packs(parts));
    let source = keep::store(house, source, &bytes, &sha256, |source| keys::merged(hour, source))?;
    for (of, mut part) in parts {
        part.key = keys::merged(hour, &source);
        keep::index(house, &of, lane, &keys::generation(generation, &source), &part)?;
    }
    Ok(())
}

/// The packs that parts lie in, as what a merged one was read from.
fn packs(parts: &[Part]) -> Vec<ReadObject> {
    let packs: BTreeMap<&str, &Part> = parts.iter().map(|part| (&*part.key, part)).collect();
    let read = |(name, part): (&str, &Part)| {
        let object = Object { name: name.to_owned(), size: part.pack.bytes, version: String::new() };
        let sha256 = part.pack.sha256.clone();
        ReadObject { object, sha256, records: part.pack.records, unreadable: Vec::new() }
    };
    packs.into_iter().map(read).collect()
}
