//! The scores of reports over time.
//!
//! Enters: the entries of an index in the order of time. Leaves: [`TrendChart`]: a line for the compliance score and one for the risk score.
//! Law: a line has a gap where a status has no score or was set after a failure; it is never drawn over one.

use super::{
    axis::{AxisTick, TimeAxis},
    index_entry::{IndexEntry, IndexedReport},
};
use crate::{
    period::Period,
    time::{HOUR_SECONDS, Hour},
};

/// Width and height of the drawing in its own units.
const SIZE: (f64, f64) = (1_000.0, 100.0);

/// The chart.
pub(super) struct TrendChart {
    /// Lines of the compliance score, as SVG paths.
    pub compliance: String,
    /// Lines of the risk score.
    pub risk: String,
    /// Ticks under the lines.
    pub ticks: Vec<AxisTick>,
}

impl TrendChart {
    /// The chart of entries in the order of time; `None` unless two reports have a score, in different hours.
    pub fn of(entries: &[IndexEntry<'_>]) -> Option<Self> {
        let (first, last) = (entries.first()?.at.hour(), entries.last()?.at.hour());
        let axis = TimeAxis::of(Period { from: first, until: Hour(last.0.saturating_add(1)) });
        let scored = entries.iter().filter(|entry| score(entry, |report| report.compliance_score).is_some());
        if scored.count() < 2 || first == last {
            return None;
        }
        Some(Self {
            compliance: path(&axis, entries, |report| report.compliance_score),
            risk: path(&axis, entries, |report| report.risk_score),
            ticks: axis.ticks(),
        })
    }
}

/// A score of a report.
type Score = fn(&IndexedReport<'_>) -> Option<f64>;

/// A score of the report of an entry; `None` after a failure, when the report is an older one.
fn score(entry: &IndexEntry<'_>, of: Score) -> Option<f64> {
    entry.report.as_ref().filter(|_| entry.reason.is_none()).and_then(of)
}

/// One line from point to point, with a gap where a score is missing. A point between two gaps is a dot.
fn path(axis: &TimeAxis, entries: &[IndexEntry<'_>], of: Score) -> String {
    let mut path = String::new();
    let mut is_drawn = false;
    for entry in entries {
        let Some(score) = score(entry, of) else {
            is_drawn = false;
            continue;
        };
        let hours = f64::from(axis.period.hours().max(1));
        let since_start = entry.at.0.saturating_sub(axis.period.from.start().0);
        let x = f64::from(since_start) / f64::from(HOUR_SECONDS) / hours * SIZE.0;
        let y = SIZE.1 - score.clamp(0.0, 100.0);
        let command = if is_drawn { "L" } else { "M" };
        path.push_str(&format!("{command}{x:.1} {y:.1}"));
        if !is_drawn {
            // A line of length zero with round ends is a dot.
            path.push_str("h0");
        }
        is_drawn = true;
    }
    path
}
