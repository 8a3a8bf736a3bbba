//! What the kept evidence says of a window.
//!
//! Enters: the index and the segments it names. Leaves: a [`Collected`]. Laws: each shard is told by one lane; a
//! part that is damaged or gone is an error; shards are merged one after the other, as many at once as there are
//! threads, so that memory follows the largest shard; how many threads there are changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::resume_unwind,
    sync::Arc,
    thread,
};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    EvidenceError, House, Lane, keys,
    part::{Part, Whole},
    rest,
};
use crate::{
    config::Config,
    dossier::{Assembly, Dossier, Scope},
    extract::Extract,
    jobs::history,
    ports::{FailureKind, Item},
    report::{Input, Run, UnreadablePosition, hex},
    segment::{Draft, Shard},
    time::{HOUR, Hour, Time},
};

/// What the kept evidence says, and what it is made of.
#[derive(Debug)]
pub struct Collected {
    /// What it says.
    pub dossier: Dossier,
    /// What it is made of.
    pub accounts: Accounts,
}

impl Collected {
    /// Expects of these lanes what they were to pull: an hour for which the event history counts and no closed slices
    /// vouch is incomplete, whatever it shows and even if it shows nothing.
    #[must_use]
    pub fn expecting(
        mut self,
        lanes: &[history::Lane],
        config: &Config,
        (since, until): (Time, Time),
    ) -> Self {
        let hours = (since.hour().0..until.0.div_ceil(HOUR)).map(Hour);
        for hour in hours.filter(|hour| Lane::of(*hour, config) == Lane::Lookup) {
            let shard = |lane: &history::Lane| {
                let history::Lane { account, region } = lane.clone();
                Shard { account, region, hour }
            };
            let open = lanes.iter().map(shard).filter(|shard| !self.dossier.windows.contains(shard));
            self.dossier.unfinished.extend(open);
        }
        self
    }
}

/// What a report was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    packs: BTreeMap<String, Whole>,
    unreadable: BTreeSet<UnreadablePosition>,
    /// Events in all parts.
    rows: u64,
    /// Those of them that are distinct.
    distinct: u64,
    /// Parts that were merged.
    pub parts: u64,
    /// Shards.
    pub shards: u64,
    /// Shards whose extract was there already.
    pub cached: u64,
}

/// Inputs a report names; the others are in their common hash only.
const INPUTS: usize = 10_000;

/// Unreadable positions a report names.
const POSITIONS: usize = 1_000;

impl Accounts {
    pub(super) fn add(&mut self, part: &Part) {
        self.packs.entry(part.key.clone()).or_insert_with(|| part.pack.clone());
        self.rows += part.rows;
        self.parts += 1;
    }

    pub(super) fn unreadable(&mut self, positions: impl IntoIterator<Item = UnreadablePosition>) {
        self.unreadable.extend(positions);
    }

    /// The same, as a report says it.
    pub fn fill(self, run: Run) -> Run {
        let Self { packs, unreadable, rows, distinct, .. } = self;
        let mut all = Sha256::new();
        for hash in packs.values().map(|pack| &*pack.sha256).collect::<BTreeSet<_>>() {
            all.update(hash);
        }
        Run {
            objects_kept: packs.len() as u64,
            records_seen: rows,
            duplicates: rows.saturating_sub(distinct),
            inputs_sha256: hex(&all.finalize()),
            inputs: packs
                .into_iter()
                .take(INPUTS)
                .map(|(object, Whole { bytes, sha256, records })| Input { object, bytes, sha256, records })
                .collect(),
            unreadable: unreadable.into_iter().take(POSITIONS).collect(),
            ..run
        }
    }
}

/// What is kept of the hours from that of `since` up to that before `until`.
///
/// # Errors
/// When table or store fail, or what they hold is not what was put there.
pub fn collect(
    house: &House<'_>,
    config: &Config,
    (since, until): (Time, Time),
    threads: usize,
) -> Result<Collected, EvidenceError> {
    let hours = (since.hour(), Hour(until.0.div_ceil(HOUR)));
    let mut accounts = Accounts::default();
    let rest = rest::collect(house, config, hours, threads, &mut accounts)?;
    let vouched: BTreeSet<Shard> = rest.windows().cloned().collect();
    let mut assembly = Assembly::new(rest, Scope::between(Some(since), Some(until)))?;
    let mut unfinished = BTreeSet::new();
    let places = places(house)?;
    // Few places at a time: an organisation has thousands, each with some hundred parts a day.
    for some in places.chunks(threads.max(1) * 8) {
        let mut shards = Vec::new();
        in_order(
            some,
            threads,
            |place| listed(house, config, place, hours),
            |found| {
                shards.extend(found);
                Ok(())
            },
        )?;
        in_order(
            &shards,
            threads,
            |(shard, parts)| extract(house, shard, parts),
            |(extract, cached)| {
                accounts.shards += 1;
                accounts.cached += u64::from(cached);
                accounts.distinct += extract.tally.events();
                let shard = &extract.shard;
                if Lane::of(shard.hour, config) == Lane::Lookup && !vouched.contains(shard) {
                    unfinished.insert(shard.clone());
                }
                assembly.add(extract)?;
                Ok(())
            },
        )?;
        shards.iter().flat_map(|(_, parts)| parts).for_each(|part| accounts.add(part));
    }
    let mut dossier = assembly.finish();
    // Events are there, so these hours lie in the period; that is given, so nothing else depends on them.
    dossier.unfinished = unfinished;
    Ok(Collected { dossier, accounts })
}

/// An account and a region.
pub(super) type Place = (Arc<str>, Arc<str>);

/// Places that have evidence, in order.
pub(super) fn places(house: &House<'_>) -> Result<Vec<Place>, EvidenceError> {
    #[derive(Deserialize)]
    struct Body {
        account: Arc<str>,
        region: Arc<str>,
    }
    let place = |item: &Item| match Body::deserialize(&item.body) {
        Ok(Body { account, region }) => Ok((account, region)),
        Err(cause) => {
            let (partition, sort) = (item.partition.clone(), item.sort.clone());
            Err(EvidenceError::Item { partition, sort, cause: cause.to_string() })
        }
    };
    let mut places: Vec<Place> =
        house.table.query(keys::PLACES, "")?.iter().map(place).collect::<Result<_, _>>()?;
    places.sort_unstable();
    Ok(places)
}

/// The parts of each shard of a place that count, in order.
fn listed(
    house: &House<'_>,
    config: &Config,
    (account, region): &Place,
    (from, until): (Hour, Hour),
) -> Result<Vec<(Shard, Vec<Part>)>, EvidenceError> {
    let mut shards: BTreeMap<Hour, Vec<Part>> = BTreeMap::new();
    for day in keys::days(from, until) {
        for item in house.table.query(&keys::shards(account, region, day), "")? {
            let damaged = || EvidenceError::Item {
                partition: item.partition.clone(),
                sort: item.sort.clone(),
                cause: "its sort key is none of a part".to_owned(),
            };
            let (hour, lane) = keys::read_part(&item.sort, day).ok_or_else(damaged)?;
            if (from..until).contains(&hour) && lane == Lane::of(hour, config) {
                shards.entry(hour).or_default().push(Part::of(&item)?);
            }
        }
    }
    let shard = |hour| Shard { account: account.clone(), region: region.clone(), hour };
    Ok(shards.into_iter().map(|(hour, parts)| (shard(hour), parts)).collect())
}

/// The extract of a shard, and whether it was there already. It is kept under the hash of what it is made of, and
/// of the version of this program, which may make another one.
fn extract(house: &House<'_>, shard: &Shard, parts: &[Part]) -> Result<(Extract, bool), EvidenceError> {
    let key = keys::extract(&set_hash(parts, env!("CARGO_PKG_VERSION")));
    match house.store.read(&key, None) {
        Ok(bytes) => match Extract::from_bytes(&bytes) {
            Ok(extract) if extract.shard == *shard => return Ok((extract, true)),
            // It can be made again, so nothing is lost.
            _ => {}
        },
        Err(error) if error.kind == FailureKind::Missing => {}
        Err(error) => return Err(error.into()),
    }
    let mut draft = Draft::default();
    for part in parts {
        draft.absorb(&mut Draft::from(part.load(house)?));
    }
    let strange = |cause: String| EvidenceError::Shard { shard: shard.clone(), cause };
    let extract = Extract::of(draft.finish()).map_err(|cause| strange(cause.to_string()))?;
    if extract.shard != *shard {
        return Err(strange(format!("its parts are of `{}`", extract.shard)));
    }
    house.store.create(&key, &extract.to_bytes(), super::pack::MEDIA_TYPE)?;
    Ok((extract, false))
}

/// A hash over the segments of a shard, each once, and a word.
pub(super) fn set_hash(parts: &[Part], word: &str) -> String {
    let hashes: BTreeSet<&str> = parts.iter().map(|part| &*part.sha256).collect();
    let mut hash = Sha256::new();
    hash.update((word.len() as u64).to_be_bytes());
    hash.update(word);
    for part in hashes {
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Does `work` on all items, a few at a time in threads, and gives what came of it to `each` in order.
pub(super) fn in_order<'i, T: Sync, R: Send, E: Send>(
    items: &'i [T],
    threads: usize,
    work: impl Fn(&'i T) -> Result<R, E> + Sync,
    mut each: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    for some in items.chunks(threads.max(1)) {
        if let [one] = some {
            each(work(one)?)?;
            continue;
        }
        let done: Vec<Result<R, E>> = thread::scope(|scope| {
            let work = &work;
            let workers: Vec<_> = some.iter().map(|item| scope.spawn(move || work(item))).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        for result in done {
            each(result?)?;
        }
    }
    Ok(())
}
