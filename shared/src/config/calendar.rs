//! Tests whether a time is within business hours.
//!
//! Enters: [`BusinessHours`]. Leaves: [`BusinessCalendar`]. Laws: a time is converted to the wall clock of the time
//! zone with the daylight saving rules of the bundled IANA database; hours past midnight belong to the day on which
//! they start.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{
    BusinessHours, Weekday,
    diagnostic::{Diagnostic, quoted},
};
use crate::{suggest::suggest, time::Time};

/// Weekly working hours with their time zone.
#[derive(Clone, Debug)]
pub struct BusinessCalendar {
    zone: TimeZone,
    /// Which days are business days, Monday first.
    days: [bool; 7],
    /// Start of business, in minutes since midnight.
    start: u16,
    end: u16,
}

impl BusinessCalendar {
    /// Looks up the time zone and reads the times of day.
    pub fn new(hours: &BusinessHours) -> Result<Self, Diagnostic> {
        let days = [
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
            Weekday::Fri,
            Weekday::Sat,
            Weekday::Sun,
        ]
        .map(|day| hours.days.contains(&day));
        let (zone, start, end) =
            (time_zone(&hours.time_zone)?, minute_of_day(&hours.start)?, minute_of_day(&hours.end)?);
        if start == end || start == MINUTES_PER_DAY {
            return Err(empty_hours(&hours.start, &hours.end));
        }
        Ok(Self { zone, days, start, end })
    }

    /// Whether a time is within the working hours. `start` is inclusive, `end` is exclusive.
    pub fn contains(&self, time: Time) -> bool {
        let clock = self.zone.to_datetime(time.timestamp());
        let now = u16::from(clock.hour().unsigned_abs()) * 60 + u16::from(clock.minute().unsigned_abs());
        let today = usize::from(clock.weekday().to_monday_zero_offset().unsigned_abs());
        let works = |day: usize| self.days.get(day % 7).copied().unwrap_or(false);
        if self.start < self.end {
            works(today) && (self.start..self.end).contains(&now)
        } else {
            (works(today) && now >= self.start) || (works(today + 6) && now < self.end)
        }
    }
}

const MINUTES_PER_DAY: u16 = 24 * 60;

/// Minutes since midnight of `HH:MM`; `24:00` is the end of the day.
pub(super) fn minute_of_day(text: &str) -> Result<u16, Diagnostic> {
    let digit = |b: u8| b.is_ascii_digit().then(|| u16::from(b - b'0'));
    let read = || match *text.as_bytes() {
        [a, b, b':', c, d] => {
            let (hour, minute) = (digit(a)? * 10 + digit(b)?, digit(c)? * 10 + digit(d)?);
            (minute < 60 && hour * 60 + minute <= MINUTES_PER_DAY).then_some(hour * 60 + minute)
        }
        _ => None,
    };
    read().ok_or_else(|| {
        let remedy = "write hours and minutes with two digits each, such as `08:30` or `18:00`";
        Diagnostic::new(format!("{} is not a time of day", quoted(text)), remedy)
    })
}

/// The time zone with this name, from the bundled database.
pub(super) fn time_zone(name: &str) -> Result<TimeZone, Diagnostic> {
    let zones = TimeZoneDatabase::bundled();
    if let Ok(zone) = zones.get(name)
        && !name.is_empty()
    {
        return Ok(zone);
    }
    let names: Vec<String> = zones.available().map(|zone| zone.to_string()).collect();
    let names = names.iter().map(String::as_str);
    let city = |zone: &&str| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name));
    let remedy = match names.clone().find(city).or_else(|| suggest(name, names)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "write an IANA time zone, such as `Europe/Zurich`, or `UTC`".into(),
    };
    Err(Diagnostic::new(format!("{} is not a time zone", quoted(name)), remedy))
}

/// Hours that start when they end, or after the last minute of the day.
pub(super) fn empty_hours(start: &str, end: &str) -> Diagnostic {
    Diagnostic::new(
        format!("the hours from {} to {} are empty", quoted(start), quoted(end)),
        "set another `end`; `00:00` to `24:00` is the whole day",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calendar(zone: &str, days: &[Weekday], start: &str, end: &str) -> BusinessCalendar {
        let hours =
            BusinessHours { time_zone: zone.into(), days: days.into(), start: start.into(), end: end.into() };
        BusinessCalendar::new(&hours).expect("valid hours")
    }

    fn at(text: &str) -> Time {
        Time::parse(text).expect(text)
    }

    const WEEK: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

    #[test]
    fn start_is_inclusive_and_end_is_exclusive() {
        let zurich = calendar("Europe/Zurich", &WEEK, "08:00", "18:00");
        // Monday 2024-07-01, UTC+2.
        assert!(!zurich.contains(at("2024-07-01T05:59:59Z")));
        assert!(zurich.contains(at("2024-07-01T06:00:00Z")));
        assert!(zurich.contains(at("2024-07-01T15:59:59Z")));
        assert!(!zurich.contains(at("2024-07-01T16:00:00Z")));
        assert!(!zurich.contains(at("2024-07-06T10:00:00Z")), "saturday");
    }

    #[test]
    fn winter_and_summer_differ_by_an_hour() {
        let zurich = calendar("Europe/Zurich", &WEEK, "08:00", "18:00");
        assert!(!zurich.contains(at("2024-01-15T06:30:00Z")));
        assert!(zurich.contains(at("2024-07-15T06:30:00Z")));
    }

    #[test]
    fn skipped_hours_at_daylight_saving_start_do_not_match() {
        // 2024-03-31 02:00 CET became 03:00 CEST at 01:00 UTC.
        let night = calendar("Europe/Zurich", &[Weekday::Sun], "02:00", "03:00");
        for text in ["2024-03-31T00:59:59Z", "2024-03-31T01:00:00Z", "2024-03-31T01:30:00Z"] {
            assert!(!night.contains(at(text)), "{text}");
        }
        assert!(night.contains(at("2024-03-24T01:30:00Z")), "a week earlier it exists");
    }

    #[test]
    fn repeated_hours_at_daylight_saving_end_match_twice() {
        // 2024-11-03 02:00 EDT became 01:00 EST at 06:00 UTC.
        let night = calendar("America/New_York", &[Weekday::Sun], "01:00", "02:00");
        assert!(!night.contains(at("2024-11-03T04:59:59Z")));
        assert!(night.contains(at("2024-11-03T05:30:00Z")), "first pass");
        assert!(night.contains(at("2024-11-03T06:30:00Z")), "second pass");
        assert!(!night.contains(at("2024-11-03T07:00:00Z")));
    }

    #[test]
    fn zones_off_by_half_and_quarter_hours_are_exact() {
        let kolkata = calendar("Asia/Kolkata", &WEEK, "09:30", "17:15");
        assert!(!kolkata.contains(at("2024-07-01T03:59:59Z")));
        assert!(kolkata.contains(at("2024-07-01T04:00:00Z")));
        assert!(!kolkata.contains(at("2024-07-01T11:45:00Z")));
        let kathmandu = calendar("Asia/Kathmandu", &WEEK, "09:00", "10:00");
        assert!(
            kathmandu.contains(at("2024-07-01T03:15:00Z")) && !kathmandu.contains(at("2024-07-01T03:14:59Z"))
        );
        // Lord Howe Island moves its clock by half an hour, from UTC+10:30 to UTC+11.
        let lord_howe = calendar("Australia/Lord_Howe", &WEEK, "09:00", "17:00");
        assert!(
            lord_howe.contains(at("2024-06-30T22:30:00Z")) && !lord_howe.contains(at("2024-06-30T22:00:00Z"))
        );
        assert!(lord_howe.contains(at("2024-12-01T22:00:00Z")));
    }

    #[test]
    fn overnight_hours_belong_to_the_day_they_start_on() {
        let night = calendar("UTC", &[Weekday::Fri], "22:00", "06:00");
        // 2024-07-05 is a Friday.
        assert!(!night.contains(at("2024-07-05T05:00:00Z")), "Friday morning belongs to Thursday");
        assert!(night.contains(at("2024-07-05T22:00:00Z")));
        assert!(night.contains(at("2024-07-06T05:59:59Z")), "Saturday morning");
        assert!(!night.contains(at("2024-07-06T06:00:00Z")));
        assert!(!night.contains(at("2024-07-06T22:00:00Z")));
        let sunday = calendar("UTC", &[Weekday::Sun], "22:00", "06:00");
        assert!(sunday.contains(at("2024-07-08T03:00:00Z")), "over the end of the week");
    }

    #[test]
    fn a_whole_day_and_an_end_at_midnight_are_valid() {
        let always = calendar("UTC", &WEEK, "00:00", "24:00");
        assert!(always.contains(at("2024-07-01T00:00:00Z")) && always.contains(at("2024-07-01T23:59:59Z")));
        let evening = calendar("UTC", &[Weekday::Mon], "18:00", "00:00");
        assert!(
            evening.contains(at("2024-07-01T23:59:59Z")) && !evening.contains(at("2024-07-02T00:00:00Z"))
        );
    }

    #[test]
    fn an_invalid_time_is_refused_with_a_remedy() {
        for text in ["", "8:00", "24:01", "25:00", "08:60", "08:00:00", "0800", "aa:bb", "é8:0"] {
            assert!(minute_of_day(text).is_err(), "{text}");
        }
        assert!(time_zone("Zurich").is_err_and(|fault| fault.remedy == "did you mean `Europe/Zurich`?"));
        assert!(time_zone("Europe/Zürich").is_err_and(|fault| fault.remedy.contains("Europe/Zurich")));
        assert!(time_zone("").is_err());
    }

    proptest! {
        #[test]
        fn hours_and_their_complement_cover_every_minute_once(
            start in 0_u16..MINUTES_PER_DAY, length in 1_u16..MINUTES_PER_DAY, seconds in 0..4_102_444_800_u32,
        ) {
            const ALL: [Weekday; 7] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
            let text = |minute: u16| format!("{:02}:{:02}", minute % MINUTES_PER_DAY / 60, minute % 60);
            let (start, end) = (text(start), text(start + length));
            let shift = calendar("America/St_Johns", &ALL, &start, &end);
            let rest = calendar("America/St_Johns", &ALL, &end, &start);
            prop_assert_ne!(shift.contains(Time(seconds)), rest.contains(Time(seconds)));
        }
    }
}
