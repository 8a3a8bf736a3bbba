//! Times in CloudTrail's formats.
//!
//! Enters: seconds since 1970. Leaves: the UTC formats that records, names, folders and digest files use. Law: no
//! clock is read.

use std::fmt::Write as _;

use jiff::{Timestamp, civil::DateTime, tz::Offset};

/// Number of seconds in an hour.
pub const HOUR: u64 = 3_600;
/// Number of seconds in a day.
#[cfg(test)]
pub const DAY: u64 = 86_400;

/// A time in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcTime(DateTime);

impl UtcTime {
    /// The time `seconds` after 1970 began; the last time that has a date of four digits if it is later.
    pub fn from_seconds(seconds: u64) -> Self {
        let timestamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        Self(Offset::UTC.to_datetime(timestamp.unwrap_or(Timestamp::MAX)))
    }

    /// Appends `2026-10-06T14:03:09Z`, the format of records and digest files.
    pub fn push_iso(self, out: &mut String) {
        let _ = write!(out, "{:.0}Z", self.0);
    }

    /// Appends `Oct 6, 2026 2:03:09 PM`, the format of IAM and older services.
    pub fn push_english(self, out: &mut String) {
        let _ = write!(out, "{}", self.0.strftime("%b %-d, %Y %-I:%M:%S %p"));
    }

    /// `2026-10-06T14:03:09Z`.
    pub fn to_iso(self) -> String {
        let mut out = String::with_capacity(20);
        self.push_iso(&mut out);
        out
    }

    /// `2026/10/06`, the folders of a delivery.
    pub fn date_path(self) -> String {
        self.0.strftime("%Y/%m/%d").to_string()
    }

    /// `20261006T1403Z`, in the name of a log file.
    pub fn to_compact_minutes(self) -> String {
        self.0.strftime("%Y%m%dT%H%MZ").to_string()
    }

    /// `20261006T140309Z`, in the name of a digest file.
    pub fn to_compact_seconds(self) -> String {
        self.0.strftime("%Y%m%dT%H%M%SZ").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_that_of_cloudtrail() {
        let time = UtcTime::from_seconds(1_791_295_389);
        assert_eq!(time.to_iso(), "2026-10-06T14:03:09Z");
        assert_eq!(time.date_path(), "2026/10/06");
        assert_eq!(time.to_compact_minutes(), "20261006T1403Z");
        assert_eq!(time.to_compact_seconds(), "20261006T140309Z");
        assert_eq!(UtcTime::from_seconds(u64::MAX).to_iso(), "9999-12-30T22:00:00Z");
    }

    #[test]
    fn english_dates_use_a_12_hour_clock() {
        for (seconds, expected) in [
            (0, "Jan 1, 1970 12:00:00 AM"),
            (43_200, "Jan 1, 1970 12:00:00 PM"),
            (86_399, "Jan 1, 1970 11:59:59 PM"),
            (1_791_295_389, "Oct 6, 2026 2:03:09 PM"),
        ] {
            let mut out = String::new();
            UtcTime::from_seconds(seconds).push_english(&mut out);
            assert_eq!(out, expected);
        }
    }
}
