//! Chooses the next time slice and its length.
//!
//! Enters: the end of the last slice, the end of the period, and how many pages slices had. Leaves: [`TimeSlice`]s.
//! Laws: slices adjoin; no slice is empty, crosses an hour or ends after the period; after a slice with too many
//! pages the next one has at most half its length, down to one second.

use crate::time::{HOUR_SECONDS, Hour, Time};

/// Maximum number of pages of a slice longer than a second: 2,000 events, about half a minute at
/// [`super::REQUEST_INTERVAL`]. This also bounds what is discarded when a slice is split or a run ends within
/// one.
pub const MAX_PAGES: u64 = 40;

/// How long CloudTrail keeps its event history: 90 days (API reference of LookupEvents, 2026-11).
const HISTORY_SECONDS: u32 = 90 * 24 * HOUR_SECONDS;

/// A span of time that is looked up with one request sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSlice {
    /// First second of the slice.
    pub since: Time,
    /// First second after the last.
    pub until: Time,
}

impl TimeSlice {
    /// The slice that begins at `from`, ends at or before `end` and is at most `length` seconds long; `None` when no
    /// time is left.
    pub fn next(from: Time, end: Time, length: u32) -> Option<Self> {
        let until = Time(from.0.saturating_add(length.max(1))).min(from.hour().end()).min(end);
        (from < until).then_some(Self { since: from, until })
    }

    /// Whether an event of this time belongs to the next slice: LookupEvents also returns the events of the second in which
    /// a slice ends (API reference of LookupEvents, `EndTime`, 2026-11).
    pub fn ends_at(self, time: Time) -> bool {
        time == self.until
    }

    /// Length of the slice in seconds.
    pub const fn seconds(self) -> u32 {
        self.until.since(self.since)
    }
}

/// Length of the next slice, in seconds, after a slice of `length` seconds had too many pages. The pages that were
/// read span the last `read_seconds` seconds of that slice.
pub fn length_after_split(length: u32, read_seconds: u32) -> u32 {
    (length / 2).min(read_seconds).max(1)
}

/// Length of the next slice, in seconds, after a slice of `length` seconds was completed with this number of pages.
pub fn length_after_success(length: u32, longest: u32, pages: u64) -> u32 {
    let room = pages <= MAX_PAGES / 4;
    (if room { length.saturating_mul(2) } else { length }).clamp(1, longest.max(1))
}

/// The first hour that is completely in CloudTrail's event history and stays in it for the next hour.
pub fn earliest_available(now: Time) -> Time {
    Hour(Time(now.0.saturating_sub(HISTORY_SECONDS)).hour().0.saturating_add(2)).start().min(now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn slices_adjoin_and_stay_within_their_hours(from in 0..9_000_u32, long in 0..9_000_u32, length in 0..4_000_u32) {
            let (mut at, end) = (Time(from), Time(from + long));
            while let Some(slice) = TimeSlice::next(at, end, length) {
                prop_assert_eq!(slice.since, at);
                prop_assert!(slice.since < slice.until && slice.until <= end);
                prop_assert!(slice.until <= slice.since.hour().end());
                prop_assert!(slice.seconds() <= length.max(1));
                at = slice.until;
            }
            prop_assert_eq!(at, end);
        }

        #[test]
        fn a_slice_with_too_many_pages_is_at_least_halved(length in 2..4_000_u32, read_seconds in 0..4_000_u32) {
            let next = length_after_split(length, read_seconds);
            prop_assert!((1..=length / 2).contains(&next));
        }
    }

    #[test]
    fn events_older_than_the_history_are_not_requested() {
        let now = Time(1_800_000_123);
        assert!(now.since(earliest_available(now)) <= HISTORY_SECONDS - HOUR_SECONDS);
        assert_eq!(earliest_available(now).0 % HOUR_SECONDS, 0);
        assert_eq!(earliest_available(Time(0)), Time(0));
    }
}
