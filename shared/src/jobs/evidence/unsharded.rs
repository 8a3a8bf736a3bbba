//! The unsharded evidence of a report window: unreadable pieces, Insight events and observed windows.
//!
//! Enters: the index of some days. Leaves: one segment, and the positions of the unreadable pieces. Laws: evidence
//! counts only for hours for which its evidence source counts; of the lead-in only observed windows count; an observed window counts under whichever hour it is
//! indexed, unless it was stored with other watches and events were dropped; unreadable pieces count up to
//! [`GRACE_HOURS`] hours after the report window, because a log file is delivered after its events.

use std::collections::BTreeSet;

use super::{
    EvidenceError, EvidenceSource, EvidenceStore,
    collect::{EvidenceInputs, in_order, lead_in_start},
    keys, missing_objects,
    part::{EvidencePart, UnshardedInfo},
    retention,
};
use crate::{
    config::Config,
    ports::TableItem,
    record::{DigestWindow, UnreadablePosition},
    segment::{Segment, SegmentBuilder},
    time::{Hour, Time},
};

/// Hours after a window in which a log file of its last hour may still be delivered: CloudTrail takes about five
/// minutes on average, without a guarantee (user guide, "CloudTrail log files", read 2026-10).
pub(super) const GRACE_HOURS: u32 = 1;

/// Longest observed window in hours, and thus its largest distance from the hour under which it is indexed.
const MAX_WINDOW_HOURS: u32 = 24;

/// A part, with its hour and evidence source.
struct FoundPart {
    hour: Hour,
    evidence_source: EvidenceSource,
    part: EvidencePart,
}

/// Collects the unsharded evidence of the hours from `from` up to `until`.
pub(super) fn collect(
    evidence_store: &EvidenceStore<'_>,
    config: &Config,
    (from, until): (Hour, Hour),
    removed_before: Time,
    threads: usize,
    inputs: &mut EvidenceInputs,
) -> Result<Segment, EvidenceError> {
    let late = Hour(until.0.saturating_add(GRACE_HOURS));
    let first = lead_in_start(from);
    let reach =
        (Hour(first.0.saturating_sub(MAX_WINDOW_HOURS)), Hour(until.0.saturating_add(MAX_WINDOW_HOURS)));
    let watch_fingerprint = config.watch_fingerprint().to_string();
    let days: Vec<Hour> = keys::days(reach.0, reach.1).collect();
    let (mut builder, mut positions) = (SegmentBuilder::default(), Vec::new());
    for day in days {
        let items = evidence_store.table.query(&keys::unsharded(day), "")?;
        let found: Vec<FoundPart> =
            items.iter().map(|item| parse_item(item, day)).collect::<Result<_, _>>()?;
        let wanted = |found: &FoundPart| {
            let filed = (from..late).contains(&found.hour)
                && found.evidence_source == EvidenceSource::for_hour(found.hour, config);
            let spans = |(start, end): (Time, Time)| start < until.start() && end > first.start();
            filed || found.part.unsharded.as_ref().and_then(|info| info.observed_span).is_some_and(spans)
        };
        // Packs may be gone from here on.
        let is_kept = |found: &FoundPart| !retention::is_removed(found.hour, removed_before);
        let found: Vec<FoundPart> =
            found.into_iter().filter(|found| is_kept(found) && wanted(found)).collect();
        in_order(
            &found,
            threads,
            |found| found.part.load(evidence_store).map(|segment| (found, segment)),
            |(found, segment)| {
                let FoundPart { hour, evidence_source, part } = found;
                inputs.add(part);
                let counts = *evidence_source == EvidenceSource::for_hour(*hour, config);
                if counts && (from..late).contains(hour) {
                    segment
                        .unreadable()
                        .iter()
                        .for_each(|(piece, reason)| builder.push_unreadable(*piece, *reason));
                    positions.extend(part.unsharded.iter().flat_map(|info| info.positions.iter().cloned()));
                }
                if counts {
                    let facts = segment.delivery_facts().iter().cloned();
                    facts.for_each(|fact| builder.push_delivery_fact(fact));
                }
                if counts && (from..until).contains(hour) {
                    segment.insight_events().iter().for_each(|insight| builder.push_insight(*insight));
                }
                let left_out = part.unsharded.as_ref().and_then(|info| info.watch_fingerprint.as_ref());
                for window in segment
                    .digest_windows()
                    .iter()
                    .filter(|_| left_out.is_none_or(|of| *of == watch_fingerprint))
                {
                    if let Some(window) = clip_to_source(window, *evidence_source, config) {
                        builder.push_digest_window(window);
                    }
                }
                Ok(())
            },
        )?;
    }
    let counts = |hour| EvidenceSource::for_hour(hour, config) == EvidenceSource::S3;
    missing_objects::add_missing(evidence_store, (from, late), counts, &mut builder, &mut positions)?;
    inputs.add_unreadable(positions);
    Ok(builder.finish())
}

/// Decodes an index item of a day.
fn parse_item(item: &TableItem, day: Hour) -> Result<FoundPart, EvidenceError> {
    let part = EvidencePart::from_item(item)?;
    let damaged = || EvidenceError::DamagedItem {
        partition: item.partition_key.clone(),
        sort: item.sort_key.clone(),
        cause: "its sort key does not name a part".to_owned(),
    };
    let (hour, evidence_source) = keys::parse_part(&item.sort_key, day).ok_or_else(damaged)?;
    Ok(FoundPart { hour, evidence_source, part })
}

/// The part of a window in hours for which its evidence source counts. The windows of a trail that delivered before
/// it became authoritative do not cover the hours before that, because its events of those hours are not used.
fn clip_to_source(
    window: &DigestWindow,
    evidence_source: EvidenceSource,
    config: &Config,
) -> Option<DigestWindow> {
    let DigestWindow { account, region, start, end, log_files: logs } = window;
    let cut = config.delivery.authoritative_from.map(|from| from.hour().start());
    let (start, end) = match (evidence_source, cut) {
        (EvidenceSource::S3, Some(cut)) => ((*start).max(cut), *end),
        (EvidenceSource::S3, None) => return None,
        (EvidenceSource::Lookup, Some(cut)) => (*start, (*end).min(cut)),
        (EvidenceSource::Lookup, None) => (*start, *end),
    };
    let counted = |log: &&(Time, Time)| {
        [log.0, log.1].iter().all(|time| EvidenceSource::for_hour(time.hour(), config) == evidence_source)
    };
    let logs: BTreeSet<(Time, Time)> = logs.iter().filter(counted).copied().collect();
    let window =
        DigestWindow { account: account.clone(), region: region.clone(), start, end, log_files: logs };
    (start < end).then_some(window)
}

/// The index details of a merged unsharded part. All merged parts have the same watch fingerprint.
pub(super) fn merged_info(parts: &[EvidencePart], segment: &Segment) -> UnshardedInfo {
    let named = || parts.iter().filter_map(|part| part.unsharded.as_ref());
    let positions: Vec<UnreadablePosition> =
        named().flat_map(|info| info.positions.iter().cloned()).collect();
    let watch_fingerprint = named().find_map(|info| info.watch_fingerprint.clone());
    UnshardedInfo {
        watch_fingerprint,
        ..UnshardedInfo::from_segment(segment, positions, named().map(|info| info.omitted_positions).sum())
    }
}
