//! The coverage map.
//!
//! Enters: coverage. Leaves: [`Map`]: per account and region a bar in which missing hours are drawn, and the same in
//! words. Law: a missing hour is drawn whatever the length of the period.

use crate::{
    coverage::{Class, Coverage, Period, Place},
    render::html::{
        axis::{Axis, Mark, percent},
        filters::{minute_of, span_of},
        first::{First, most},
        word::{self, Word},
    },
    time::HOUR,
};

/// Least width of a drawn gap, in percent of the bar, so that it is never too thin to be seen.
const LEAST: f64 = 0.4;

/// The map of evidence.
#[derive(Debug)]
pub struct Map<'a> {
    /// The axis; absent without a period.
    pub axis: Option<Axis>,
    /// Marks under the bars.
    pub marks: Vec<Mark>,
    /// Distance of the lines between cells as a part of the bar, and in words; absent where they would not fit.
    pub cell: Option<(String, &'static str)>,
    /// Accounts and regions: in order, or those with most hours missing first when not all are shown.
    pub places: First<Bar<'a>>,
    /// Accounts and regions with missing hours.
    pub incomplete: usize,
    /// Event classes.
    pub classes: First<ClassRow<'a>>,
}

/// One account and region.
#[derive(Debug)]
pub struct Bar<'a> {
    /// The place.
    pub place: &'a Place,
    /// Hours missing.
    pub missing: u32,
    /// Stretches with missing hours.
    pub stretches: Vec<Stretch>,
    /// Stretches that are wholly quiet.
    pub quiet: Vec<Stretch>,
    /// Gaps in words.
    pub gaps: First<String>,
}

/// A stretch of a bar that is not like the rest.
#[derive(Debug)]
pub struct Stretch {
    /// Place from the left, in percent.
    pub x: String,
    /// Width, in percent.
    pub width: String,
    /// All its hours are so, not only some.
    pub whole: bool,
}

/// One event class.
#[derive(Debug)]
pub struct ClassRow<'a> {
    /// The class.
    pub class: &'a Class,
    /// Its state.
    pub state: Word,
    /// Accounts with such events.
    pub accounts: First<&'a str>,
}

impl<'a> Map<'a> {
    /// Of coverage.
    pub fn of(coverage: &'a Coverage) -> Self {
        let axis = coverage.period.filter(|period| period.hours() > 0).map(Axis::of);
        let mut places: Vec<&Place> = coverage.places.iter().collect();
        if places.len() > most::PLACES {
            places.sort_by_key(|place| std::cmp::Reverse(missing(place)));
        }
        let places = First::of(places, most::PLACES);
        let bars = places.items.into_iter().map(|place| Bar::of(place, axis.as_ref())).collect();
        Self {
            marks: axis.map(|axis| axis.marks()).unwrap_or_default(),
            cell: axis.and_then(|axis| cell(&axis)),
            places: First { items: bars, more: places.more },
            incomplete: coverage.places.iter().filter(|place| missing(place) > 0).count(),
            classes: First::of(coverage.classes.iter().map(ClassRow::of), most::CLASSES),
            axis,
        }
    }
}

const fn missing(place: &Place) -> u32 {
    place.expected_hours.saturating_sub(place.observed_hours)
}

/// Lines are drawn only where they are far enough apart to be told from each other and cut the bar evenly.
fn cell(axis: &Axis) -> Option<(String, &'static str)> {
    let hours = axis.period.hours();
    let even = |every: u32| axis.period.from.0.is_multiple_of(every) && hours.is_multiple_of(every);
    let fits = |(every, _): &(u32, _)| *every >= axis.step && even(*every) && hours / every <= 62;
    let (every, word) = [(1, "hour"), (6, "6 hours"), (24, "day")].into_iter().find(fits)?;
    Some((format!("{:.6}", f64::from(every) / f64::from(hours)), word))
}

impl<'a> Bar<'a> {
    fn of(place: &'a Place, axis: Option<&Axis>) -> Self {
        Self {
            place,
            missing: missing(place),
            stretches: axis.map(|axis| stretches(axis, &place.gaps)).unwrap_or_default(),
            quiet: axis.map(|axis| quiet(axis, &place.quiet)).unwrap_or_default(),
            gaps: First::of(place.gaps.iter().map(gap), most::GAPS),
        }
    }
}

/// `2023-07-10 03:00 to 04:00 (1 hour)`, with the second date where it is another.
fn gap(gap: &Period) -> String {
    let (from, until) = (minute_of(gap.from.start()), minute_of(gap.until.start()));
    let until = match (from.split_once(' '), until.split_once(' ')) {
        (Some((day, _)), Some((same, time))) if day == same => time,
        _ => &until,
    };
    format!("{from} to {until} ({})", span_of(gap.hours().saturating_mul(HOUR)))
}

/// Steps in which every hour is quiet.
fn quiet(axis: &Axis, spans: &[Period]) -> Vec<Stretch> {
    stretches(axis, spans).into_iter().filter(|stretch| stretch.whole).collect()
}

/// Steps with such hours, neighbours of one kind joined.
fn stretches(axis: &Axis, gaps: &[Period]) -> Vec<Stretch> {
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
    joined.iter().map(|(span, whole)| Stretch::of(axis, *span, *whole)).collect()
}

impl Stretch {
    fn of(axis: &Axis, span: Period, whole: bool) -> Self {
        let (from, until) = (axis.place(span.from), axis.place(span.until));
        let width = (until - from).max(LEAST);
        Self { x: percent(from.min(100.0 - width)), width: percent(width), whole }
    }
}

impl<'a> ClassRow<'a> {
    fn of(class: &'a Class) -> Self {
        let accounts = class.accounts.iter().map(|account| &**account);
        Self { class, state: word::class(class.state), accounts: First::of(accounts, most::VALUES) }
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
        let found = stretches(&Axis::of(span(480, 504)), &[span(486, 487)]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].x.as_str(), found[0].width.as_str(), found[0].whole), ("25%", "4.167%", true));
    }

    #[test]
    fn a_missing_hour_of_three_years_is_still_drawn() {
        let found = stretches(&Axis::of(span(0, 24 * 1_095)), &[span(9_000, 9_001)]);
        assert_eq!(found.len(), 1);
        assert!(!found[0].whole);
    }

    #[test]
    fn a_gap_over_many_steps_is_one_stretch() {
        let found = stretches(&Axis::of(span(0, 240)), &[span(10, 15), span(20, 240)]);
        let whole: Vec<bool> = found.iter().map(|stretch| stretch.whole).collect();
        assert_eq!(whole, [false, true, false, true]);
    }
}
