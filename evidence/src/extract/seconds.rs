//! The seconds of an hour with an event.
//!
//! Enters: times in one hour. Leaves: [`SecondsOfHour`], 450 bytes. Law: it contains exactly the seconds that were
//! inserted.

use std::fmt;

use crate::time::{HOUR_SECONDS, Hour, Time};

/// Number of bytes needed for one bit for each second of an hour.
pub(super) const SECONDS_BITMAP_BYTES: usize = (HOUR_SECONDS / 8) as usize;

/// A set of seconds of one hour.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondsOfHour([u8; SECONDS_BITMAP_BYTES]);

impl SecondsOfHour {
    /// Adds the second of a time. The hour is ignored.
    pub(crate) fn insert(&mut self, time: Time) {
        let second = time.0 % HOUR_SECONDS;
        if let Some(byte) = self.0.get_mut((second / 8) as usize) {
            *byte |= 1 << (second % 8);
        }
    }

    /// Whether the set contains the second of a time. The hour is ignored.
    pub fn contains(&self, time: Time) -> bool {
        let second = time.0 % HOUR_SECONDS;
        self.0.get((second / 8) as usize).is_some_and(|byte| byte >> (second % 8) & 1 == 1)
    }

    /// The seconds, as times of this hour.
    pub fn times(&self, hour: Hour) -> impl Iterator<Item = Time> {
        let start = hour.start().0;
        (0..HOUR_SECONDS)
            .map(move |second| Time(start.saturating_add(second)))
            .filter(|time| self.contains(*time))
    }

    pub(super) const fn bytes(&self) -> &[u8; SECONDS_BITMAP_BYTES] {
        &self.0
    }

    pub(super) const fn from_bytes(bytes: [u8; SECONDS_BITMAP_BYTES]) -> Self {
        Self(bytes)
    }
}

impl Default for SecondsOfHour {
    fn default() -> Self {
        Self([0; SECONDS_BITMAP_BYTES])
    }
}

impl fmt::Debug for SecondsOfHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.times(Hour(0)).map(|time| time.0);
        f.debug_set().entries(seconds).finish()
    }
}
