//! Times on the command line.
//!
//! Enters: `2027-01-31T00:00:00Z`, `2027-01-31` or a span such as `24h`, `90d`, `2w`. Leaves: a [`TimeArg`], which
//! becomes a time in the past or in the future. Law: a date means midnight UTC at its start.

use std::str::FromStr;

use onlooker_core::time::Time;

/// A point in time, or a span from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeArg {
    /// A point in time, given as a time or a date.
    At(Time),
    /// A number of seconds from now.
    Offset(u32),
}

impl TimeArg {
    /// The time, with a span before now.
    pub fn in_past(self, now: Time) -> Time {
        match self {
            Self::At(time) => time,
            Self::Offset(seconds) => Time(now.0.saturating_sub(seconds)),
        }
    }

    /// The time, with a span after now.
    pub fn in_future(self, now: Time) -> Time {
        match self {
            Self::At(time) => time,
            Self::Offset(seconds) => Time(now.0.saturating_add(seconds)),
        }
    }
}

impl FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(time) = Time::parse(text).or_else(|| Time::parse(&format!("{text}T00:00:00Z"))) {
            return Ok(Self::At(time));
        }
        let unit = match text.bytes().last() {
            Some(b'm') => 60,
            Some(b'h') => 3_600,
            Some(b'd') => 86_400,
            Some(b'w') => 604_800,
            _ => 0,
        };
        let number = text.get(..text.len().saturating_sub(1)).and_then(|digits| digits.parse::<u32>().ok());
        match number.and_then(|number| number.checked_mul(unit)) {
            Some(seconds) if seconds > 0 => Ok(Self::Offset(seconds)),
            _ => Err("write a time `2027-01-31T00:00:00Z`, a date `2027-01-31` (midnight UTC), \
                      or a span `90m`, `24h`, `30d`, `2w`"
                .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_dates_and_spans_are_read() {
        let midnight = Time::parse("2027-01-31T00:00:00Z").expect("a time");
        assert_eq!("2027-01-31".parse(), Ok(TimeArg::At(midnight)));
        assert_eq!("2027-01-31T02:00:00+02:00".parse(), Ok(TimeArg::At(midnight)));
        assert_eq!(
            "24h".parse::<TimeArg>().map(|span| span.in_past(midnight)),
            Ok(Time(midnight.0 - 86_400))
        );
        assert_eq!(
            "2w".parse::<TimeArg>().map(|span| span.in_future(midnight)),
            Ok(Time(midnight.0 + 1_209_600))
        );
        for text in ["", "h", "0d", "-1d", "1y", "9999999w", "yesterday", "2027-02-30", "é"] {
            assert!(text.parse::<TimeArg>().is_err(), "{text}");
        }
    }
}
