//! What belongs to no shard, of a window: unreadable pieces, Insight events and observed windows.
//!
//! Enters: the index of some days. Leaves: one segment, and where the unreadable pieces lie. Laws: what is filed
//! under an hour says nothing of hours of which another lane counts; a window counts wherever it is filed, unless
//! somebody who is watched now was left out of it;
//! unreadable pieces count up to [`GRACE`] hours after the window, since an object comes after its events.

use std::collections::BTreeSet;

use super::{
    EvidenceError, EvidenceSource, EvidenceStore,
    collect::{EvidenceInputs, in_order},
    keys, missing_objects,
    part::{EvidencePart, UnshardedInfo},
};
use crate::{
    config::Config,
    ports::TableItem,
    record::DigestWindow,
    report::UnreadablePosition,
    segment::{Segment, SegmentBuilder},
    time::{Hour, Time},
};

/// Hours after a window in which an object of its last hour may still be delivered: CloudTrail takes about five
/// minutes on average, and promises nothing (user guide, "CloudTrail log files", read 2026-10).
pub(super) const GRACE_HOURS: u32 = 1;

/// Hours a window may last, and so lie away from the hour it is filed under.
const MAX_WINDOW_HOURS: u32 = 24;

/// A part, where it was found.
struct FoundPart {
    hour: Hour,
    evidence_source: EvidenceSource,
    part: EvidencePart,
}

/// What belongs to no shard, of the hours from `from` up to `until`.
pub(super) fn collect(
    house: &EvidenceStore<'_>,
    config: &Config,
    (from, until): (Hour, Hour),
    threads: usize,
    accounts: &mut EvidenceInputs,
) -> Result<Segment, EvidenceError> {
    let late = Hour(until.0.saturating_add(GRACE_HOURS));
    let reach =
        (Hour(from.0.saturating_sub(MAX_WINDOW_HOURS)), Hour(until.0.saturating_add(MAX_WINDOW_HOURS)));
    let watches = config.watch_fingerprint().to_string();
    let days: Vec<Hour> = keys::days(reach.0, reach.1).collect();
    let (mut draft, mut positions) = (SegmentBuilder::default(), Vec::new());
    for day in days {
        let items = house.table.query(&keys::unsharded(day), "")?;
        let found: Vec<FoundPart> =
            items.iter().map(|item| parse_item(item, day)).collect::<Result<_, _>>()?;
        let wanted = |found: &FoundPart| {
            let filed = (from..late).contains(&found.hour)
                && found.evidence_source == EvidenceSource::for_hour(found.hour, config);
            let spans = |(start, end): (Time, Time)| start < until.start() && end > from.start();
            filed || found.part.unsharded.as_ref().and_then(|about| about.observed_span).is_some_and(spans)
        };
        let found: Vec<FoundPart> = found.into_iter().filter(wanted).collect();
        in_order(
            &found,
            threads,
            |found| found.part.load(house).map(|segment| (found, segment)),
            |(found, segment)| {
                let FoundPart { hour, evidence_source: lane, part } = found;
                accounts.add(part);
                let counts = *lane == EvidenceSource::for_hour(*hour, config);
                if counts && (from..late).contains(hour) {
                    segment
                        .unreadable()
                        .iter()
                        .for_each(|(piece, reason)| draft.push_unreadable(*piece, *reason));
                    positions.extend(part.unsharded.iter().flat_map(|about| about.positions.iter().cloned()));
                }
                if counts && (from..until).contains(hour) {
                    segment.insight_events().iter().for_each(|insight| draft.push_insight(*insight));
                }
                let left_out = part.unsharded.as_ref().and_then(|about| about.watch_fingerprint.as_ref());
                for window in
                    segment.digest_windows().iter().filter(|_| left_out.is_none_or(|of| *of == watches))
                {
                    if let Some(window) = clip_to_source(window, *lane, config) {
                        draft.push_digest_window(window);
                    }
                }
                Ok(())
            },
        )?;
    }
    let counts = |hour| EvidenceSource::for_hour(hour, config) == EvidenceSource::S3;
    missing_objects::add_missing(house, (from, late), counts, &mut draft, &mut positions)?;
    accounts.add_unreadable(positions);
    Ok(draft.finish())
}

/// The hour, lane and part an item of a day tells of.
fn parse_item(item: &TableItem, day: Hour) -> Result<FoundPart, EvidenceError> {
    let part = EvidencePart::from_item(item)?;
    let damaged = || EvidenceError::DamagedItem {
        partition: item.partition_key.clone(),
        sort: item.sort_key.clone(),
        cause: "its sort key is none of a part".to_owned(),
    };
    let (hour, lane) = keys::parse_part(&item.sort_key, day).ok_or_else(damaged)?;
    Ok(FoundPart { hour, evidence_source: lane, part })
}

/// What of a window lies in hours of which its lane counts. A trail that was on before it counted vouches for nothing
/// then: of those hours its events are not told.
fn clip_to_source(window: &DigestWindow, lane: EvidenceSource, config: &Config) -> Option<DigestWindow> {
    let DigestWindow { account, region, start, end, log_files: logs } = window;
    let cut = config.delivery.authoritative_from.map(|from| from.hour().start());
    let (start, end) = match (lane, cut) {
        (EvidenceSource::S3, Some(cut)) => ((*start).max(cut), *end),
        (EvidenceSource::S3, None) => return None,
        (EvidenceSource::Lookup, Some(cut)) => (*start, (*end).min(cut)),
        (EvidenceSource::Lookup, None) => (*start, *end),
    };
    let counted = |log: &&(Time, Time)| {
        [log.0, log.1].iter().all(|time| EvidenceSource::for_hour(time.hour(), config) == lane)
    };
    let logs: BTreeSet<(Time, Time)> = logs.iter().filter(counted).copied().collect();
    let window =
        DigestWindow { account: account.clone(), region: region.clone(), start, end, log_files: logs };
    (start < end).then_some(window)
}

/// What belongs to no shard, merged: how the index tells of it. All were kept for the same watched principals.
pub(super) fn merged_info(parts: &[EvidencePart], segment: &Segment) -> UnshardedInfo {
    let named = || parts.iter().filter_map(|part| part.unsharded.as_ref());
    let positions: Vec<UnreadablePosition> =
        named().flat_map(|about| about.positions.iter().cloned()).collect();
    let watches = named().find_map(|about| about.watch_fingerprint.clone());
    UnshardedInfo {
        watch_fingerprint: watches,
        ..UnshardedInfo::from_segment(segment, positions, named().map(|about| about.omitted_positions).sum())
    }
}
