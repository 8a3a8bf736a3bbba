//! Times with a resolution of one second, and hours.
//!
//! Enters: RFC 3339 text as CloudTrail writes it. Leaves: [`Time`], four bytes, from 1970 to 2106.
//! Law: `Time::parse(t.to_string()) == Some(t)`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time in whole seconds since 1970-01-01T00:00:00Z, until 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u32);

/// Number of seconds in an hour.
pub const HOUR_SECONDS: u32 = 3_600;

/// A whole hour in UTC: `Time / 3600`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub u32);

impl Time {
    /// Parses RFC 3339 text. The form that CloudTrail writes, `2023-07-10T11:42:18Z`, takes a fast path.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_exact(text.as_bytes()).or_else(|| {
            let timestamp: jiff::Timestamp = text.parse().ok()?;
            u32::try_from(timestamp.as_second()).ok().map(Self)
        })
    }

    fn parse_exact(text: &[u8]) -> Option<Self> {
        let &[y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'Z'] =
            text
        else {
            return None;
        };
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0_u32, |n, d| d.is_ascii_digit().then(|| n * 10 + u32::from(d - b'0')))
        };
        let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[o1, o2])?, number(&[d1, d2])?);
        let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days_in_month = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        if !(1970..2106).contains(&year) || day == 0 || day > days_in_month {
            return None;
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // Days from civil, Howard Hinnant's algorithm for the proleptic Gregorian calendar.
        let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let (era, year_of_era) = (y / 400, y % 400);
        let day_of_year = (153 * m + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        Some(Self(days * 86_400 + hour * HOUR_SECONDS + minute * 60 + second))
    }

    /// The hour of this time.
    pub const fn hour(self) -> Hour {
        Hour(self.0 / HOUR_SECONDS)
    }

    /// The same time as a `jiff` timestamp.
    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(i64::from(self.0)).unwrap_or_default()
    }

    /// Seconds from `earlier` to `self`; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Hour {
    /// The first second of the hour.
    pub const fn start(self) -> Time {
        Time(self.0.saturating_mul(HOUR_SECONDS))
    }

    /// The first second after the hour.
    pub const fn end(self) -> Time {
        Time(self.0.saturating_add(1).saturating_mul(HOUR_SECONDS))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.timestamp(), f)
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.start(), f)
    }
}

macro_rules! as_rfc3339 {
    ($name:ident, $from:expr) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'_, str>::deserialize(deserializer)?;
                Time::parse(&text)
                    .map($from)
                    .ok_or_else(|| de::Error::custom(format!("`{text}` is not an RFC 3339 time")))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": "date-time" })
            }
        }
    };
}
as_rfc3339!(Time, |time| time);
as_rfc3339!(Hour, Time::hour);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cloudtrail_times_are_read() {
        assert_eq!(Time::parse("2023-07-10T11:42:18Z"), Some(Time(1_688_989_338)));
        assert_eq!(Time::parse("2024-02-29T00:00:00Z").map(Time::hour), Some(Hour(474_768)));
    }

    #[test]
    fn nonexistent_dates_are_rejected() {
        for text in ["2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-01-01T24:00:00Z", "", "2023-07-10"]
        {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn offsets_and_fractions_are_read() {
        assert_eq!(Time::parse("2023-07-10T13:42:18.5+02:00"), Some(Time(1_688_989_338)));
    }

    proptest! {
        #[test]
        fn formatting_and_parsing_round_trip(seconds in 0..4_291_747_200_u32) {
            let time = Time(seconds);
            let text = time.to_string();
            prop_assert_eq!(Time::parse_exact(text.as_bytes()), Some(time));
        }
    }
}
