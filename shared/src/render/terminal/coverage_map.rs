//! The coverage map in block characters.
//!
//! Enters: [`Coverage`]. Leaves: a section with a line for each account and region. Laws: a cell is drawn as observed
//! only if all its hours were observed, and as missing only if none was; an account and region that is not expected is
//! never drawn as observed; no information is in color alone; accounts and regions with a gap are left out last.

use std::collections::BTreeSet;

use super::{
    TerminalStyle,
    page::{
        ScreenRow, ScreenSection, ScreenTone, align_left, align_right, display_width, paint, truncate,
        wrap_hanging,
    },
};
use crate::{
    coverage::{AccountRegionCoverage, Coverage, EventClassState},
    escape::escape_hidden,
    period::Period,
    render::format::{count_noun, percent, thousands, unexpected_hours},
    time::Hour,
};

/// Numbers of hours that a cell may stand for; a longer cell has whole weeks.
const CELL_HOURS: [u32; 8] = [1, 2, 3, 4, 6, 8, 12, 24];

/// Scale of a period in columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MapScale {
    /// Number of hours that one cell stands for.
    hours: u32,
    /// Width of one cell, in terminal columns.
    columns: u32,
}

impl MapScale {
    fn of(period: Period, room: usize) -> Self {
        let room = u32::try_from(room).unwrap_or(u32::MAX).max(1);
        let hours = period.hours().max(1);
        if hours <= room {
            return Self { hours: 1, columns: (room / hours).min(3) };
        }
        let least = hours.div_ceil(room);
        let step = CELL_HOURS.into_iter().find(|step| *step >= least);
        Self { hours: step.unwrap_or_else(|| least.next_multiple_of(168)), columns: 1 }
    }

    fn width(self, period: Period) -> usize {
        (period.hours().div_ceil(self.hours) * self.columns) as usize
    }

    fn legend(self) -> String {
        match (self.hours, self.columns) {
            (1, 1) => "1 column = 1 h".to_owned(),
            (1, n) => format!("{n} columns = 1 h"),
            (n, _) if n % 24 == 0 => format!("1 column = {} d", n / 24),
            (n, _) => format!("1 column = {n} h"),
        }
    }
}

/// The map, its legend and the event classes.
pub(super) fn section(coverage: &Coverage, style: &TerminalStyle) -> ScreenSection {
    let Some(period) = coverage.period else {
        return ScreenSection {
            title: "Coverage  no evidence, no period".to_owned(),
            spaced: true,
            footer: classes(coverage, style),
            ..ScreenSection::default()
        };
    };
    let title = format!(
        "Coverage  {}: {} of {} hours in {}, {} missing",
        percent(coverage.percent),
        thousands(coverage.observed_hours),
        thousands(coverage.expected_hours),
        count_noun(coverage.expected_places().count() as u64, "account-region pair"),
        thousands(coverage.missing_hours()),
    );
    let footer = log_integrity(coverage, style).into_iter().chain(classes(coverage, style)).collect();
    let (head, rows) = grid(coverage, period, style).unwrap_or_else(|| list(coverage, period, style));
    ScreenSection { title, spaced: true, header: head, rows, min_rows: 3, footer, ..ScreenSection::default() }
}

/// A row for each account and region.
fn list(coverage: &Coverage, period: Period, style: &TerminalStyle) -> (Vec<String>, Vec<ScreenRow>) {
    let name = |place: &AccountRegionCoverage| {
        escape_hidden(&format!("{} {}", place.account, place.region)).into_owned()
    };
    let names: Vec<String> = coverage.account_regions.iter().map(name).collect();
    let widest = names.iter().map(|name| display_width(name)).max().unwrap_or(0);
    let legend = legend(coverage);
    let key = display_width(&legend);
    let label = widest.clamp(key, key.max(style.width / 3));
    let scale = MapScale::of(period, style.width.saturating_sub(label + 4 + NOTE_WIDTH));
    let rows = coverage.account_regions.iter().zip(names).map(|(place, name)| {
        let (note, tone) = missing_note(place);
        let note = paint(style.color, tone, &note);
        let bar = bar(place, period, scale, style.color);
        ScreenRow {
            lines: vec![format!("  {}  {bar}  {note}", align_left(&name, label))],
            keep_longest: !place.gaps.is_empty(),
        }
    });
    (vec![axis(period, scale, &legend, label, style)], rows.collect())
}

/// A row for each account and a column for each region; `None` if the period would have fewer than 12 columns.
fn grid(coverage: &Coverage, period: Period, style: &TerminalStyle) -> Option<(Vec<String>, Vec<ScreenRow>)> {
    let accounts: BTreeSet<&str> = coverage.account_regions.iter().map(|place| &*place.account).collect();
    let regions: BTreeSet<&str> = coverage.account_regions.iter().map(|place| &*place.region).collect();
    if coverage.account_regions.len() < MIN_GRID_PLACES || regions.len() < 2 {
        return None;
    }
    let names: Vec<String> = accounts.iter().map(|account| escape_hidden(account).into_owned()).collect();
    let label = names.iter().map(|name| display_width(name)).max()?;
    let room = (style.width.checked_sub(label + 2)? / regions.len()).checked_sub(2)?;
    let scale = MapScale::of(period, room);
    let (bar_width, heads) =
        (scale.width(period), regions.iter().map(|region| escape_hidden(region)).collect::<Vec<_>>());
    if room < 12 || heads.iter().any(|head| display_width(head) > room) {
        return None;
    }
    let width = heads.iter().map(|head| display_width(head)).max()?.max(bar_width);
    let heads = heads.iter().map(|head| format!("  {}", align_left(head, width))).collect::<String>();
    let rows = accounts.iter().zip(&names).map(|(account, name)| {
        let mut line = format!("  {}", align_left(name, label));
        let mut has_gap = false;
        for region in &regions {
            let place = coverage
                .account_regions
                .iter()
                .find(|place| *place.account == **account && *place.region == **region);
            let bar =
                place.map_or_else(|| " ".repeat(bar_width), |place| bar(place, period, scale, style.color));
            line.push_str(&format!("  {bar}{}", " ".repeat(width - bar_width)));
            has_gap |= place.is_some_and(|place| !place.gaps.is_empty());
        }
        ScreenRow { lines: vec![line], keep_longest: has_gap }
    });
    let rows = rows.collect();
    let key = format!("  {}, {}, from left to right", legend(coverage), scale.legend());
    let key = truncate(&key, style.width);
    let head = [key, format!("  {}{heads}", align_left("", label))];
    Some((head.map(|line| paint(style.color, ScreenTone::Faint, &line)).to_vec(), rows))
}

/// Fewest accounts and regions for a grid.
const MIN_GRID_PLACES: usize = 5;

/// Widest note beside a bar: `not expected, 99 h seen`.
const NOTE_WIDTH: usize = 24;

/// The meaning of the blocks.
fn legend(coverage: &Coverage) -> String {
    let unexpected = coverage.account_regions.iter().any(|place| !place.is_expected());
    format!("█ observed ▄ partly × none{}", if unexpected { " · not expected" } else { "" })
}

/// The legend, and the times at which the period begins and ends.
fn axis(period: Period, scale: MapScale, legend: &str, label: usize, style: &TerminalStyle) -> String {
    let width = scale.width(period);
    let (from, until) = (short(period.from), short(period.until));
    let times = match width.checked_sub(display_width(&from)) {
        Some(rest) if rest > display_width(&until) => format!("{from}{}", align_right(&until, rest)),
        _ => " ".repeat(width),
    };
    let line = format!("  {}  {times}  {}", align_left(legend, label), scale.legend());
    paint(style.color, ScreenTone::Faint, &truncate(&line, style.width))
}

fn short(hour: Hour) -> String {
    hour.start().timestamp().strftime("%m-%d %H:%M").to_string()
}

fn missing_note(place: &AccountRegionCoverage) -> (String, ScreenTone) {
    match place.missing_hours() {
        _ if !place.is_expected() => (unexpected_hours(place), ScreenTone::Warn),
        0 => ("no hour missing".to_owned(), ScreenTone::Faint),
        missing if place.observed_hours == 0 => {
            (format!("{} h: none", thousands(missing.into())), ScreenTone::Bad)
        }
        missing => (format!("{} h missing", thousands(missing.into())), ScreenTone::Bad),
    }
}

fn bar(place: &AccountRegionCoverage, period: Period, scale: MapScale, color: bool) -> String {
    if !place.is_expected() {
        return paint(color, ScreenTone::Faint, &"·".repeat(scale.width(period)));
    }
    let mut runs: Vec<(char, ScreenTone, u32)> = Vec::new();
    let mut from = period.from.0;
    while from < period.until.0 {
        let until = from.saturating_add(scale.hours).min(period.until.0);
        let missing: u32 =
            place.gaps.iter().map(|gap| gap.until.0.min(until).saturating_sub(gap.from.0.max(from))).sum();
        let (block, tone) = match missing {
            0 => ('█', ScreenTone::Good),
            missing if missing >= until - from => ('×', ScreenTone::Bad),
            _ => ('▄', ScreenTone::Warn),
        };
        match runs.last_mut() {
            Some((last, _, length)) if *last == block => *length += scale.columns,
            _ => runs.push((block, tone, scale.columns)),
        }
        from = until;
    }
    runs.into_iter()
        .map(|(block, tone, length)| paint(color, tone, &block.to_string().repeat(length as usize)))
        .collect()
}

/// The states of the event classes, in one or two lines.
fn classes(coverage: &Coverage, style: &TerminalStyle) -> Vec<String> {
    let named = |wanted: &[EventClassState]| {
        let classes = coverage.event_classes.iter().filter(|class| wanted.contains(&class.state));
        classes.map(|class| class.class.as_str()).collect::<Vec<_>>().join(", ")
    };
    let parts = [
        ("not logged", named(&[EventClassState::Gap])),
        ("partly", named(&[EventClassState::Partial])),
        ("logged", named(&[EventClassState::Seen, EventClassState::Configured])),
    ];
    let parts = parts.iter().filter(|(_, classes)| !classes.is_empty());
    let text = parts.map(|(state, classes)| format!("{state} {classes}")).collect::<Vec<_>>().join("; ");
    if text.is_empty() {
        return Vec::new();
    }
    let tone = if coverage.class_gaps().next().is_some() { ScreenTone::Warn } else { ScreenTone::Faint };
    let lines = wrap_hanging("  Classes: ", &escape_hidden(&text), style.width, style.lines(2));
    lines.iter().map(|line| paint(style.color, tone, line)).collect()
}

/// What was proven of the log files, if they were verified.
fn log_integrity(coverage: &Coverage, style: &TerminalStyle) -> Vec<String> {
    let Some(integrity) = &coverage.log_integrity else { return Vec::new() };
    let gaps = integrity.gaps(integrity.hours);
    let tone = match gaps.all() {
        0 => ScreenTone::Faint,
        _ => ScreenTone::Warn,
    };
    let hours = integrity.hours;
    let others =
        [(hours.unverified, "unverified"), (hours.missing, "missing"), (hours.tampered, "tampered with")];
    let others = others.iter().filter(|(count, _)| *count > 0);
    let text = others.fold(format!("{} h verified", thousands(hours.verified)), |text, (count, words)| {
        format!("{text}, {} {words}", thousands(*count))
    });
    let lines = wrap_hanging("  Log files: ", &text, style.width, style.lines(2));
    lines.iter().map(|line| paint(style.color, tone, line)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn period(hours: u32) -> Period {
        Period { from: Hour(1_000), until: Hour(1_000 + hours) }
    }

    fn place(gaps: &[(u32, u32)]) -> AccountRegionCoverage {
        AccountRegionCoverage {
            account: Arc::from("111122223333"),
            region: Arc::from("eu-west-1"),
            events: 0,
            observed_hours: 0,
            quiet_hours: 0,
            quiet_periods: Vec::new(),
            expected_hours: 100,
            gaps: gaps
                .iter()
                .map(|(from, until)| Period { from: Hour(1_000 + from), until: Hour(1_000 + until) })
                .collect(),
        }
    }

    #[test]
    fn a_missing_hour_is_visible_without_color() {
        let scale = MapScale { hours: 1, columns: 2 };
        assert_eq!(bar(&place(&[(1, 2)]), period(4), scale, false), "██××████");
    }

    #[test]
    fn a_cell_of_many_hours_shows_that_one_is_missing() {
        let scale = MapScale { hours: 24, columns: 1 };
        assert_eq!(bar(&place(&[(30, 31), (48, 72)]), period(100), scale, false), "█▄×██");
    }

    #[test]
    fn what_is_not_expected_is_not_drawn_as_observed() {
        let scale = MapScale { hours: 1, columns: 2 };
        let place = AccountRegionCoverage { expected_hours: 0, observed_hours: 1, ..place(&[]) };
        assert_eq!(bar(&place, period(4), scale, false), "········");
        assert_eq!(missing_note(&place).0, "not expected, 1 h seen");
    }

    #[test]
    fn the_scale_fits_the_period() {
        assert_eq!(MapScale::of(period(8_760), 40), MapScale { hours: 336, columns: 1 });
        assert_eq!(MapScale::of(period(24), 53), MapScale { hours: 1, columns: 2 });
    }

    proptest! {
        #[test]
        fn the_map_never_exceeds_its_width(hours in 0..100_000_u32, room in 1..200_usize) {
            prop_assert!(MapScale::of(period(hours), room).width(period(hours)) <= room);
        }
    }
}
