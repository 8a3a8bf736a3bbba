//! The status of each hour.
//!
//! Enters: the chains, and the log files that no digest file lists. Leaves: [`HourIntegrity`] for each whole hour in the window, at most the last two years.
//! Laws: an hour that digest files cover only in part is missing; tampering in one chain counts, and otherwise the best chain
//! stands for an hour, because the trails of an account and region log the same events.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    VerificationTask,
    gaps::MAX_HOURS,
    problem::IntegrityStatus,
    result::{ChainIntegrity, HourIntegrity},
};
use crate::time::{HOUR_SECONDS, Hour, Time};

/// The status of an hour in one chain, and how many of its seconds are accounted for.
type ChainHours = BTreeMap<Hour, (IntegrityStatus, u32)>;

pub(super) fn hours_of(
    chains: &[ChainIntegrity],
    unlisted: &[(Arc<str>, Arc<str>, Time)],
    task: VerificationTask<'_>,
) -> Vec<HourIntegrity> {
    let mut by_region: BTreeMap<(&str, &str), Vec<&ChainIntegrity>> = BTreeMap::new();
    for chain in chains.iter().filter(|chain| !chain.region.is_empty()) {
        by_region.entry((&chain.account, &chain.region)).or_default().push(chain);
    }
    let unlisted: BTreeSet<(&str, &str, Hour)> =
        unlisted.iter().map(|(account, region, time)| (&**account, &**region, time.hour())).collect();
    let mut hours = Vec::new();
    for ((account, region), chains) in by_region {
        let digests = || chains.iter().flat_map(|chain| &chain.digests);
        let oldest = digests().map(|digest| digest.from).min();
        let newest = digests().map(|digest| digest.until).max();
        let (Some(since), Some(newest)) = (task.since.or(oldest), newest) else { continue };
        let until = newest.max(task.expected_until()).min(task.until());
        let first = Hour(since.0.div_ceil(HOUR_SECONDS).max(until.hour().0.saturating_sub(MAX_HOURS)));
        let of_chains: Vec<(bool, ChainHours)> =
            chains.iter().map(|chain| (chain.is_backfill, chain_hours(chain, first))).collect();
        for hour in first.0..until.hour().0 {
            let hour = Hour(hour);
            let is_unlisted = unlisted.contains(&(account, region, hour));
            let least = if is_unlisted { IntegrityStatus::Unverified } else { IntegrityStatus::Verified };
            let status = status_of(&of_chains, hour).max(least);
            hours.push(HourIntegrity {
                account: account.to_owned(),
                region: region.to_owned(),
                hour,
                status,
            });
        }
    }
    hours
}

/// What the digest files of a chain say of the hours that they overlap, from `first` on.
fn chain_hours(chain: &ChainIntegrity, first: Hour) -> ChainHours {
    let mut hours = ChainHours::new();
    let mut counted = Time(0);
    for digest in &chain.digests {
        for hour in digest.from.hour().max(first).0..=Time(digest.until.0.saturating_sub(1)).hour().0 {
            let hour = Hour(hour);
            let from = digest.from.max(hour.start()).max(counted);
            let seconds = digest.until.min(hour.end()).since(from);
            let (status, covered) = hours.entry(hour).or_insert((IntegrityStatus::Verified, 0));
            *status = (*status).max(digest.status);
            *covered += seconds;
        }
        counted = counted.max(digest.until);
    }
    hours
}

fn status_of(chains: &[(bool, ChainHours)], hour: Hour) -> IntegrityStatus {
    let mut best = IntegrityStatus::Missing;
    let mut worst = IntegrityStatus::Verified;
    for (is_backfill, hours) in chains {
        match (hours.get(&hour), is_backfill) {
            // Backfill digest files list late log files only. They prove nothing of the others.
            (Some((status, _)), true) => worst = worst.max(*status),
            (Some((IntegrityStatus::Tampered, _)), false) => worst = IntegrityStatus::Tampered,
            (Some((status, covered)), false) if *covered >= HOUR_SECONDS => best = best.min(*status),
            _ => {}
        }
    }
    best.max(worst)
}
