//! The time axis of charts.
//!
//! Enters: a period. Leaves: [`TimeAxis`]: the steps of a chart, few enough to be visible and to keep the page small,
//! and the ticks under it. Laws: every hour of the period is in exactly one step; steps of a day begin at midnight
//! UTC, steps of a week on Monday.

use crate::{
    period::Period,
    render::html::filters::format_duration,
    time::{HOUR_SECONDS, Hour},
};

/// Maximum number of steps of one chart.
const MAX_STEPS: u32 = 192;

/// Maximum number of ticks under one chart.
const MAX_TICKS: u32 = 7;

/// Hours from the epoch, a Thursday, to the first Monday.
const FIRST_MONDAY_HOUR: u32 = 96;

/// A period in equal steps.
#[derive(Clone, Copy, Debug)]
pub struct TimeAxis {
    /// Period that the axis shows.
    pub period: Period,
    /// Length of one step, in hours.
    pub step_hours: u32,
}

/// A tick under a chart.
#[derive(Debug)]
pub struct AxisTick {
    /// Position from the left, in percent.
    pub x: String,
    /// The part of the text at this position: `start`, `middle` or `end`.
    pub anchor: &'static str,
    /// Date or time of day.
    pub label: String,
}

impl TimeAxis {
    /// The shortest steps of which there are at most 192.
    pub fn of(period: Period) -> Self {
        let hours = period.hours();
        let fits = |step: &u32| hours.div_ceil(*step) <= MAX_STEPS;
        let step = [1, 3, 6, 12, 24, 168].into_iter().find(fits);
        let step = step.unwrap_or_else(|| 168 * hours.div_ceil(168).div_ceil(MAX_STEPS).next_power_of_two());
        Self { period, step_hours: step }
    }

    /// First hour of the step that contains an hour; it may lie before the period.
    const fn step_start(hour: u32, step: u32) -> u32 {
        let shift = if step.is_multiple_of(168) { FIRST_MONDAY_HOUR } else { 0 };
        hour.saturating_sub(shift) / step * step + if hour < shift { 0 } else { shift }
    }

    /// Hour after the step that contains an hour. The hours before the first Monday are a step of their own.
    const fn step_end(hour: u32, step: u32) -> u32 {
        if step.is_multiple_of(168) && hour < FIRST_MONDAY_HOUR {
            return FIRST_MONDAY_HOUR;
        }
        Self::step_start(hour, step).saturating_add(step)
    }

    /// Index of the step that contains an hour; `None` outside the period.
    pub fn step_index(&self, hour: Hour) -> Option<usize> {
        if !(self.period.from..self.period.until).contains(&hour) {
            return None;
        }
        let first = Self::step_start(self.period.from.0, self.step_hours);
        usize::try_from((Self::step_start(hour.0, self.step_hours) - first).div_ceil(self.step_hours)).ok()
    }

    /// The steps in order, the first and the last clipped to the period.
    pub fn steps(&self) -> impl Iterator<Item = Period> + use<> {
        let Self { period, step_hours: step } = *self;
        let mut next = period.from.0;
        std::iter::from_fn(move || {
            let from = next;
            (from < period.until.0).then(|| {
                next = Self::step_end(from, step).min(period.until.0);
                Period { from: Hour(from), until: Hour(next) }
            })
        })
    }

    /// Position of the beginning of an hour from the left, in percent.
    pub fn position(&self, hour: Hour) -> f64 {
        let part = hour.0.clamp(self.period.from.0, self.period.until.0) - self.period.from.0;
        f64::from(part) * 100.0 / f64::from(self.period.hours().max(1))
    }

    /// Length of a step in words.
    pub fn step_unit(&self) -> String {
        match self.step_hours {
            1 => "hour".to_owned(),
            24 => "day".to_owned(),
            168 => "week".to_owned(),
            step if step.is_multiple_of(168) => format!("{} weeks", step / 168),
            step => format_duration(step * HOUR_SECONDS),
        }
    }

    /// Length of a step in words, with its number.
    pub fn step_length(&self) -> String {
        match self.step_hours {
            1 | 24 | 168 => format!("one {}", self.step_unit()),
            _ => self.step_unit(),
        }
    }

    /// Ticks at round times.
    pub fn ticks(&self) -> Vec<AxisTick> {
        let hours = self.period.hours();
        let every = [1, 2, 3, 6, 12, 24, 48, 168, 336, 672, 2_184, 8_736];
        let every = every.into_iter().find(|every| hours / every < MAX_TICKS);
        let every = every.unwrap_or_else(|| hours.div_ceil(MAX_TICKS).max(1));
        let marks = Self { period: self.period, step_hours: every };
        let round = marks.steps().map(|step| step.from);
        let round = round.filter(|hour| Self::step_start(hour.0, every) == hour.0);
        round.map(|hour| AxisTick::at(hour, marks.position(hour), every, hours)).collect()
    }
}

impl AxisTick {
    fn at(hour: Hour, x: f64, every: u32, hours: u32) -> Self {
        let form = match (every, hour.0.is_multiple_of(24)) {
            (0..24, false) => "%H:%M",
            _ if hours > 400 * 24 => "%b %Y",
            _ => "%-d %b",
        };
        let anchor = match x {
            ..4.0 => "start",
            96.0.. => "end",
            _ => "middle",
        };
        Self { x: percent(x), anchor, label: hour.start().timestamp().strftime(form).to_string() }
    }
}

/// A length in percent for SVG, clamped to 0 to 100.
pub fn percent(value: f64) -> String {
    let text = format!("{:.3}", if value.is_finite() { value.clamp(0.0, 100.0) } else { 0.0 });
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_is_drawn_in_hours_and_a_year_in_weeks() {
        let axis = |hours: u32| TimeAxis::of(Period { from: Hour(468_000), until: Hour(468_000 + hours) });
        assert_eq!([24, 192, 193, 24 * 90, 24 * 365].map(|hours| axis(hours).step_hours), [1, 1, 3, 12, 168]);
    }

    #[test]
    fn percentages_are_short_and_clamped() {
        assert_eq!(
            [0.0, 4.166_666, 100.0, 120.0, f64::NAN].map(percent),
            ["0%", "4.167%", "100%", "100%", "0%"]
        );
    }

    #[test]
    fn the_hours_before_the_first_monday_are_a_step_of_their_own() {
        let axis = TimeAxis::of(Period { from: Hour(0), until: Hour(4_609) });
        assert_eq!(axis.steps().next(), Some(Period { from: Hour(0), until: Hour(FIRST_MONDAY_HOUR) }));
        assert_eq!([0, 95, 96, 263, 264].map(|hour| axis.step_index(Hour(hour))), [0, 0, 1, 1, 2].map(Some));
    }

    proptest! {
        #[test]
        fn every_hour_lies_in_its_step(from in 0..1_193_046_u32, hours in 1..90_000_u32, nth in 0..90_000_u32) {
            let until = from.saturating_add(hours).min(1_193_046);
            let period = Period { from: Hour(from), until: Hour(until.max(from + 1)) };
            let axis = TimeAxis::of(period);
            let steps: Vec<Period> = axis.steps().collect();
            prop_assert!(steps.len() <= 194);
            prop_assert_eq!(steps.iter().map(|step| step.hours()).sum::<u32>(), period.hours());
            let hour = Hour(from + nth % period.hours());
            let step = steps[axis.step_index(hour).unwrap()];
            prop_assert!((step.from..step.until).contains(&hour));
            prop_assert!(axis.ticks().len() <= 9);
        }
    }
}
