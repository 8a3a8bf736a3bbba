//! What the kept evidence says of a window.
//!
//! Enters: the index and the segments it names. Leaves: a [`CollectedEvidence`]. Laws: each shard is told by one lane; a
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
    EvidenceError, EvidenceSource, EvidenceStore, keys,
    part::{EvidencePart, PackInfo},
    unsharded,
};
use crate::{
    config::Config,
    evidence_summary::{EvidenceSummary, EvidenceSummaryBuilder, ReportScope},
    extract::Extract,
    jobs::history,
    ports::{PortErrorKind, TableItem},
    report::{InputFile, ReportRun, UnreadablePosition, hex},
    segment::{SegmentBuilder, Shard},
    time::{HOUR_SECONDS, Hour, Time},
};

/// What the kept evidence says, and what it is made of.
#[derive(Debug)]
pub struct CollectedEvidence {
    /// What it says.
    pub summary: EvidenceSummary,
    /// What it is made of.
    pub inputs: EvidenceInputs,
}

impl CollectedEvidence {
    /// Expects of these lanes what they were to pull: an hour for which the event history counts and no closed slices
    /// vouch is incomplete, whatever it shows and even if it shows nothing.
    #[must_use]
    pub fn expect_account_regions(
        mut self,
        lanes: &[history::AccountRegion],
        config: &Config,
        (since, until): (Time, Time),
    ) -> Self {
        let hours = (since.hour().0..until.0.div_ceil(HOUR_SECONDS)).map(Hour);
        for hour in hours.filter(|hour| EvidenceSource::for_hour(*hour, config) == EvidenceSource::Lookup) {
            let shard = |lane: &history::AccountRegion| {
                let history::AccountRegion { account, region } = lane.clone();
                Shard { account, region, hour }
            };
            let open = lanes.iter().map(shard).filter(|shard| !self.summary.digest_hours.contains(shard));
            self.summary.incomplete_hours.extend(open);
        }
        self
    }
}

/// What a report was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceInputs {
    packs: BTreeMap<String, PackInfo>,
    unreadable: BTreeSet<UnreadablePosition>,
    /// Events in all parts.
    event_count: u64,
    /// Those of them that are distinct.
    distinct_events: u64,
    /// Parts that were merged.
    pub part_count: u64,
    /// Shards.
    pub shard_count: u64,
    /// Shards whose extract was there already.
    pub cached_extracts: u64,
}

/// Inputs a report names; the others are in their common hash only.
const MAX_INPUTS: usize = 10_000;

/// Unreadable positions a report names.
const MAX_UNREADABLE_POSITIONS: usize = 1_000;

impl EvidenceInputs {
    pub(super) fn add(&mut self, part: &EvidencePart) {
        self.packs.entry(part.key.clone()).or_insert_with(|| part.pack.clone());
        self.event_count += part.rows;
        self.part_count += 1;
    }

    pub(super) fn add_unreadable(&mut self, positions: impl IntoIterator<Item = UnreadablePosition>) {
        self.unreadable.extend(positions);
    }

    /// The same, as a report says it.
    pub fn fill_run(self, run: ReportRun) -> ReportRun {
        let Self { packs, unreadable, event_count: rows, distinct_events: distinct, .. } = self;
        let mut all = Sha256::new();
        for hash in packs.values().map(|pack| &*pack.sha256).collect::<BTreeSet<_>>() {
            all.update(hash);
        }
        ReportRun {
            log_files_reused: packs.len() as u64,
            records_seen: rows,
            duplicates: rows.saturating_sub(distinct),
            input_files_sha256: hex(&all.finalize()),
            input_files: packs
                .into_iter()
                .take(MAX_INPUTS)
                .map(|(object, PackInfo { bytes, sha256, records })| InputFile {
                    file: object,
                    bytes,
                    sha256,
                    records,
                })
                .collect(),
            unreadable: unreadable.into_iter().take(MAX_UNREADABLE_POSITIONS).collect(),
            ..run
        }
    }
}

/// What is kept of the hours from that of `since` up to that before `until`.
///
/// # Errors
/// When table or store fail, or what they hold is not what was put there.
pub fn collect(
    house: &EvidenceStore<'_>,
    config: &Config,
    (since, until): (Time, Time),
    threads: usize,
) -> Result<CollectedEvidence, EvidenceError> {
    let hours = (since.hour(), Hour(until.0.div_ceil(HOUR_SECONDS)));
    let mut accounts = EvidenceInputs::default();
    let rest = unsharded::collect(house, config, hours, threads, &mut accounts)?;
    let vouched: BTreeSet<Shard> = rest.digest_hours().cloned().collect();
    let mut assembly = EvidenceSummaryBuilder::new(rest, ReportScope::between(Some(since), Some(until)))?;
    let mut unfinished = BTreeSet::new();
    let places = account_regions(house)?;
    // Few places at a time: an organization has thousands, each with some hundred parts a day.
    for some in places.chunks(threads.max(1) * 8) {
        let mut shards = Vec::new();
        in_order(
            some,
            threads,
            |place| list_parts(house, config, place, hours),
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
                accounts.shard_count += 1;
                accounts.cached_extracts += u64::from(cached);
                accounts.distinct_events += extract.tally.events();
                let shard = &extract.shard;
                if EvidenceSource::for_hour(shard.hour, config) == EvidenceSource::Lookup
                    && !vouched.contains(shard)
                {
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
    dossier.incomplete_hours = unfinished;
    Ok(CollectedEvidence { summary: dossier, inputs: accounts })
}

/// An account and a region.
pub(super) type AccountRegionPair = (Arc<str>, Arc<str>);

/// Places that have evidence, in order.
pub(super) fn account_regions(house: &EvidenceStore<'_>) -> Result<Vec<AccountRegionPair>, EvidenceError> {
    #[derive(Deserialize)]
    struct AccountRegionBody {
        account: Arc<str>,
        region: Arc<str>,
    }
    let place = |item: &TableItem| match AccountRegionBody::deserialize(&item.body) {
        Ok(AccountRegionBody { account, region }) => Ok((account, region)),
        Err(cause) => {
            let (partition, sort) = (item.partition_key.clone(), item.sort_key.clone());
            Err(EvidenceError::DamagedItem { partition, sort, cause: cause.to_string() })
        }
    };
    let mut places: Vec<AccountRegionPair> =
        house.table.query(keys::ACCOUNT_REGIONS, "")?.iter().map(place).collect::<Result<_, _>>()?;
    places.sort_unstable();
    Ok(places)
}

/// The parts of each shard of a place that count, in order.
fn list_parts(
    house: &EvidenceStore<'_>,
    config: &Config,
    (account, region): &AccountRegionPair,
    (from, until): (Hour, Hour),
) -> Result<Vec<(Shard, Vec<EvidencePart>)>, EvidenceError> {
    let mut shards: BTreeMap<Hour, Vec<EvidencePart>> = BTreeMap::new();
    for day in keys::days(from, until) {
        for item in house.table.query(&keys::shards(account, region, day), "")? {
            let damaged = || EvidenceError::DamagedItem {
                partition: item.partition_key.clone(),
                sort: item.sort_key.clone(),
                cause: "its sort key is none of a part".to_owned(),
            };
            let (hour, lane) = keys::parse_part(&item.sort_key, day).ok_or_else(damaged)?;
            if (from..until).contains(&hour) && lane == EvidenceSource::for_hour(hour, config) {
                shards.entry(hour).or_default().push(EvidencePart::from_item(&item)?);
            }
        }
    }
    let shard = |hour| Shard { account: account.clone(), region: region.clone(), hour };
    Ok(shards.into_iter().map(|(hour, parts)| (shard(hour), parts)).collect())
}

/// The extract of a shard, and whether it was there already. It is kept under the hash of what it is made of, and
/// of the version of this program, which may make another one.
fn extract(
    house: &EvidenceStore<'_>,
    shard: &Shard,
    parts: &[EvidencePart],
) -> Result<(Extract, bool), EvidenceError> {
    let key = keys::extract(&parts_hash(parts, env!("CARGO_PKG_VERSION")));
    match house.store.read(&key, None) {
        Ok(bytes) => match Extract::from_bytes(&bytes) {
            Ok(extract) if extract.shard == *shard => return Ok((extract, true)),
            // It can be made again, so nothing is lost.
            _ => {}
        },
        Err(error) if error.kind == PortErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let mut draft = SegmentBuilder::default();
    for part in parts {
        draft.absorb(&mut SegmentBuilder::from(part.load(house)?));
    }
    let strange = |cause: String| EvidenceError::DamagedShard { shard: shard.clone(), cause };
    let extract = Extract::of(draft.finish()).map_err(|cause| strange(cause.to_string()))?;
    if extract.shard != *shard {
        return Err(strange(format!("its parts are of `{}`", extract.shard)));
    }
    house.store.create(&key, &extract.to_bytes(), super::pack::MEDIA_TYPE)?;
    Ok((extract, false))
}

/// A hash over the segments of a shard, each once, and a word.
pub(super) fn parts_hash(parts: &[EvidencePart], word: &str) -> String {
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
