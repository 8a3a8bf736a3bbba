//! Times in CloudTrail's formats.
//!
//! Enters: seconds since 1970. Leaves: the UTC formats that records, names, folders and digest files use. Law: no
//! clock is read.

use std::fmt::Write as _;

/// Number of seconds in an hour.
pub const HOUR: u64 = 3_600;
/// Number of seconds in a day.
pub const DAY: u64 = 86_400;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time, split into its calendar parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcTime {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl UtcTime {
    /// The calendar parts of `seconds` since 1970, in UTC.
    pub const fn from_seconds(seconds: u64) -> Self {
        // Days to a civil date in eras of 400 years that begin in March (H. Hinnant, 2013).
        let days = seconds / DAY + 719_468;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let early = if month <= 2 { 1 } else { 0 };
        Self {
            year: year_of_era + days / 146_097 * 400 + early,
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            hour: seconds % DAY / HOUR,
            minute: seconds % HOUR / 60,
            second: seconds % 60,
        }
    }

    /// Appends `2026-10-06T14:03:09Z`, the format of records and digest files.
    pub fn push_iso(self, out: &mut String) {
        let Self { year, month, day, hour, minute, second } = self;
        let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    }

    /// Appends `Oct 6, 2026 2:03:09 PM`, the format of IAM and older services.
    pub fn push_english(self, out: &mut String) {
        let month = usize::try_from(self.month).ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
        let (half, hour) = (if self.hour < 12 { "AM" } else { "PM" }, (self.hour + 11) % 12 + 1);
        let (month, Self { year, day, minute, second, .. }) = (month.copied().unwrap_or("Jan"), self);
        let _ = write!(out, "{month} {day}, {year} {hour}:{minute:02}:{second:02} {half}");
    }

    /// `2026-10-06T14:03:09Z`.
    pub fn to_iso(self) -> String {
        let mut out = String::with_capacity(20);
        self.push_iso(&mut out);
        out
    }

    /// `2026/10/06`, the folders of a delivery.
    pub fn date_path(self) -> String {
        format!("{:04}/{:02}/{:02}", self.year, self.month, self.day)
    }

    /// `20261006T1403Z`, in the name of a log file.
    pub fn to_compact_minutes(self) -> String {
        format!("{:04}{:02}{:02}T{:02}{:02}Z", self.year, self.month, self.day, self.hour, self.minute)
    }

    /// `20261006T140309Z`, in the name of a digest file.
    pub fn to_compact_seconds(self) -> String {
        let Self { year, month, day, hour, minute, second } = self;
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_calendar_library() {
        for seconds in (0..4_102_444_800).step_by(12_345_677) {
            let expected = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap()).unwrap();
            assert_eq!(UtcTime::from_seconds(seconds).to_iso(), expected.to_string());
        }
    }

    #[test]
    fn english_dates_use_a_12_hour_clock() {
        for (seconds, expected) in [
            (0, "Jan 1, 1970 12:00:00 AM"),
            (43_200, "Jan 1, 1970 12:00:00 PM"),
            (86_399, "Jan 1, 1970 11:59:59 PM"),
        ] {
            let mut out = String::new();
            UtcTime::from_seconds(seconds).push_english(&mut out);
            assert_eq!(out, expected);
        }
    }
}
