//! The map of evidence in block characters.
//!
//! Enters: [`Coverage`]. Leaves: a section with a line for each account and region. Laws: a cell is drawn as seen only
//! when each of its hours was observed, and as missing only when none was; nothing is said by colour alone; a place with a gap is the last to be left out.

use std::collections::BTreeSet;

use super::{
    TerminalStyle,
    page::{Row, Section, Tone, columns, cut, hanging, left, paint, right},
};
use crate::{
    coverage::{ClassState, Coverage, Period, Place},
    render::{
        escape,
        figures::{counted, percent, thousands},
    },
    time::Hour,
};

/// Hours a cell may stand for; beyond, whole weeks.
const STEPS: [u32; 8] = [1, 2, 3, 4, 6, 8, 12, 24];

/// How a period is laid out in columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scale {
    /// Hours of a cell.
    hours: u32,
    /// Columns of a cell.
    columns: u32,
}

impl Scale {
    fn of(period: Period, room: usize) -> Self {
        let room = u32::try_from(room).unwrap_or(u32::MAX).max(1);
        let hours = period.hours().max(1);
        if hours <= room {
            return Self { hours: 1, columns: (room / hours).min(3) };
        }
        let least = hours.div_ceil(room);
        let step = STEPS.into_iter().find(|step| *step >= least);
        Self { hours: step.unwrap_or_else(|| least.next_multiple_of(168)), columns: 1 }
    }

    fn width(self, period: Period) -> usize {
        (period.hours().div_ceil(self.hours) * self.columns) as usize
    }

    fn words(self) -> String {
        match (self.hours, self.columns) {
            (1, 1) => "1 column = 1 h".to_owned(),
            (1, n) => format!("{n} columns = 1 h"),
            (n, _) if n % 24 == 0 => format!("1 column = {} d", n / 24),
            (n, _) => format!("1 column = {n} h"),
        }
    }
}

/// The map, its key and the event classes.
pub(super) fn section(coverage: &Coverage, style: &TerminalStyle) -> Section {
    let Some(period) = coverage.period else {
        return Section {
            title: "Coverage  no evidence, so no period".to_owned(),
            apart: true,
            tail: classes(coverage, style),
            ..Section::default()
        };
    };
    let title = format!(
        "Coverage  {}: {} of {} hours in {}, {} missing",
        percent(coverage.percent),
        thousands(coverage.observed_hours),
        thousands(coverage.expected_hours),
        counted(coverage.places.len() as u64, "place"),
        thousands(coverage.missing_hours()),
    );
    let (head, rows) = grid(coverage, period, style).unwrap_or_else(|| list(coverage, period, style));
    Section { title, apart: true, head, rows, least: 3, tail: classes(coverage, style), ..Section::default() }
}

/// A row for each account and region.
fn list(coverage: &Coverage, period: Period, style: &TerminalStyle) -> (Vec<String>, Vec<Row>) {
    let name = |place: &Place| escape::terminal(&format!("{} {}", place.account, place.region));
    let names: Vec<String> = coverage.places.iter().map(name).collect();
    let widest = names.iter().map(|name| columns(name)).max().unwrap_or(0);
    let key = columns(KEY);
    let label = widest.clamp(key, key.max(style.width / 3));
    let scale = Scale::of(period, style.width.saturating_sub(label + 4 + NOTE));
    let rows = coverage.places.iter().zip(names).map(|(place, name)| {
        let (note, tone) = note(place);
        let note = paint(style.colour, tone, &note);
        let bar = bar(place, period, scale, style.colour);
        Row {
            lines: vec![format!("  {}  {bar}  {note}", left(&name, label))],
            urgent: !place.gaps.is_empty(),
        }
    });
    (vec![axis(period, scale, label, style)], rows.collect())
}

/// A row for each account, a column for each region, where the period then takes at least 12 columns.
fn grid(coverage: &Coverage, period: Period, style: &TerminalStyle) -> Option<(Vec<String>, Vec<Row>)> {
    let accounts: BTreeSet<&str> = coverage.places.iter().map(|place| &*place.account).collect();
    let regions: BTreeSet<&str> = coverage.places.iter().map(|place| &*place.region).collect();
    if coverage.places.len() < FEW || regions.len() < 2 {
        return None;
    }
    let names: Vec<String> = accounts.iter().map(|account| escape::terminal(account)).collect();
    let label = names.iter().map(|name| columns(name)).max()?;
    let room = (style.width.checked_sub(label + 2)? / regions.len()).checked_sub(2)?;
    let scale = Scale::of(period, room);
    let (bar_width, heads) =
        (scale.width(period), regions.iter().map(|region| escape::terminal(region)).collect::<Vec<_>>());
    if room < 12 || heads.iter().any(|head| columns(head) > room) {
        return None;
    }
    let width = heads.iter().map(|head| columns(head)).max()?.max(bar_width);
    let heads = heads.iter().map(|head| format!("  {}", left(head, width))).collect::<String>();
    let rows = accounts.iter().zip(&names).map(|(account, name)| {
        let mut line = format!("  {}", left(name, label));
        let mut urgent = false;
        for region in &regions {
            let place =
                coverage.places.iter().find(|place| *place.account == **account && *place.region == **region);
            let bar =
                place.map_or_else(|| " ".repeat(bar_width), |place| bar(place, period, scale, style.colour));
            line.push_str(&format!("  {bar}{}", " ".repeat(width - bar_width)));
            urgent |= place.is_some_and(|place| !place.gaps.is_empty());
        }
        Row { lines: vec![line], urgent }
    });
    let rows = rows.collect();
    let key = cut(&format!("  {KEY}, {}, from left to right", scale.words()), style.width);
    let head = [key, format!("  {}{heads}", left("", label))];
    Some((head.map(|line| paint(style.colour, Tone::Faint, &line)).to_vec(), rows))
}

/// Places that have a row each in any case.
const FEW: usize = 5;

const KEY: &str = "█ seen ▄ partly × none";
const NOTE: usize = 15;

/// The key, and below which columns the period begins and ends.
fn axis(period: Period, scale: Scale, label: usize, style: &TerminalStyle) -> String {
    let width = scale.width(period);
    let (from, until) = (short(period.from), short(period.until));
    let times = match width.checked_sub(columns(&from)) {
        Some(rest) if rest > columns(&until) => format!("{from}{}", right(&until, rest)),
        _ => " ".repeat(width),
    };
    let line = format!("  {}  {times}  {}", left(KEY, label), scale.words());
    paint(style.colour, Tone::Faint, &cut(&line, style.width))
}

fn short(hour: Hour) -> String {
    hour.start().timestamp().strftime("%m-%d %H:%M").to_string()
}

fn note(place: &Place) -> (String, Tone) {
    match place.expected_hours.saturating_sub(place.observed_hours) {
        0 => ("complete".to_owned(), Tone::Faint),
        missing if place.observed_hours == 0 => (format!("{} h: none", thousands(missing.into())), Tone::Bad),
        missing => (format!("{} h missing", thousands(missing.into())), Tone::Bad),
    }
}

fn bar(place: &Place, period: Period, scale: Scale, colour: bool) -> String {
    let mut runs: Vec<(char, Tone, u32)> = Vec::new();
    let mut from = period.from.0;
    while from < period.until.0 {
        let until = from.saturating_add(scale.hours).min(period.until.0);
        let missing: u32 =
            place.gaps.iter().map(|gap| gap.until.0.min(until).saturating_sub(gap.from.0.max(from))).sum();
        let (block, tone) = match missing {
            0 => ('█', Tone::Good),
            missing if missing >= until - from => ('×', Tone::Bad),
            _ => ('▄', Tone::Warn),
        };
        match runs.last_mut() {
            Some((last, _, length)) if *last == block => *length += scale.columns,
            _ => runs.push((block, tone, scale.columns)),
        }
        from = until;
    }
    runs.into_iter()
        .map(|(block, tone, length)| paint(colour, tone, &block.to_string().repeat(length as usize)))
        .collect()
}

/// Which event classes count, in one or two lines.
fn classes(coverage: &Coverage, style: &TerminalStyle) -> Vec<String> {
    let named = |wanted: &[ClassState]| {
        let classes = coverage.classes.iter().filter(|class| wanted.contains(&class.state));
        classes.map(|class| class.class.as_str()).collect::<Vec<_>>().join(", ")
    };
    let parts = [
        ("not logged", named(&[ClassState::Gap])),
        ("partly", named(&[ClassState::Partial])),
        ("logged", named(&[ClassState::Seen, ClassState::Configured])),
    ];
    let parts = parts.iter().filter(|(_, classes)| !classes.is_empty());
    let text = parts.map(|(state, classes)| format!("{state} {classes}")).collect::<Vec<_>>().join("; ");
    if text.is_empty() {
        return Vec::new();
    }
    let tone = if coverage.class_gaps().next().is_some() { Tone::Warn } else { Tone::Faint };
    let lines = hanging("  Classes: ", &escape::terminal(&text), style.width, 2);
    lines.iter().map(|line| paint(style.colour, tone, line)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn period(hours: u32) -> Period {
        Period { from: Hour(1_000), until: Hour(1_000 + hours) }
    }

    fn place(gaps: &[(u32, u32)]) -> Place {
        Place {
            account: Arc::from("111122223333"),
            region: Arc::from("eu-west-1"),
            events: 0,
            observed_hours: 0,
            quiet_hours: 0,
            quiet: Vec::new(),
            expected_hours: 0,
            gaps: gaps
                .iter()
                .map(|(from, until)| Period { from: Hour(1_000 + from), until: Hour(1_000 + until) })
                .collect(),
        }
    }

    #[test]
    fn a_missing_hour_is_seen_without_colour() {
        let scale = Scale { hours: 1, columns: 2 };
        assert_eq!(bar(&place(&[(1, 2)]), period(4), scale, false), "██××████");
    }

    #[test]
    fn a_cell_of_many_hours_shows_that_one_is_missing() {
        let scale = Scale { hours: 24, columns: 1 };
        assert_eq!(bar(&place(&[(30, 31), (48, 72)]), period(100), scale, false), "█▄×██");
    }

    #[test]
    fn a_year_fits() {
        assert_eq!(Scale::of(period(8_760), 40), Scale { hours: 336, columns: 1 });
        assert_eq!(Scale::of(period(24), 53), Scale { hours: 1, columns: 2 });
    }

    proptest! {
        #[test]
        fn the_map_keeps_to_its_room(hours in 0..100_000_u32, room in 1..200_usize) {
            prop_assert!(Scale::of(period(hours), room).width(period(hours)) <= room);
        }
    }
}
