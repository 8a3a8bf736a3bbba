//! The coverage map.
//!
//! Enters: coverage. Leaves: [`CoverageMap`]: for each account and region a bar that shows missing hours, and the
//! same as text. Law: a missing hour is visible in a period of any length.

use crate::{
    coverage::{AccountRegionCoverage, EventClassCoverage},
    period::Period,
    render::format::missing_log_files,
    render::html::{
        axis::{AxisTick, TimeAxis, percent},
        badge::{self, Badge},
        filters::{format_duration, format_minute},
        truncated::{Truncated, most},
    },
    report::ReportResult,
    time::HOUR_SECONDS,
};

/// Least width of a gap in percent of the bar, so that it is visible.
const MIN_GAP_PERCENT: f64 = 0.4;

/// The coverage map.
#[derive(Debug)]
pub struct CoverageMap<'a> {
    /// The axis; absent without a period.
    pub axis: Option<TimeAxis>,
    /// Ticks under the bars.
    pub ticks: Vec<AxisTick>,
    /// Distance of the grid lines as a share of the bar, and in words; absent where the lines would not fit.
    pub gridline: Option<(String, &'static str)>,
    /// Accounts and regions: in order, or with the most missing hours first when there are many.
    pub places: Truncated<CoverageBar<'a>>,
    /// Expected accounts and regions with missing hours.
    pub incomplete: usize,
    /// Expected accounts and regions.
    pub expected: usize,
    /// Log files that digest files list and the evidence does not show.
    pub missing_log_files: u64,
    /// Rows of the table of event classes.
    pub classes: Truncated<EventClassRow<'a>>,
}

/// One account and region.
#[derive(Debug)]
pub struct CoverageBar<'a> {
    /// Coverage of the account and region.
    pub place: &'a AccountRegionCoverage,
    /// Number of hours without evidence.
    pub missing: u32,
    /// Spans with missing hours.
    pub missing_spans: Vec<CoverageSpan>,
    /// Spans with quiet hours only.
    pub quiet_spans: Vec<CoverageSpan>,
    /// Gaps of the evidence, in words.
    pub gaps: Truncated<String>,
}

/// A marked span of a bar.
#[derive(Debug)]
pub struct CoverageSpan {
    /// Position from the left, in percent.
    pub x: String,
    /// Width of the span, in percent.
    pub width: String,
    /// Whether all its hours are missing (or quiet), not only some.
    pub is_whole_step: bool,
}

/// One row of the table of event classes.
#[derive(Debug)]
pub struct EventClassRow<'a> {
    /// Coverage of the event class.
    pub class: &'a EventClassCoverage,
    /// Badge of the class's state.
    pub state: Badge,
    /// Accounts with events of the class in the evidence.
    pub accounts: Truncated<&'a str>,
}

impl<'a> CoverageMap<'a> {
    /// The map of a coverage.
    pub fn of(result: &'a ReportResult) -> Self {
        let coverage = &result.coverage;
        let axis = coverage.period.filter(|period| period.hours() > 0).map(TimeAxis::of);
        let mut places: Vec<&AccountRegionCoverage> = coverage.account_regions.iter().collect();
        if places.len() > most::OPEN_PLACES {
            places.sort_by_key(|place| std::cmp::Reverse(place.missing_hours()));
        }
        let places = Truncated::of(places, most::PLACES);
        let bars = places.items.into_iter().map(|place| CoverageBar::of(place, axis.as_ref())).collect();
        Self {
            ticks: axis.map(|axis| axis.ticks()).unwrap_or_default(),
            gridline: axis.and_then(|axis| gridline(&axis)),
            places: Truncated { items: bars, omitted: places.omitted },
            incomplete: coverage.account_regions.iter().filter(|place| place.missing_hours() > 0).count(),
            expected: coverage.expected_places().count(),
            missing_log_files: missing_log_files(result),
            classes: Truncated::of(coverage.event_classes.iter().map(EventClassRow::of), most::CLASSES),
            axis,
        }
    }
}

impl<'a> CoverageMap<'a> {
    /// Bars that are visible initially.
    pub fn first_places(&self) -> &[CoverageBar<'a>] {
        self.places.items.get(..most::OPEN_PLACES).unwrap_or(&self.places.items)
    }

    /// The other bars.
    pub fn other_places(&self) -> &[CoverageBar<'a>] {
        self.places.items.get(most::OPEN_PLACES..).unwrap_or_default()
    }
}

/// Grid lines, if they divide the bar evenly and are far enough apart.
fn gridline(axis: &TimeAxis) -> Option<(String, &'static str)> {
    let hours = axis.period.hours();
    let even = |every: u32| axis.period.from.0.is_multiple_of(every) && hours.is_multiple_of(every);
    let fits = |(every, _): &(u32, _)| *every >= axis.step_hours && even(*every) && hours / every <= 62;
    let (every, word) = [(1, "hour"), (6, "6 hours"), (24, "day")].into_iter().find(fits)?;
    Some((format!("{:.6}", f64::from(every) / f64::from(hours)), word))
}

impl<'a> CoverageBar<'a> {
    fn of(place: &'a AccountRegionCoverage, axis: Option<&TimeAxis>) -> Self {
        Self {
            place,
            missing: place.missing_hours(),
            missing_spans: axis.map(|axis| missing_spans(axis, &place.gaps)).unwrap_or_default(),
            quiet_spans: axis.map(|axis| quiet_spans(axis, &place.quiet_periods)).unwrap_or_default(),
            gaps: Truncated::of(place.gaps.iter().map(gap_text), most::GAPS),
        }
    }
}

/// `2023-07-10 03:00 to 04:00 (1 hour)`, with the second date if it differs.
fn gap_text(gap: &Period) -> String {
    let (from, until) = (format_minute(gap.from.start()), format_minute(gap.until.start()));
    let until = match (from.split_once(' '), until.split_once(' ')) {
        (Some((day, _)), Some((same, time))) if day == same => time,
        _ => &until,
    };
    format!("{from} to {until} ({})", format_duration(gap.hours().saturating_mul(HOUR_SECONDS)))
}

/// Steps in which every hour is quiet.
fn quiet_spans(axis: &TimeAxis, spans: &[Period]) -> Vec<CoverageSpan> {
    missing_spans(axis, spans).into_iter().filter(|span| span.is_whole_step).collect()
}

/// Steps with missing hours; adjacent steps of the same kind are joined.
fn missing_spans(axis: &TimeAxis, gaps: &[Period]) -> Vec<CoverageSpan> {
    let mut gaps = gaps.iter().copied().peekable();
    let mut joined: Vec<(Period, bool)> = Vec::new();
    for step in axis.steps() {
        let mut missing = 0;
        while let Some(gap) = gaps.peek() {
            let (from, until) = (gap.from.max(step.from), gap.until.min(step.until));
            missing += Period { from, until }.hours();
            if gap.until > step.until {
                break;
            }
            gaps.next();
        }
        if missing == 0 {
            continue;
        }
        let whole = missing >= step.hours();
        match joined.last_mut() {
            Some((last, kind)) if *kind == whole && last.until == step.from => last.until = step.until,
            _ => joined.push((step, whole)),
        }
    }
    joined.iter().map(|(span, whole)| CoverageSpan::of(axis, *span, *whole)).collect()
}

impl CoverageSpan {
    fn of(axis: &TimeAxis, span: Period, whole: bool) -> Self {
        let (from, until) = (axis.position(span.from), axis.position(span.until));
        let width = (until - from).max(MIN_GAP_PERCENT);
        Self { x: percent(from.min(100.0 - width)), width: percent(width), is_whole_step: whole }
    }
}

impl<'a> EventClassRow<'a> {
    fn of(class: &'a EventClassCoverage) -> Self {
        let accounts = class.accounts.iter().map(|account| &**account);
        Self {
            class,
            state: badge::class_state(class.state),
            accounts: Truncated::of(accounts, most::VALUES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Hour;

    fn span(from: u32, until: u32) -> Period {
        Period { from: Hour(from), until: Hour(until) }
    }

    #[test]
    fn a_missing_hour_of_a_day_is_one_cell() {
        let found = missing_spans(&TimeAxis::of(span(480, 504)), &[span(486, 487)]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].x.as_str(), found[0].width.as_str(), found[0].is_whole_step),
            ("25%", "4.167%", true)
        );
    }

    #[test]
    fn a_missing_hour_in_three_years_is_still_visible() {
        let found = missing_spans(&TimeAxis::of(span(0, 24 * 1_095)), &[span(9_000, 9_001)]);
        assert_eq!(found.len(), 1);
        assert!(!found[0].is_whole_step);
    }

    #[test]
    fn a_gap_over_many_steps_is_one_span() {
        let found = missing_spans(&TimeAxis::of(span(0, 240)), &[span(10, 15), span(20, 240)]);
        let whole: Vec<bool> = found.iter().map(|span| span.is_whole_step).collect();
        assert_eq!(whole, [false, true, false, true]);
    }
}
