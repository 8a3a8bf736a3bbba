//! Activity over time.
//!
//! Enters: calls per hour, and the findings. Leaves: [`ActivityChart`]: stacked bars, a scale, and the same counts in a
//! table; and the first calls of findings in the order of time. Law: a write, a denied call or another call is visible beside
//! any number of reads.

use std::{collections::BTreeSet, fmt::Write};

use crate::{
    finding::{Finding, Severity},
    period::Period,
    render::html::{
        axis::{AxisTick, TimeAxis, percent},
        filters::{format_minute, thousands},
        finding::{FindingLink, FindingLinks},
        truncated::{Truncated, most},
    },
    report::{HourlyActivity, ReportMode, ReportResult},
    time::{Hour, Time},
};

/// Height of the drawing in pixels.
const CHART_HEIGHT: f64 = 140.0;

/// Least height of a part that is not zero.
const MIN_BAR_HEIGHT: f64 = 3.0;

/// The chart of calls over time.
#[derive(Debug)]
pub struct ActivityChart {
    /// Length of one step in words.
    pub step_unit: String,
    /// Greatest count on the scale.
    pub axis_max: u64,
    /// Half of the axis's highest value.
    pub axis_middle: u64,
    /// Bars in four layers: reads, writes, other, denied.
    pub layers: [ChartLayer; 4],
    /// One transparent bar for each step with its counts as a tooltip.
    pub tooltips: Vec<ChartTooltip>,
    /// Ticks under the bars.
    pub ticks: Vec<AxisTick>,
    /// Steps with calls, for the table.
    pub rows: Vec<ActivityRow>,
}

/// The bars of one kind of call.
#[derive(Debug)]
pub struct ChartLayer {
    /// CSS class of the layer.
    pub css_class: &'static str,
    /// Name of the kind.
    pub name: &'static str,
    /// Number of calls of that kind.
    pub total: u64,
    /// Bars of the layer, by time.
    pub bars: Vec<ChartBar>,
}

/// One bar of the chart.
#[derive(Debug)]
pub struct ChartBar {
    /// From the left, in percent.
    pub x: String,
    /// From the top, in pixels.
    pub y: String,
    /// Width of the bar, in percent.
    pub width: String,
    /// Height of the bar, in pixels.
    pub height: String,
}

/// The tooltip of a step.
#[derive(Debug)]
pub struct ChartTooltip {
    /// From the left, in percent.
    pub x: String,
    /// Width of the tooltip's area, in percent.
    pub width: String,
    /// Counts of calls, as text.
    pub text: String,
}

/// One step in the table.
#[derive(Debug)]
pub struct ActivityRow {
    /// First hour of the row.
    pub from: Hour,
    /// Number of calls in the hours of the row.
    pub calls: HourlyActivity,
}

/// A finding about calls, in the order of time.
#[derive(Debug)]
pub struct NotableEvent<'a> {
    /// Time of its first call.
    pub at: Time,
    /// The finding.
    pub link: FindingLink<'a>,
}

impl<'a> NotableEvent<'a> {
    /// The first calls of the findings that matter most, in the order of time.
    pub fn of(result: &'a ReportResult, links: &FindingLinks<'a>) -> Truncated<Self> {
        let about_calls = links.in_order().iter().filter(|one| {
            one.severity >= Severity::Medium && one.principal.is_some() && !one.sample_event_ids.is_empty()
        });
        let event =
            |one: &&'a Finding| Some(Self { at: one.first_seen?, link: links.get(&one.fingerprint)? });
        // A call that two rules found is one event, of the finding that matters more.
        let mut seen = BTreeSet::new();
        let first_of_calls = about_calls.filter(|one| seen.insert(one.sample_event_ids.first()));
        let mut events = Truncated::of(first_of_calls.filter_map(event), most::EVENTS);
        if result.mode == ReportMode::Discovery {
            events.items.clear();
            events.omitted = 0;
        }
        events.items.sort_by_key(|event| event.at);
        events
    }
}

impl ActivityChart {
    /// The chart of calls per hour; `None` without calls.
    pub fn of(period: Option<Period>, activity: &[HourlyActivity]) -> Option<Self> {
        let axis = TimeAxis::of(period.filter(|period| period.hours() > 0)?);
        let steps: Vec<Period> = axis.steps().collect();
        let mut sums = vec![HourlyActivity::default(); steps.len()];
        for hour in activity {
            if let Some(sum) = axis.step_index(hour.hour).and_then(|index| sums.get_mut(index)) {
                add_activity(sum, hour);
            }
        }
        let highest = sums.iter().map(total).max().filter(|highest| *highest > 0)?;
        let top = round_axis_max(highest);
        let mut layers = [("reads", "Reads"), ("writes", "Writes"), ("other", "Other"), ("denied", "Denied")]
            .map(|(class, name)| ChartLayer { css_class: class, name, total: 0, bars: Vec::new() });
        let mut tips = Vec::new();
        for (step, sum) in steps.iter().zip(&sums).filter(|(_, sum)| total(sum) > 0) {
            stack_bars(&mut layers, &axis, *step, sum, top);
            tips.push(ChartTooltip {
                x: percent(axis.position(step.from)),
                width: percent(axis.position(step.until) - axis.position(step.from)),
                text: tooltip_text(*step, sum),
            });
        }
        let rows: Vec<ActivityRow> = steps
            .iter()
            .zip(sums)
            .filter(|(_, sum)| total(sum) > 0)
            .map(|(step, calls)| ActivityRow { from: step.from, calls })
            .collect();
        Some(Self {
            step_unit: axis.step_unit(),
            axis_max: top,
            axis_middle: top / 2,
            layers,
            tooltips: tips,
            ticks: axis.ticks(),
            rows,
        })
    }
}

const fn add_activity(sum: &mut HourlyActivity, hour: &HourlyActivity) {
    sum.reads = sum.reads.saturating_add(hour.reads);
    sum.writes = sum.writes.saturating_add(hour.writes);
    sum.other = sum.other.saturating_add(hour.other);
    sum.denied = sum.denied.saturating_add(hour.denied);
    sum.watched = sum.watched.saturating_add(hour.watched);
}

const fn layer_counts(calls: &HourlyActivity) -> [u64; 4] {
    [calls.reads, calls.writes, calls.other, calls.denied]
}

fn total(calls: &HourlyActivity) -> u64 {
    layer_counts(calls).into_iter().fold(0, u64::saturating_add)
}

/// The next of 2, 4, 6, 8, 10, 20, 40, ...: an even maximum.
const fn round_axis_max(highest: u64) -> u64 {
    let mut unit = 1_u64;
    while highest > unit.saturating_mul(10) && unit < 1_000_000_000_000_000_000 {
        unit *= 10;
    }
    let fifth = unit.saturating_mul(2);
    highest.div_ceil(fifth).saturating_mul(fifth)
}

fn stack_bars(layers: &mut [ChartLayer; 4], axis: &TimeAxis, step: Period, calls: &HourlyActivity, top: u64) {
    let (from, until) = (axis.position(step.from), axis.position(step.until));
    let space = (until - from) * if until - from > 1.0 { 0.16 } else { 0.06 };
    let raised = |count: u64| {
        if count == 0 { 0.0 } else { (count as f64 * CHART_HEIGHT / top as f64).max(MIN_BAR_HEIGHT) }
    };
    let [reads, rest @ ..] = layer_counts(calls).map(raised);
    // The bar of reads shrinks if the least heights of the others would exceed the chart.
    let others: f64 = rest.iter().sum();
    let [writes, other, denied] = rest;
    let mut y = CHART_HEIGHT;
    for ((layer, height), count) in layers
        .iter_mut()
        .zip([reads.min(CHART_HEIGHT - others), writes, other, denied])
        .zip(layer_counts(calls))
    {
        layer.total = layer.total.saturating_add(count);
        if count == 0 {
            continue;
        }
        y -= height;
        layer.bars.push(ChartBar {
            x: percent(from + space / 2.0),
            y: pixels(y),
            width: percent(until - from - space),
            height: pixels(height),
        });
    }
}

fn pixels(value: f64) -> String {
    let text = format!("{:.1}", value.clamp(0.0, CHART_HEIGHT));
    text.trim_end_matches(".0").to_owned()
}

fn tooltip_text(step: Period, calls: &HourlyActivity) -> String {
    let mut text =
        format!("{} to {} UTC", format_minute(step.from.start()), format_minute(step.until.start()));
    let names = ["reads", "writes", "other", "denied"];
    for (name, count) in names.into_iter().zip(layer_counts(calls)) {
        // Writing to a string does not fail.
        let _ = write!(text, ", {name} {}", thousands(count));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_write_among_a_million_reads_is_visible() {
        let calls =
            HourlyActivity { hour: Hour(5), reads: 1_000_000, writes: 1, ..HourlyActivity::default() };
        let chart = ActivityChart::of(Some(Period { from: Hour(0), until: Hour(24) }), &[calls]).unwrap();
        let heights: Vec<usize> = chart.layers.iter().map(|layer| layer.bars.len()).collect();
        assert_eq!(heights, [1, 1, 0, 0]);
        assert_eq!(
            (chart.layers[1].bars[0].height.as_str(), chart.layers[1].bars[0].y.as_str()),
            ("3", "67")
        );
    }

    #[test]
    fn no_calls_have_no_chart() {
        assert!(ActivityChart::of(Some(Period { from: Hour(0), until: Hour(24) }), &[]).is_none());
    }

    proptest! {
        #[test]
        fn the_axis_covers_the_highest_count(highest in 1..u64::MAX / 4) {
            let top = round_axis_max(highest);
            prop_assert!(top >= highest && top.is_multiple_of(2) && top <= highest.saturating_mul(2).max(2));
        }
    }
}
