//! The hours of a report.
//!
//! Enters: the requested bounds and the times of the evidence. Leaves: a [`Period`] of whole hours. Law: it contains its
//! first hour and does not contain the hour that follows it.

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
