//! Activity over time.
//!
//! Enters: calls per hour. Leaves: [`Chart`]: stacked bars, a scale, and the same figures in a table. Law: a step with
//! a write, another call or a refusal shows it, however many reads stand beside it.

use std::fmt::Write;

use crate::{
    coverage::Period,
    render::html::{
        axis::{Axis, Mark, percent},
        filters::{minute_of, thousands},
    },
    report::Activity,
    time::Hour,
};

/// Height of the drawing in pixels.
const HEIGHT: f64 = 200.0;

/// Least height of a part that is not zero.
const LEAST: f64 = 3.0;

/// The chart.
#[derive(Debug)]
pub struct Chart {
    /// Length of one step in words.
    pub unit: String,
    /// Greatest count on the scale.
    pub top: u64,
    /// Half of it.
    pub middle: u64,
    /// Bars in four layers: reads, writes, other, denied.
    pub layers: [Layer; 4],
    /// One invisible bar for each step that tells its figures when pointed at.
    pub tips: Vec<Tip>,
    /// Marks under the bars.
    pub marks: Vec<Mark>,
    /// Steps in words, those without calls left out.
    pub rows: Vec<Row>,
}

/// The bars of one kind of call.
#[derive(Debug)]
pub struct Layer {
    /// Class in the style sheet.
    pub class: &'static str,
    /// Name of the kind.
    pub name: &'static str,
    /// Calls of that kind.
    pub total: u64,
    /// Bars.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug)]
pub struct Bar {
    /// From the left, in percent.
    pub x: String,
    /// From the top, in pixels.
    pub y: String,
    /// Width, in percent.
    pub width: String,
    /// Height, in pixels.
    pub height: String,
}

/// What a step tells when pointed at.
#[derive(Debug)]
pub struct Tip {
    /// From the left, in percent.
    pub x: String,
    /// Width, in percent.
    pub width: String,
    /// Figures.
    pub text: String,
}

/// One step in the table.
#[derive(Debug)]
pub struct Row {
    /// When it begins.
    pub from: Hour,
    /// Its calls.
    pub calls: Activity,
}

impl Chart {
    /// Of calls per hour; `None` when there are none.
    pub fn of(period: Option<Period>, activity: &[Activity]) -> Option<Self> {
        let axis = Axis::of(period.filter(|period| period.hours() > 0)?);
        let steps: Vec<Period> = axis.steps().collect();
        let mut sums = vec![Activity::default(); steps.len()];
        for hour in activity {
            if let Some(sum) = axis.index(hour.hour).and_then(|index| sums.get_mut(index)) {
                add(sum, hour);
            }
        }
        let highest = sums.iter().map(total).max().filter(|highest| *highest > 0)?;
        let top = nice(highest);
        let mut layers = [("reads", "Reads"), ("writes", "Writes"), ("other", "Other"), ("denied", "Denied")]
            .map(|(class, name)| Layer { class, name, total: 0, bars: Vec::new() });
        let mut tips = Vec::new();
        for (step, sum) in steps.iter().zip(&sums).filter(|(_, sum)| total(sum) > 0) {
            stack(&mut layers, &axis, *step, sum, top);
            tips.push(Tip {
                x: percent(axis.place(step.from)),
                width: percent(axis.place(step.until) - axis.place(step.from)),
                text: tip(*step, sum),
            });
        }
        let rows: Vec<Row> = steps
            .iter()
            .zip(sums)
            .filter(|(_, sum)| total(sum) > 0)
            .map(|(step, calls)| Row { from: step.from, calls })
            .collect();
        Some(Self { unit: axis.unit(), top, middle: top / 2, layers, tips, marks: axis.marks(), rows })
    }
}

const fn add(sum: &mut Activity, hour: &Activity) {
    sum.reads = sum.reads.saturating_add(hour.reads);
    sum.writes = sum.writes.saturating_add(hour.writes);
    sum.other = sum.other.saturating_add(hour.other);
    sum.denied = sum.denied.saturating_add(hour.denied);
    sum.watched = sum.watched.saturating_add(hour.watched);
}

const fn parts(calls: &Activity) -> [u64; 4] {
    [calls.reads, calls.writes, calls.other, calls.denied]
}

fn total(calls: &Activity) -> u64 {
    parts(calls).into_iter().fold(0, u64::saturating_add)
}

/// The next of 2, 4, 6, 8, 10, 20, 40, ...: a top whose half is whole.
const fn nice(highest: u64) -> u64 {
    let mut unit = 1_u64;
    while highest > unit.saturating_mul(10) && unit < 1_000_000_000_000_000_000 {
        unit *= 10;
    }
    let fifth = unit.saturating_mul(2);
    highest.div_ceil(fifth).saturating_mul(fifth)
}

fn stack(layers: &mut [Layer; 4], axis: &Axis, step: Period, calls: &Activity, top: u64) {
    let (from, until) = (axis.place(step.from), axis.place(step.until));
    let space = (until - from) * if until - from > 1.0 { 0.16 } else { 0.06 };
    let raised = |count: u64| if count == 0 { 0.0 } else { (count as f64 * HEIGHT / top as f64).max(LEAST) };
    let [reads, rest @ ..] = parts(calls).map(raised);
    // Reads give way when the least heights of the others would push the pile over the top.
    let others: f64 = rest.iter().sum();
    let [writes, other, denied] = rest;
    let mut y = HEIGHT;
    for ((layer, height), count) in
        layers.iter_mut().zip([reads.min(HEIGHT - others), writes, other, denied]).zip(parts(calls))
    {
        layer.total = layer.total.saturating_add(count);
        if count == 0 {
            continue;
        }
        y -= height;
        layer.bars.push(Bar {
            x: percent(from + space / 2.0),
            y: pixels(y),
            width: percent(until - from - space),
            height: pixels(height),
        });
    }
}

fn pixels(value: f64) -> String {
    let text = format!("{:.1}", value.clamp(0.0, HEIGHT));
    text.trim_end_matches(".0").to_owned()
}

fn tip(step: Period, calls: &Activity) -> String {
    let mut text = format!("{} to {} UTC", minute_of(step.from.start()), minute_of(step.until.start()));
    let names = ["reads", "writes", "other", "denied"];
    for (name, count) in names.into_iter().zip(parts(calls)) {
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
    fn one_write_among_a_million_reads_is_drawn() {
        let calls = Activity { hour: Hour(5), reads: 1_000_000, writes: 1, ..Activity::default() };
        let chart = Chart::of(Some(Period { from: Hour(0), until: Hour(24) }), &[calls]).unwrap();
        let heights: Vec<usize> = chart.layers.iter().map(|layer| layer.bars.len()).collect();
        assert_eq!(heights, [1, 1, 0, 0]);
        assert_eq!(
            (chart.layers[1].bars[0].height.as_str(), chart.layers[1].bars[0].y.as_str()),
            ("3", "97")
        );
    }

    #[test]
    fn no_calls_have_no_chart() {
        assert!(Chart::of(Some(Period { from: Hour(0), until: Hour(24) }), &[]).is_none());
    }

    proptest! {
        #[test]
        fn the_scale_holds_the_highest(highest in 1..u64::MAX / 4) {
            let top = nice(highest);
            prop_assert!(top >= highest && top.is_multiple_of(2) && top <= highest.saturating_mul(2).max(2));
        }
    }
}
