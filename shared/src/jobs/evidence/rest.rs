//! What belongs to no shard, of a window: unreadable pieces, Insight events and observed windows.
//!
//! Enters: the index of some days. Leaves: one segment, and where the unreadable pieces lie. Laws: what is filed
//! under an hour says nothing of hours of which another lane counts; a window counts wherever it is filed, unless
//! somebody who is watched now was left out of it;
//! unreadable pieces count up to [`GRACE`] hours after the window, since an object comes after its events.

use std::collections::BTreeSet;

use super::{
    EvidenceError, House, Lane, absent,
    collect::{Accounts, in_order},
    keys,
    part::{About, Part},
};
use crate::{
    config::Config,
    ports::Item,
    record::Observed,
    report::UnreadablePosition,
    segment::{Draft, Segment},
    time::{Hour, Time},
};

/// Hours after a window in which an object of its last hour may still be delivered: CloudTrail takes about five
/// minutes on average, and promises nothing (user guide, "CloudTrail log files", read 2026-10).
pub(super) const GRACE: u32 = 1;

/// Hours a window may last, and so lie away from the hour it is filed under.
const LONGEST: u32 = 24;

/// A part, where it was found.
struct Found {
    hour: Hour,
    lane: Lane,
    part: Part,
}

/// What belongs to no shard, of the hours from `from` up to `until`.
pub(super) fn collect(
    house: &House<'_>,
    config: &Config,
    (from, until): (Hour, Hour),
    threads: usize,
    accounts: &mut Accounts,
) -> Result<Segment, EvidenceError> {
    let late = Hour(until.0.saturating_add(GRACE));
    let reach = (Hour(from.0.saturating_sub(LONGEST)), Hour(until.0.saturating_add(LONGEST)));
    let watches = config.watches().to_string();
    let days: Vec<Hour> = keys::days(reach.0, reach.1).collect();
    let (mut draft, mut positions) = (Draft::default(), Vec::new());
    for day in days {
        let items = house.table.query(&keys::rest(day), "")?;
        let found: Vec<Found> = items.iter().map(|item| read(item, day)).collect::<Result<_, _>>()?;
        let wanted = |found: &Found| {
            let filed = (from..late).contains(&found.hour) && found.lane == Lane::of(found.hour, config);
            let spans = |(start, end): (Time, Time)| start < until.start() && end > from.start();
            filed || found.part.rest.as_ref().and_then(|about| about.observed).is_some_and(spans)
        };
        let found: Vec<Found> = found.into_iter().filter(wanted).collect();
        in_order(
            &found,
            threads,
            |found| found.part.load(house).map(|segment| (found, segment)),
            |(found, segment)| {
                let Found { hour, lane, part } = found;
                accounts.add(part);
                let counts = *lane == Lane::of(*hour, config);
                if counts && (from..late).contains(hour) {
                    segment
                        .unreadable()
                        .iter()
                        .for_each(|(piece, reason)| draft.push_unreadable(*piece, *reason));
                    positions.extend(part.rest.iter().flat_map(|about| about.positions.iter().cloned()));
                }
                if counts && (from..until).contains(hour) {
                    segment.aside().iter().for_each(|insight| draft.push_aside(*insight));
                }
                let left_out = part.rest.as_ref().and_then(|about| about.watches.as_ref());
                for window in segment.observed().iter().filter(|_| left_out.is_none_or(|of| *of == watches)) {
                    if let Some(window) = clipped(window, *lane, config) {
                        draft.push_observed(window);
                    }
                }
                Ok(())
            },
        )?;
    }
    let counts = |hour| Lane::of(hour, config) == Lane::S3;
    absent::add(house, (from, late), counts, &mut draft, &mut positions)?;
    accounts.unreadable(positions);
    Ok(draft.finish())
}

/// The hour, lane and part an item of a day tells of.
fn read(item: &Item, day: Hour) -> Result<Found, EvidenceError> {
    let part = Part::of(item)?;
    let damaged = || EvidenceError::Item {
        partition: item.partition.clone(),
        sort: item.sort.clone(),
        cause: "its sort key is none of a part".to_owned(),
    };
    let (hour, lane) = keys::read_part(&item.sort, day).ok_or_else(damaged)?;
    Ok(Found { hour, lane, part })
}

/// What of a window lies in hours of which its lane counts. A trail that was on before it counted vouches for nothing
/// then: of those hours its events are not told.
fn clipped(window: &Observed, lane: Lane, config: &Config) -> Option<Observed> {
    let Observed { account, region, start, end, logs } = window;
    let cut = config.delivery.counts_from.map(|from| from.hour().start());
    let (start, end) = match (lane, cut) {
        (Lane::S3, Some(cut)) => ((*start).max(cut), *end),
        (Lane::S3, None) => return None,
        (Lane::Lookup, Some(cut)) => (*start, (*end).min(cut)),
        (Lane::Lookup, None) => (*start, *end),
    };
    let counted =
        |log: &&(Time, Time)| [log.0, log.1].iter().all(|time| Lane::of(time.hour(), config) == lane);
    let logs: BTreeSet<(Time, Time)> = logs.iter().filter(counted).copied().collect();
    let window = Observed { account: account.clone(), region: region.clone(), start, end, logs };
    (start < end).then_some(window)
}

/// What belongs to no shard, merged: how the index tells of it. All were kept for the same watched principals.
pub(super) fn about(parts: &[Part], segment: &Segment) -> About {
    let named = || parts.iter().filter_map(|part| part.rest.as_ref());
    let positions: Vec<UnreadablePosition> =
        named().flat_map(|about| about.positions.iter().cloned()).collect();
    let watches = named().find_map(|about| about.watches.clone());
    About { watches, ..About::of(segment, positions, named().map(|about| about.unnamed).sum()) }
}
