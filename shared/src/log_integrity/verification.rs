//! From the files of a trail to the result.
//!
//! Enters: the digest files, the names of all other files, the hashes of log files, and what is to be verified. Leaves:
//! [`TrailIntegrity`]. Laws: the worst problem is the result; the order of the files changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    DigestObject, LogFileHashes, TrailFiles,
    chain::verify_chain,
    gaps::missing_windows,
    hours::hours_of,
    log_files::unlisted_log_files,
    object_name::ChainName,
    problem::IntegrityStatus,
    result::{
        ChainIntegrity, IntegrityResult, IntegrityTotals, IntegrityWindow, TRAIL_INTEGRITY_SCHEMA_VERSION,
        TrailIntegrity,
    },
    task::VerificationTask,
};
use crate::time::{HOUR_SECONDS, Time};

/// Verifies the files of a trail. `hashes` has the content of the files that [`TrailFiles::listed_log_files`] names.
pub fn verify(files: &TrailFiles, hashes: &LogFileHashes, task: VerificationTask<'_>) -> TrailIntegrity {
    let mut by_chain: BTreeMap<&ChainName, Vec<&DigestObject>> = BTreeMap::new();
    for digest in &files.digests {
        if task.selection.includes(&digest.of.chain) {
            by_chain.entry(&digest.of.chain).or_default().push(digest);
        }
    }
    let mut unknown_signatures = BTreeSet::new();
    let mut chains: Vec<ChainIntegrity> = by_chain
        .into_iter()
        .map(|(name, digests)| verify_chain(name, digests, files, hashes, task, &mut unknown_signatures))
        .collect();
    let found: BTreeSet<(String, String)> = chains
        .iter()
        .filter(|chain| !chain.is_backfill)
        .map(|chain| (chain.account.clone(), chain.region.clone()))
        .collect();
    let absent = task.selection.absent(&found);
    chains.extend(absent.into_iter().map(|(account, region)| absent_chain(account, region, task)));
    chains.sort_unstable();
    let mut totals = IntegrityTotals::default();
    chains.iter().for_each(|chain| totals.add(chain.totals));
    let unlisted = unlisted_log_files(files, task);
    let oldest = chains.iter().flat_map(|chain| chain.digests.iter().map(|digest| digest.from)).min();
    TrailIntegrity {
        schema_version: TRAIL_INTEGRITY_SCHEMA_VERSION,
        result: result_of(&totals, unlisted.summary.count),
        window: IntegrityWindow {
            since: task.since.or(oldest),
            until: task.until(),
            since_is_inferred: task.since.is_none(),
            expected_until: task.expected_until(),
        },
        checked_at: task.now,
        totals,
        hours: hours_of(&chains, &unlisted.delivered, task),
        chains,
        unlisted: unlisted.summary,
        unknown_keys: files.unknown_keys(task),
        unknown_signatures: unknown_signatures.into_iter().collect(),
    }
}

const fn result_of(totals: &IntegrityTotals, unlisted: u64) -> IntegrityResult {
    if totals.digests_tampered + totals.log_files_tampered > 0 {
        IntegrityResult::Tampered
    } else if totals.digests_verified + totals.digests_unverified == 0 {
        IntegrityResult::NothingFound
    } else if totals.digests_missing + totals.log_files_missing > 0 {
        IntegrityResult::Gap
    } else if totals.digests_unverified + totals.log_files_unverified + unlisted > 0 {
        IntegrityResult::Unverified
    } else {
        IntegrityResult::Verified
    }
}

/// An account and region that was named and has no digest file.
fn absent_chain(account: String, region: String, task: VerificationTask<'_>) -> ChainIntegrity {
    let until = task.expected_until();
    let since = task.since.unwrap_or(Time(until.0.saturating_sub(HOUR_SECONDS)));
    let digests = missing_windows(since, until);
    let totals = IntegrityTotals { digests_missing: digests.len() as u64, ..IntegrityTotals::default() };
    ChainIntegrity {
        account,
        region,
        trail: String::new(),
        home_region: String::new(),
        organization: None,
        bucket: String::new(),
        prefix: String::new(),
        is_backfill: false,
        status: IntegrityStatus::Missing,
        begins_at: Vec::new(),
        digests,
        totals,
    }
}
