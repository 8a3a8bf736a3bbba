//! The hours of a report.
//!
//! Enters: the requested bounds and the times of the evidence. Leaves: a [`Period`] of whole hours, and what was inferred
//! of it. Laws: it contains its first hour and does not contain the hour that follows it; a bound that is not requested
//! is that of the largest part of the evidence, and parts outside are named, so no evidence is left out unsaid.

use std::{cmp::Reverse, collections::BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::{HOUR_SECONDS, Hour, Time};

/// The hours of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// First hour of the period.
    pub from: Hour,
    /// First hour after the period.
    pub until: Hour,
}

/// Hours without any evidence after which a part of the evidence ends: 30 days. Onlooker's own choice: longer than the
/// pauses of an account that is in use, and short beside a wrong clock.
const MAX_PAUSE_HOURS: u32 = 30 * 24;

/// What was inferred of a period, because it was not requested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeriodInference {
    /// Whether the first hour was inferred from the evidence.
    pub since: bool,
    /// Whether the last hour was inferred from the evidence.
    pub until: bool,
    /// Parts of the evidence before an inferred first hour or after an inferred last hour, in order.
    pub outside: Vec<Period>,
}

impl PeriodInference {
    /// The period with these requested bounds, and what was inferred of it. `hours` are the hours with evidence within
    /// the bounds. A part of the evidence ends before 30 days without any; an absent bound is that of the part with the
    /// most hours, of equal parts the first.
    pub fn of(since: Option<Time>, until: Option<Time>, hours: &BTreeSet<Hour>) -> (Option<Period>, Self) {
        let parts = parts_of(hours);
        let largest = parts.iter().enumerate().max_by_key(|(n, (_, hours))| (*hours, Reverse(*n)));
        let seen =
            largest.map(|(_, (part, _))| (part.from.start(), Hour(part.until.0.saturating_sub(1)).start()));
        let period = Period::from_bounds(since, until, seen);
        let is_outside = |part: &Period| {
            period.is_some_and(|period| part.until <= period.from || part.from >= period.until)
        };
        let outside = parts.into_iter().map(|(part, _)| part).filter(is_outside).collect();
        (period, Self { since: since.is_none(), until: until.is_none(), outside })
    }
}

/// The parts of the evidence, each with its number of hours with evidence.
fn parts_of(hours: &BTreeSet<Hour>) -> Vec<(Period, usize)> {
    let mut parts: Vec<(Period, usize)> = Vec::new();
    for hour in hours {
        let until = Hour(hour.0.saturating_add(1));
        match parts.last_mut() {
            Some((part, count)) if hour.0.saturating_sub(part.until.0) < MAX_PAUSE_HOURS => {
                (part.until, *count) = (until, *count + 1);
            }
            _ => parts.push((Period { from: *hour, until }, 1)),
        }
    }
    parts
}

impl Period {
    /// Number of hours in the period.
    pub const fn hours(self) -> u32 {
        self.until.0.saturating_sub(self.from.0)
    }

    /// Whether the period contains the hour.
    pub fn contains(self, hour: Hour) -> bool {
        (self.from..self.until).contains(&hour)
    }

    /// From the hour of `since` to `until`, rounded up to a whole hour. An absent bound is taken from `seen`, the
    /// times of the evidence. `None` when a bound is absent and there is no evidence.
    pub fn from_bounds(since: Option<Time>, until: Option<Time>, seen: Option<(Time, Time)>) -> Option<Self> {
        let from = since.or(seen.map(|(first, _)| first))?.hour();
        let until = match (until, seen) {
            (Some(until), _) => Hour(until.0.div_ceil(HOUR_SECONDS)),
            (None, Some((_, last))) => Hour(last.hour().0.saturating_add(1)),
            (None, None) => return None,
        };
        Some(Self { from, until: until.max(from) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inferred(hours: &[u32]) -> (Option<Period>, Vec<Period>) {
        let hours = hours.iter().copied().map(Hour).collect();
        let (period, inference) = PeriodInference::of(None, None, &hours);
        (period, inference.outside)
    }

    fn span(from: u32, until: u32) -> Period {
        Period { from: Hour(from), until: Hour(until) }
    }

    #[test]
    fn a_pause_of_30_days_ends_a_part_of_the_evidence() {
        assert_eq!(inferred(&[]), (None, vec![]));
        assert_eq!(inferred(&[10, 11, 12]), (Some(span(10, 13)), vec![]));
        assert_eq!(inferred(&[10, 11, 731]), (Some(span(10, 732)), vec![]), "719 hours without evidence");
        assert_eq!(inferred(&[10, 11, 732]), (Some(span(10, 12)), vec![span(732, 733)]));
        assert_eq!(inferred(&[10, 5_000, 5_001]), (Some(span(5_000, 5_002)), vec![span(10, 11)]));
        assert_eq!(inferred(&[10, 5_000]).0, Some(span(10, 11)), "of equal parts the first");
    }

    #[test]
    fn a_requested_bound_leaves_nothing_outside_on_its_side() {
        let hours = [10, 11, 5_000].map(Hour).into();
        let (period, inference) = PeriodInference::of(None, Some(Hour(6_000).start()), &hours);
        assert_eq!((period, inference.outside), (Some(span(10, 6_000)), vec![]));
        let (period, inference) = PeriodInference::of(Some(Hour(9).start()), None, &hours);
        assert_eq!((period, inference.outside), (Some(span(9, 12)), vec![span(5_000, 5_001)]));
    }

    proptest! {
        #[test]
        fn every_hour_with_evidence_is_in_the_period_or_in_a_part_outside(
            hours in prop::collection::btree_set(0..20_000_u32, 1..30), since in any::<bool>(), until in any::<bool>(),
        ) {
            let hours: BTreeSet<Hour> = hours.into_iter().map(Hour).collect();
            let (first, last) = (hours.first().unwrap().start(), Hour(hours.last().unwrap().0 + 1).start());
            let (period, inference) =
                PeriodInference::of(since.then_some(first), until.then_some(last), &hours);
            let period = period.unwrap();
            for hour in &hours {
                let places = inference.outside.iter().chain([&period]).filter(|part| part.contains(*hour));
                prop_assert_eq!(places.count(), 1);
            }
            prop_assert!(!since || !until || inference.outside.is_empty());
        }
    }
}
