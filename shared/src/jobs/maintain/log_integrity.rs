//! The log files of the last days, verified by the digest files of the trail.
//!
//! Enters: the bucket of the trail, CloudTrail's public keys. Leaves: an [`IntegritySummary`] for each day, account and region, which
//! reports read. Laws: a day is verified when the digest files of all its hours are due; a day that is not verified is verified
//! again on the next days, because files may come late; a run that ends early leaves the days that it has verified.
//!
//! ```text
//! INTEGRITY#<date>   <account>#<region>   what was verified of the log files that were delivered on that day
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::{Maintenance, RESERVED_TIME, TaskDone, TaskError, task::day_of};
use crate::{
    config::Config,
    jobs::{
        evidence::{EvidenceError, indexed_account_regions, integrity_keys},
        gather::GatherOptions,
        verify_trail::TrailReader,
    },
    log_integrity::{
        DIGEST_DELIVERY_SECONDS, IntegrityStatus, IntegritySummary, PublicKeys, Selection, SignatureCheck,
        VerificationTask, verify,
    },
    ports::{Table, TableItem, TrailBucket, WriteCondition},
    time::{HOUR_SECONDS, Hour, Time},
};

/// Days that are verified, and verified again until nothing is missing.
const VERIFIED_DAYS: u32 = 3;

const DAY_SECONDS: u32 = 24 * HOUR_SECONDS;

/// The trail of a deployment.
#[derive(Clone, Copy)]
pub struct VerifiedTrail<'a> {
    /// Its bucket.
    pub bucket: &'a dyn TrailBucket,
    /// The prefix of the folders of accounts: `AWSLogs/` or `AWSLogs/o-.../`, with the prefix of the trail before it.
    pub prefix: &'a str,
    /// Verifies a signature.
    pub check: SignatureCheck<'a>,
    /// How log files are read.
    pub options: GatherOptions,
}

/// A day of an account and region.
struct PlaceDay<'a> {
    account: &'a str,
    region: &'a str,
    day: u32,
}

pub(super) fn verify_log_files(maintenance: &Maintenance<'_>) -> Result<TaskDone, TaskError> {
    let Some(trail) = maintenance.trail else {
        return Ok(TaskDone::whole("the deployment has no trail".to_owned()));
    };
    let Some(from) = maintenance.config.delivery.authoritative_from else {
        return Ok(TaskDone::whole("log files are not the evidence of any hour yet".to_owned()));
    };
    let now = maintenance.clock.now();
    // The last day of which all digest files are due.
    let end = day_of(Time(now.0.saturating_sub(DIGEST_DELIVERY_SECONDS)));
    let days = end.saturating_sub(VERIFIED_DAYS).max(day_of(from))..end;
    let places = indexed_account_regions(maintenance.evidence)?;
    let (mut keys, mut counts) = (KeyRing::default(), DayCounts::default());
    for day in days {
        let known = stored(maintenance.table, Hour(day * 24))?;
        for (account, region) in &places {
            if !is_account_and_region(account, region) {
                continue;
            }
            let known = known.get(&integrity_keys(Hour(day * 24), account, region).1);
            let is_done = known.is_some_and(|known| {
                known.checked_at.is_some_and(|at| day_of(at) == day_of(now)) || is_verified(known)
            });
            if !is_done && maintenance.clock.remaining() < RESERVED_TIME {
                let detail = format!("the time ran out; so far {counts}");
                return Ok(TaskDone::unfinished(detail, counts.tampered as u64));
            }
            let summary = match known.filter(|_| is_done) {
                Some(known) => known.clone(),
                None => {
                    let place = PlaceDay { account, region, day };
                    let summary = verify_day(&place, trail, &mut keys, now)?;
                    // What was tampered with once stays so.
                    let summary = known.cloned().unwrap_or_default().merge(summary);
                    store(maintenance, &place, &summary)?;
                    summary
                }
            };
            counts.add(&summary);
        }
    }
    Ok(TaskDone::found(counts.to_string(), counts.tampered as u64))
}

/// Verifies the log files that were delivered on a day.
fn verify_day(
    place: &PlaceDay<'_>,
    trail: VerifiedTrail<'_>,
    keys: &mut KeyRing,
    now: Time,
) -> Result<IntegritySummary, TaskError> {
    let (since, until) = (Time(place.day * DAY_SECONDS), Time((place.day + 1) * DAY_SECONDS));
    // A digest file of the first hour lists log files of the day before; that of the last hour is of the day after.
    let folders = |days: [u32; 3], kind: &str| {
        days.map(|day| {
            let date = Hour(day * 24).start().timestamp().strftime("%Y/%m/%d").to_string();
            format!("{}{}/{kind}/{}/{date}/", trail.prefix, place.account, place.region)
        })
    };
    let days = [place.day.saturating_sub(1), place.day, place.day + 1];
    let prefixes = [folders(days, "CloudTrail"), folders(days, "CloudTrail-Digest")].concat();
    let source = trail.bucket.below(&prefixes);
    let (source, quiet) = (&*source, &|_, _| ());
    let reader = TrailReader::open(source, Some(source), Some(since), until, trail.options, quiet)?;
    let selection = Selection {
        accounts: BTreeSet::from([place.account.to_owned()]),
        regions: BTreeSet::from([place.region.to_owned()]),
        trails: BTreeSet::new(),
    };
    let (given, none) = (keys.keys.clone(), BTreeSet::new());
    let task = |keys, listed_regions| VerificationTask {
        since: Some(since),
        until: Some(until),
        now,
        selection: &selection,
        keys,
        listed_regions,
        check: trail.check,
    };
    for unknown in reader.files.unknown_keys(task(&given, &none)) {
        keys.fetch(trail.bucket, &unknown.region, (unknown.first, unknown.last))?;
    }
    let task = task(&keys.keys, &keys.regions);
    let hashes = reader.hash_log_files(task, quiet);
    Ok(IntegritySummary::of(&verify(&reader.files, &hashes, task)))
}

/// The public keys that were fetched, and of which regions.
#[derive(Default)]
struct KeyRing {
    keys: PublicKeys,
    regions: BTreeSet<String>,
}

impl KeyRing {
    fn fetch(
        &mut self,
        bucket: &dyn TrailBucket,
        region: &str,
        (first, last): (Time, Time),
    ) -> Result<(), TaskError> {
        if self.regions.insert(region.to_owned()) {
            // The days that are verified after this one have the same keys, or newer ones.
            let span = VERIFIED_DAYS * DAY_SECONDS;
            let (first, last) = (first.0.saturating_sub(span), last.0.saturating_add(span));
            let keys = bucket.public_keys(region, Time(first), Time(last))?;
            self.keys.merge(keys).map_err(TaskError::PublicKey)?;
        }
        Ok(())
    }
}

/// Hours of the verified days by status.
#[derive(Default)]
struct DayCounts {
    verified: usize,
    unverified: usize,
    missing: usize,
    tampered: usize,
}

impl DayCounts {
    fn add(&mut self, summary: &IntegritySummary) {
        for span in summary.places.iter().flat_map(|place| &place.hours) {
            *match span.status {
                IntegrityStatus::Verified => &mut self.verified,
                IntegrityStatus::Unverified => &mut self.unverified,
                IntegrityStatus::Missing => &mut self.missing,
                IntegrityStatus::Tampered => &mut self.tampered,
            } += (span.until.0 - span.from.0) as usize;
        }
    }
}

impl std::fmt::Display for DayCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { verified, unverified, missing, tampered } = self;
        write!(
            f,
            "account-region hours of the last {VERIFIED_DAYS} days: verified {verified}, unverified {unverified}, \
             missing {missing}, tampered {tampered}"
        )
    }
}

/// Names that may be part of a key. Those of evidence come from records.
fn is_account_and_region(account: &str, region: &str) -> bool {
    account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !region.is_empty()
        && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_verified(summary: &IntegritySummary) -> bool {
    let mut hours = summary.places.iter().flat_map(|place| &place.hours).peekable();
    hours.peek().is_some() && hours.all(|span| span.status == IntegrityStatus::Verified)
}

fn store(
    maintenance: &Maintenance<'_>,
    place: &PlaceDay<'_>,
    summary: &IntegritySummary,
) -> Result<(), TaskError> {
    let (partition_key, sort_key) = integrity_keys(Hour(place.day * 24), place.account, place.region);
    let item = TableItem {
        partition_key,
        sort_key,
        revision: 0,
        expires_at: maintenance.evidence.expires_at(Hour(place.day * 24 + 23)),
        // It contains only strings, numbers and lists, so serializing it does not fail.
        body: serde_json::to_value(summary).unwrap_or_default(),
    };
    maintenance.table.put(&item, WriteCondition::Always)?;
    Ok(())
}

/// What was verified of a day, by sort key.
fn stored(table: &dyn Table, day: Hour) -> Result<BTreeMap<String, IntegritySummary>, EvidenceError> {
    let mut found = BTreeMap::new();
    for item in table.query(&integrity_keys(day, "", "").0, "")? {
        let summary =
            serde_json::from_value(item.body.clone()).map_err(|cause| EvidenceError::DamagedItem {
                partition: item.partition_key.clone(),
                sort: item.sort_key.clone(),
                cause: cause.to_string(),
            })?;
        found.insert(item.sort_key, summary);
    }
    Ok(found)
}

/// What was verified of the log files from the hour of `since` to the last hour before `until`, for a report on these hours: as far
/// as log files are the evidence. `None` if nothing was verified.
///
/// # Errors
/// When the table fails, or an item cannot be decoded.
pub fn verified_log_files(
    table: &dyn Table,
    config: &Config,
    (since, until): (Time, Time),
) -> Result<Option<IntegritySummary>, EvidenceError> {
    let Some(from) = config.delivery.authoritative_from else { return Ok(None) };
    let mut found = Vec::new();
    // Events of the last hour are delivered up to an hour later.
    for day in day_of(since.max(from))..=day_of(Time(until.0.saturating_add(HOUR_SECONDS))) {
        found.extend(stored(table, Hour(day * 24))?.into_values());
    }
    Ok((!found.is_empty()).then(|| IntegritySummary::merge_all(found).after(from.hour())))
}
