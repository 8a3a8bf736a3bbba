//! Collects the stored evidence of a window.
//!
//! Enters: the index and the segments it names. Leaves: [`CollectedEvidence`]. Laws: each shard comes from one
//! evidence source; a part that is damaged or deleted is an error; each thread merges one shard at a time, so memory
//! depends on the largest shard; the result does not depend on the number of threads.

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
    restored, retention,
    retention::KnownLosses,
    unsharded,
};
use crate::{
    config::Config,
    evidence_summary::{EvidenceSummary, EvidenceSummaryBuilder, LEAD_IN_HOURS, ReportScope},
    extract::Extract,
    hex::hex,
    jobs::history,
    ports::{PortErrorKind, TableItem},
    record::UnreadablePosition,
    report::{InputFile, ReportRun, RestoredSpan},
    segment::{SegmentBuilder, Shard},
    time::{HOUR_SECONDS, Hour, Time},
};

/// The evidence of a window, and its inputs.
#[derive(Debug)]
pub struct CollectedEvidence {
    /// Summary of the collected evidence.
    pub summary: EvidenceSummary,
    /// Stored objects that the summary was made from.
    pub inputs: EvidenceInputs,
    /// The time before which evidence was removed, if the window begins before it.
    pub removed_before: Option<Time>,
    /// Spans of the window in which log files may be missing from the index, because it was restored.
    pub restored: Vec<RestoredSpan>,
}

impl CollectedEvidence {
    /// Marks hours of these accounts and regions as incomplete: every hour for which the event history counts and
    /// that completed slices do not cover, whether or not it has events.
    #[must_use]
    pub fn expect_account_regions(
        mut self,
        account_regions: &[history::AccountRegion],
        config: &Config,
        (since, until): (Time, Time),
    ) -> Self {
        let hours = (since.hour().0..until.0.div_ceil(HOUR_SECONDS)).map(Hour);
        for hour in hours.filter(|hour| EvidenceSource::for_hour(*hour, config) == EvidenceSource::Lookup) {
            let shard = |account_region: &history::AccountRegion| {
                let history::AccountRegion { account, region } = account_region.clone();
                Shard { account, region, hour }
            };
            let open =
                account_regions.iter().map(shard).filter(|shard| !self.summary.digest_hours.contains(shard));
            self.summary.incomplete_hours.extend(open);
        }
        self
    }
}

/// The inputs of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceInputs {
    packs: BTreeMap<String, PackInfo>,
    unreadable: BTreeSet<UnreadablePosition>,
    /// Number of events in all parts, repeated ones included.
    event_count: u64,
    /// Number of distinct events.
    distinct_events: u64,
    /// Number of parts that were merged.
    pub part_count: u64,
    /// Number of shards with evidence.
    pub shard_count: u64,
    /// Shards with a cached extract.
    pub cached_extracts: u64,
}

impl EvidenceInputs {
    pub(super) fn add(&mut self, part: &EvidencePart) {
        if part.is_in_pack() {
            self.packs.entry(part.key.clone()).or_insert_with(|| part.pack.clone());
        }
        self.event_count += part.rows;
        self.part_count += 1;
    }

    pub(super) fn add_unreadable(&mut self, positions: impl IntoIterator<Item = UnreadablePosition>) {
        self.unreadable.extend(positions);
    }

    /// Adds the inputs to the run description of a report.
    pub fn fill_run(self, run: ReportRun) -> ReportRun {
        let Self { packs, unreadable, event_count: rows, distinct_events: distinct, .. } = self;
        let log_files_reused = packs.len() as u64;
        let input = |(file, PackInfo { bytes, sha256, records })| InputFile { file, bytes, sha256, records };
        let run = run.with_inputs(packs.into_iter().map(input), unreadable);
        ReportRun { log_files_reused, records_seen: rows, duplicates: rows.saturating_sub(distinct), ..run }
    }
}

/// Collects the stored evidence from the hour of `since` to the last hour before `until`, and the lead-in.
///
/// # Errors
/// When table or store fail, or their contents are damaged.
pub fn collect(
    evidence_store: &EvidenceStore<'_>,
    config: &Config,
    (since, until): (Time, Time),
    threads: usize,
) -> Result<CollectedEvidence, EvidenceError> {
    let hours = (since.hour(), Hour(until.0.div_ceil(HOUR_SECONDS)));
    let KnownLosses { removed_before, restored } = retention::known_losses(evidence_store.table)?;
    let is_removed = |hour| retention::is_removed(hour, removed_before);
    let mut inputs = EvidenceInputs::default();
    let rest = unsharded::collect(evidence_store, config, hours, removed_before, threads, &mut inputs)?;
    let covered: BTreeSet<Shard> = rest.digest_hours().cloned().collect();
    let mut builder = EvidenceSummaryBuilder::new(rest, ReportScope::between(Some(since), Some(until)))?;
    let hours_read = (lead_in_start(hours.0).max(removed_before.hour()), hours.1);
    let is_incomplete = |shard: &Shard| {
        EvidenceSource::for_hour(shard.hour, config) == EvidenceSource::Lookup && !covered.contains(shard)
    };
    let mut incomplete_hours = BTreeSet::new();
    let pairs = account_regions(evidence_store)?;
    // A few accounts and regions at a time: an organization has thousands, each with some hundred parts a day.
    for some in pairs.chunks(threads.max(1) * 8) {
        let mut shards = Vec::new();
        in_order(
            some,
            threads,
            |pair| list_parts(evidence_store, config, pair, hours_read),
            |found| {
                shards.extend(found);
                Ok(())
            },
        )?;
        in_order(
            &shards,
            threads,
            |(shard, parts)| extract(evidence_store, shard, parts),
            |(extract, cached)| {
                inputs.shard_count += 1;
                inputs.cached_extracts += u64::from(cached);
                inputs.distinct_events += extract.tally.events();
                let shard = &extract.shard;
                if is_incomplete(shard) {
                    incomplete_hours.insert(shard.clone());
                }
                builder.add(extract)?;
                Ok(())
            },
        )?;
        shards.iter().flat_map(|(_, parts)| parts).for_each(|part| inputs.add(part));
    }
    let mut summary = builder.finish();
    // Set after the builder: these hours have events and lie in the given period or its lead-in, so they do not change
    // anything else.
    summary.lead_in.hours.retain(|shard| !is_incomplete(shard) && !is_removed(shard.hour));
    let may_miss_log_files = |hour| {
        EvidenceSource::for_hour(hour, config) == EvidenceSource::S3
            && restored.iter().any(|span| restored::concerns(span, hour))
    };
    summary.lead_in.hours.retain(|shard| !may_miss_log_files(shard.hour));
    let is_lost = |hour: &Hour| is_removed(*hour) || may_miss_log_files(*hour);
    for hour in (hours.0.0..hours.1.0).map(Hour).filter(is_lost) {
        let shard = |(account, region): &AccountRegionPair| Shard {
            account: account.clone(),
            region: region.clone(),
            hour,
        };
        incomplete_hours.extend(pairs.iter().map(shard));
    }
    incomplete_hours.retain(|shard| shard.hour >= hours.0);
    summary.incomplete_hours = incomplete_hours;
    let removed_before = Some(removed_before).filter(|_| is_removed(hours.0));
    let in_window = |span: &RestoredSpan| {
        (hours.0.0..hours.1.0)
            .map(Hour)
            .any(|hour| restored::concerns(span, hour) && may_miss_log_files(hour))
    };
    let restored = restored.iter().filter(|span| in_window(span)).copied().collect();
    Ok(CollectedEvidence { summary, inputs, removed_before, restored })
}

/// The first hour of the lead-in of a period that begins with this hour.
pub(super) const fn lead_in_start(from: Hour) -> Hour {
    Hour(from.0.saturating_sub(LEAD_IN_HOURS))
}

/// An account and a region.
pub type AccountRegionPair = (Arc<str>, Arc<str>);

/// Accounts and regions that have evidence, in order.
pub fn account_regions(evidence_store: &EvidenceStore<'_>) -> Result<Vec<AccountRegionPair>, EvidenceError> {
    #[derive(Deserialize)]
    struct AccountRegionBody {
        account: Arc<str>,
        region: Arc<str>,
    }
    let pair = |item: &TableItem| match AccountRegionBody::deserialize(&item.body) {
        Ok(AccountRegionBody { account, region }) => Ok((account, region)),
        Err(cause) => {
            let (partition, sort) = (item.partition_key.clone(), item.sort_key.clone());
            Err(EvidenceError::DamagedItem { partition, sort, cause: cause.to_string() })
        }
    };
    let mut pairs: Vec<AccountRegionPair> =
        evidence_store.table.query(keys::ACCOUNT_REGIONS, "")?.iter().map(pair).collect::<Result<_, _>>()?;
    pairs.sort_unstable();
    Ok(pairs)
}

/// The parts that count of each shard of an account and region, in order.
fn list_parts(
    evidence_store: &EvidenceStore<'_>,
    config: &Config,
    (account, region): &AccountRegionPair,
    (from, until): (Hour, Hour),
) -> Result<Vec<(Shard, Vec<EvidencePart>)>, EvidenceError> {
    let mut shards: BTreeMap<Hour, Vec<EvidencePart>> = BTreeMap::new();
    for day in keys::days(from, until) {
        for item in evidence_store.table.query(&keys::shards(account, region, day), "")? {
            let damaged = || EvidenceError::DamagedItem {
                partition: item.partition_key.clone(),
                sort: item.sort_key.clone(),
                cause: "its sort key does not name a part".to_owned(),
            };
            let (hour, evidence_source) = keys::parse_part(&item.sort_key, day).ok_or_else(damaged)?;
            if (from..until).contains(&hour) && evidence_source == EvidenceSource::for_hour(hour, config) {
                shards.entry(hour).or_default().push(EvidencePart::from_item(&item)?);
            }
        }
    }
    let shard = |hour| Shard { account: account.clone(), region: region.clone(), hour };
    Ok(shards.into_iter().map(|(hour, parts)| (shard(hour), parts)).collect())
}

/// The extract of a shard, and whether it was cached. Its key is the hash of the parts and of the version of this
/// program, because another version may make a different extract.
fn extract(
    evidence_store: &EvidenceStore<'_>,
    shard: &Shard,
    parts: &[EvidencePart],
) -> Result<(Extract, bool), EvidenceError> {
    let key = keys::extract(&parts_hash(parts, env!("CARGO_PKG_VERSION")));
    match evidence_store.store.read(&key, None) {
        Ok(bytes) => match Extract::from_bytes(&bytes) {
            Ok(extract) if extract.shard == *shard => return Ok((extract, true)),
            // A damaged cache entry is computed again.
            _ => {}
        },
        Err(error) if error.kind == PortErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let mut builder = SegmentBuilder::default();
    for part in parts {
        builder.absorb(&mut SegmentBuilder::from(part.load(evidence_store)?));
    }
    let damaged = |cause: String| EvidenceError::DamagedShard { shard: shard.clone(), cause };
    let extract = Extract::of(builder.finish()).map_err(|cause| damaged(cause.to_string()))?;
    if extract.shard != *shard {
        return Err(damaged(format!("its parts belong to `{}`", extract.shard)));
    }
    evidence_store.store.create(&key, &extract.to_bytes(), super::pack::MEDIA_TYPE)?;
    Ok((extract, false))
}

/// A hash over the segments of a shard, each once, and a word such as the version.
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

/// Runs `work` on all items in threads, a few at a time, and passes the results to `each` in order.
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
