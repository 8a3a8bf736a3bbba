//! The log files that digest files list, and those that none lists.
//!
//! Enters: a digest file and the content of log files. Leaves: the problems of the log files, and the files that no digest
//! file lists. Law: a log file is verified only by a digest file that is proven; every copy of a log file is compared.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    DigestFile, LogFileContent, LogFileHashes, TrailFiles, VerificationTask,
    object_name::{base_name, is_at_key},
    problem::{IntegrityProblem, IntegrityStatus, ProblemKind},
    result::{IntegrityTotals, UnlistedLogFiles},
};
use crate::time::Time;

/// Compares the log files that a digest file lists.
pub(super) fn verify_log_files(
    digest: &DigestFile,
    is_proven: bool,
    files: &TrailFiles,
    hashes: &LogFileHashes,
    totals: &mut IntegrityTotals,
) -> Vec<IntegrityProblem> {
    let best = if is_proven { IntegrityStatus::Verified } else { IntegrityStatus::Unverified };
    let mut problems = Vec::new();
    for listed in &digest.log_files {
        let copies = files.copies(&listed.key);
        let mut status = best;
        let mut add = |problem: IntegrityProblem| {
            status = status.max(problem.kind.status());
            problems.push(problem);
        };
        if copies.is_empty() {
            add(IntegrityProblem::new(ProblemKind::LogFileMissing, &listed.key));
        }
        for name in copies {
            if !is_at_key(name, &listed.key) {
                add(IntegrityProblem {
                    detail: format!("it is {}", listed.key),
                    ..IntegrityProblem::new(ProblemKind::LogFileMoved, name)
                });
            }
            match hashes.get(name) {
                Some(LogFileContent::Sha256(hash)) if hash.eq_ignore_ascii_case(&listed.hash) => {}
                Some(LogFileContent::Sha256(_)) => {
                    add(IntegrityProblem::new(ProblemKind::LogFileHash, name));
                }
                Some(LogFileContent::Damaged) => {
                    add(IntegrityProblem::new(ProblemKind::LogFileDamaged, name));
                }
                Some(LogFileContent::Unavailable(cause)) => add(IntegrityProblem {
                    detail: cause.clone(),
                    ..IntegrityProblem::new(ProblemKind::Unavailable, name)
                }),
                None => add(IntegrityProblem::new(ProblemKind::Unavailable, name)),
            }
        }
        totals.count_log_file(status);
    }
    problems
}

/// Maximum number of names in [`UnlistedLogFiles`].
const MAX_NAMES: usize = 1_000;

/// How much later than the time in its name CloudTrail may deliver a log file, and so list it: a quarter of an hour. It
/// delivers within about five minutes (AWS CloudTrail User Guide, "How CloudTrail works", read 2026-11).
const DELIVERY_SLACK_SECONDS: u32 = 15 * 60;

/// Log files that no digest file lists.
#[derive(Debug, Default)]
pub(super) struct Unlisted {
    pub(super) summary: UnlistedLogFiles,
    /// Account, region and time of each of them.
    pub(super) delivered: Vec<(Arc<str>, Arc<str>, Time)>,
}

/// Finds the log files in the window that no digest file lists.
pub(super) fn unlisted_log_files(files: &TrailFiles, task: VerificationTask<'_>) -> Unlisted {
    let read = || files.digests.iter().filter_map(|digest| Some((&digest.of, digest.file()?)));
    let listed: HashSet<&str> =
        read().flat_map(|(_, file)| &file.log_files).map(|log| base_name(&log.key)).collect();
    let mut spans: BTreeMap<(&str, &str), (Time, Time)> = BTreeMap::new();
    for (name, file) in read().filter(|(name, _)| !name.chain.is_backfill) {
        let span = spans.entry((&*name.chain.account, &*name.chain.region)).or_insert((file.start, file.end));
        *span = (span.0.min(file.start), span.1.max(file.end));
    }
    let mut found = Unlisted::default();
    let mut names = Vec::new();
    for (name, log) in &files.logs {
        let span = spans.get(&(&*log.account, &*log.region));
        let is_before = match (task.since, span) {
            (Some(since), _) => log.delivered < since,
            (None, Some((oldest, _))) => log.delivered < *oldest,
            (None, None) => false,
        };
        if is_before
            || log.delivered >= task.until()
            || !task.selection.includes_pair(&log.account, &log.region)
            || listed.contains(base_name(name))
        {
            continue;
        }
        let listed_by = log.delivered.0.saturating_add(DELIVERY_SLACK_SECONDS);
        if span.is_some_and(|(_, newest)| listed_by > newest.0) {
            found.summary.not_yet_listed += 1;
            continue;
        }
        names.push(name);
        found.delivered.push((log.account.clone(), log.region.clone(), log.delivered));
    }
    names.sort_unstable();
    found.summary.count = names.len() as u64;
    found.summary.files = names.into_iter().take(MAX_NAMES).cloned().collect();
    found
}
