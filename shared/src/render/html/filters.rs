//! Template filters for numbers, times and words.
//!
//! Enters: values of a report. Leaves: text that is not yet escaped. Law: the same value has the same text
//! everywhere.

use askama::{Result, Values, filter_fn};

pub use crate::number_text::thousands;
use crate::{
    period::Period,
    time::{HOUR_SECONDS, Time},
};

/// A value that is shown as a count.
pub trait AsCount {
    /// The count.
    fn value(&self) -> u64;
}

impl<T: AsCount> AsCount for &T {
    fn value(&self) -> u64 {
        (**self).value()
    }
}

impl AsCount for u64 {
    fn value(&self) -> u64 {
        *self
    }
}

impl AsCount for u32 {
    fn value(&self) -> u64 {
        u64::from(*self)
    }
}

impl AsCount for usize {
    fn value(&self) -> u64 {
        u64::try_from(*self).unwrap_or(u64::MAX)
    }
}

/// A value that is shown as a time.
pub trait AsTime {
    /// The time.
    fn value(&self) -> Time;
}

impl<T: AsTime> AsTime for &T {
    fn value(&self) -> Time {
        (**self).value()
    }
}

impl AsTime for Time {
    fn value(&self) -> Time {
        *self
    }
}

/// A percentage without trailing zeros: `100`, `99.4`, `99.43`.
pub fn decimal(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `2023-07-10 11:42:18`, in UTC.
pub fn format_timestamp(time: Time) -> String {
    time.timestamp().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2023-07-10 11:00`, in UTC.
pub fn format_minute(time: Time) -> String {
    time.timestamp().strftime("%Y-%m-%d %H:%M").to_string()
}

/// `45 minutes`, `36 hours`, `12 days`.
pub fn format_duration(seconds: u32) -> String {
    let (count, unit) = match seconds {
        0..HOUR_SECONDS => (seconds / 60, "minute"),
        _ if seconds < 72 * HOUR_SECONDS => (seconds / HOUR_SECONDS, "hour"),
        _ => (seconds / (24 * HOUR_SECONDS), "day"),
    };
    format!("{} {unit}{}", thousands(u64::from(count)), if count == 1 { "" } else { "s" })
}

/// A count with thousands separators.
#[filter_fn]
pub fn count<T: AsCount>(count: T, _: &dyn Values) -> Result<String> {
    Ok(thousands(count.value()))
}

/// `s` unless the count is one.
#[filter_fn]
pub fn plural<T: AsCount>(count: T, _: &dyn Values) -> Result<&'static str> {
    Ok(if count.value() == 1 { "" } else { "s" })
}

/// A sentence as HTML, with its code as elements; the text is escaped.
#[filter_fn]
pub fn prose<T: AsRef<str>>(text: T, _: &dyn Values) -> Result<String> {
    Ok(super::prose::prose(text.as_ref()))
}

/// A name as HTML, which may break after its separators; the name is escaped.
#[filter_fn]
pub fn breakable<T: AsRef<str>>(name: T, _: &dyn Values) -> Result<String> {
    Ok(super::prose::breakable(name.as_ref()))
}

/// A number with at most two decimals.
#[filter_fn]
pub fn number(value: &f64, _: &dyn Values) -> Result<String> {
    Ok(decimal(*value))
}

/// A time to the second.
#[filter_fn]
pub fn timestamp<T: AsTime>(time: T, _: &dyn Values) -> Result<String> {
    Ok(format_timestamp(time.value()))
}

/// A time to the minute.
#[filter_fn]
pub fn minute<T: AsTime>(time: T, _: &dyn Values) -> Result<String> {
    Ok(format_minute(time.value()))
}

/// Length of a period in words, such as `24 hours`.
#[filter_fn]
pub fn duration(period: &Period, _: &dyn Values) -> Result<String> {
    Ok(format_duration(period.hours().saturating_mul(HOUR_SECONDS)))
}

/// Bytes in the largest unit that fits.
#[filter_fn]
pub fn bytes(bytes: &u64, _: &dyn Values) -> Result<String> {
    if *bytes < 1_024 {
        return Ok(format!("{bytes} bytes"));
    }
    let (mut value, mut unit) = (*bytes as f64, "bytes");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1_024.0 {
            break;
        }
        value /= 1_024.0;
        unit = next;
    }
    Ok(format!("{value:.1} {unit}"))
}

/// `read_secrets` as `read secrets`.
#[filter_fn]
pub fn spaced<T: std::fmt::Display>(name: T, _: &dyn Values) -> Result<String> {
    Ok(name.to_string().replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_fractions_are_left_out() {
        assert_eq!([100.0, 99.4, 99.99, 0.0].map(decimal), ["100", "99.4", "99.99", "0"]);
    }

    #[test]
    fn durations_use_the_unit_that_fits() {
        assert_eq!(
            [0, HOUR_SECONDS, 71 * HOUR_SECONDS, 72 * HOUR_SECONDS].map(format_duration),
            ["0 minutes", "1 hour", "71 hours", "3 days"]
        );
    }
}
