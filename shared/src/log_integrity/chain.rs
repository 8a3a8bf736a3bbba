//! The digest files of one chain, verified.
//!
//! Enters: the digest files of one trail, account and region. Leaves: [`ChainIntegrity`]. Law: the digest files that overlap the window
//! are verified, and no others.

use std::collections::BTreeSet;

use super::{
    DigestObject, LogFileHashes, TrailFiles, VerificationTask,
    gaps::missing_in,
    log_files::verify_log_files,
    object_name::{ChainName, prefix_and_organization},
    problem::{IntegrityProblem, IntegrityStatus, ProblemKind},
    proof::{Link, links_of, prove},
    result::{ChainIntegrity, DigestIntegrity, IntegrityTotals},
};

/// Verifies the digest files of a chain in the window, and the log files that they list.
pub(super) fn verify_chain(
    name: &ChainName,
    digests: Vec<&DigestObject>,
    files: &TrailFiles,
    hashes: &LogFileHashes,
    task: VerificationTask<'_>,
    unknown_signatures: &mut BTreeSet<String>,
) -> ChainIntegrity {
    let mut links = links_of(digests);
    prove(&mut links, task);
    let (mut entries, mut totals) = (missing_in(name, &links, task), IntegrityTotals::default());
    totals.digests_missing = entries.len() as u64;
    for link in links.iter_mut().filter(|link| task.overlaps(link.start, link.end)) {
        let is_unknown = |problem: &IntegrityProblem| problem.kind == ProblemKind::SignatureUnknown;
        if link.problems.iter().any(is_unknown) {
            unknown_signatures.extend(link.file().map(|file| file.key.clone()));
        }
        let mut status = link.status();
        totals.count_digest(status);
        if let Some(file) = link.file() {
            let of_logs = verify_log_files(file, link.is_proven, files, hashes, &mut totals);
            status = of_logs.iter().map(|problem| problem.kind.status()).fold(status, Ord::max);
            link.problems.extend(of_logs);
        }
        entries.push(DigestIntegrity {
            from: link.start,
            until: link.end,
            status,
            file: Some(link.object.name.clone()),
            log_files: link.file().map_or(0, |file| file.log_files.len() as u64),
            problems: std::mem::take(&mut link.problems),
        });
    }
    entries.sort_unstable();
    let begins = |link: &&Link<'_>| {
        task.overlaps(link.start, link.end) && link.file().is_some_and(|file| file.previous.is_none())
    };
    let newest = links.iter().rev().find_map(Link::file);
    let (prefix, organization) = newest.map_or(("", None), |file| prefix_and_organization(&file.key));
    ChainIntegrity {
        account: name.account.to_string(),
        region: name.region.to_string(),
        trail: name.trail.to_string(),
        home_region: name.home_region.to_string(),
        organization: organization.map(str::to_owned),
        bucket: newest.map_or_else(String::new, |file| file.bucket.clone()),
        prefix: prefix.to_owned(),
        is_backfill: name.is_backfill,
        status: entries.iter().map(|entry| entry.status).max().unwrap_or(IntegrityStatus::Missing),
        begins_at: links.iter().filter(begins).map(|link| link.start).collect(),
        digests: entries,
        totals,
    }
}
