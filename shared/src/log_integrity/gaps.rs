//! The places in a chain without a digest file.
//!
//! Enters: the digest files of a chain, in order. Leaves: a [`DigestIntegrity`] for each hour without one. Law: every hour of the window that
//! no digest file covers is named, the last hours before the end of the window too.

use super::{
    TrailFileName,
    object_name::ChainName,
    problem::{IntegrityProblem, IntegrityStatus, ProblemKind},
    proof::Link,
    result::DigestIntegrity,
    task::VerificationTask,
};
use crate::time::{HOUR_SECONDS, Time};

/// The places in the window without a digest file.
pub(super) fn missing_in(
    name: &ChainName,
    links: &[Link<'_>],
    task: VerificationTask<'_>,
) -> Vec<DigestIntegrity> {
    let until = task.expected_until();
    let mut missing = Vec::new();
    let mut before: Option<&Link<'_>> = None;
    // What is covered up to here; without a requested start the chain is followed from its oldest digest file.
    let mut covered = task.since;
    for link in links {
        let previous = link.file().and_then(|file| file.previous.as_ref());
        let named = previous.filter(|_| before.is_none_or(|before| !link.follows(before.object)));
        let named = named.map(|previous| previous.key.as_str());
        let gap = match covered {
            // Backfill digest files do not follow each other hour by hour.
            Some(covered) if !name.is_backfill => missing_windows(covered, link.start.min(until)),
            _ => Vec::new(),
        };
        let is_gap = !gap.is_empty();
        missing.extend(gap);
        match (named, missing.last_mut()) {
            (Some(key), Some(last)) if is_gap && last.until == link.start => {
                *last = missing_window(last.from, last.until, Some(key));
            }
            (Some(key), _) if !is_gap && (before.is_some() || name.is_backfill) => {
                missing.extend(missing_by_name(key, link.start, task));
            }
            _ => {}
        }
        covered = covered.max(Some(link.end));
        before = Some(link);
    }
    if let Some(covered) = covered.filter(|_| !name.is_backfill) {
        missing.extend(missing_windows(covered, until));
    }
    missing
}

/// A digest file that the following one names, and that leaves no gap in time; if it is in the window.
fn missing_by_name(key: &str, start: Time, task: VerificationTask<'_>) -> Option<DigestIntegrity> {
    let end = match TrailFileName::parse(key) {
        Some(TrailFileName::Digest(name)) => name.end,
        _ => start,
    };
    let from = Time(end.0.saturating_sub(HOUR_SECONDS));
    let is_after_start = task.since.is_some_and(|since| end > since);
    (is_after_start && task.overlaps(from, end)).then(|| missing_window(from, end, Some(key)))
}

/// Hours that are named one by one: two years. A longer gap, which a wrong time may make, ends with one window for the rest.
pub(super) const MAX_HOURS: u32 = 2 * 366 * 24;

/// The windows between two times for which a digest file is missing, of an hour each.
pub(super) fn missing_windows(from: Time, until: Time) -> Vec<DigestIntegrity> {
    let mut missing = Vec::new();
    let mut from = from;
    while from < until {
        let is_rest = missing.len() >= MAX_HOURS as usize;
        let end = if is_rest { until } else { Time(from.0.saturating_add(HOUR_SECONDS)).min(until) };
        missing.push(missing_window(from, end, None));
        from = end;
    }
    missing
}

pub(super) fn missing_window(from: Time, until: Time, key: Option<&str>) -> DigestIntegrity {
    DigestIntegrity {
        from,
        until,
        status: IntegrityStatus::Missing,
        file: key.map(str::to_owned),
        log_files: 0,
        problems: vec![IntegrityProblem::new(ProblemKind::DigestMissing, key.unwrap_or_default())],
    }
}
