//! The index of the reports of a deployment or of a state, as one self-contained HTML page.
//!
//! Enters: the statuses of two months, as the table of a deployment has them, or the past sweeps of a state; what changed
//! between the two newest reports. Leaves: a page without scripts, with the trend of the scores and, day by day, a row for each
//! status with a link to its report. Laws: those of the page of a report; every status has one row; a day has the worst status
//! of its rows.

use askama::Template;

use super::{
    badge::{self, Badge},
    csp_hash, filters,
    headline::DISCOVERY,
    index_entry::IndexEntry,
    trend::TrendChart,
    truncated::{Truncated, most},
};
use crate::{
    current_status::CurrentStatus,
    report::{FindingLine, ReportDifference},
    score::Status,
    time::Time,
};

const STYLE: &str = concat!(include_str!("page.css"), include_str!("report_index.css"));

/// Characters of a report id in a row.
const SHORT_ID: usize = 12;

/// The index of the statuses of a deployment, as of a time.
///
/// # Errors
/// When the template cannot be filled; no status is known to cause this.
pub fn report_index(
    history: &[CurrentStatus],
    change: Option<&ReportDifference>,
    bucket: &str,
    now: Time,
) -> Result<String, askama::Error> {
    index(history.iter().map(IndexEntry::of_status).collect(), change, Some(bucket), now)
}

/// The index of the past sweeps of a state, as of a time.
///
/// # Errors
/// When the template cannot be filled; no sweep is known to cause this.
pub fn sweep_index(
    sweeps: Vec<IndexEntry<'_>>,
    change: Option<&ReportDifference>,
    now: Time,
) -> Result<String, askama::Error> {
    index(sweeps, change, None, now)
}

fn index(
    mut entries: Vec<IndexEntry<'_>>,
    change: Option<&ReportDifference>,
    bucket: Option<&str>,
    now: Time,
) -> Result<String, askama::Error> {
    entries.sort_by_key(|entry| entry.at);
    let trend = TrendChart::of(&entries);
    IndexPage {
        style: STYLE,
        style_hash: csp_hash(STYLE),
        newest: entries.last().map(|newest| (status_badge(newest.status), newest)),
        bucket,
        now,
        first: entries.first().map(|first| first.at),
        trend,
        change: change.map(Change::of),
        days: IndexDay::of(IndexRow::of(&entries)),
    }
    .render()
}

#[derive(Template)]
#[template(path = "report_index.html")]
struct IndexPage<'a> {
    style: &'static str,
    style_hash: String,
    newest: Option<(Badge, &'a IndexEntry<'a>)>,
    bucket: Option<&'a str>,
    now: Time,
    first: Option<Time>,
    trend: Option<TrendChart>,
    change: Option<Change<'a>>,
    days: Vec<IndexDay<'a>>,
}

/// What changed between the two newest reports.
struct Change<'a> {
    ids: [&'a str; 2],
    is_empty: bool,
    status: Option<[Badge; 2]>,
    principals: Truncated<(&'a str, [Option<Badge>; 2])>,
    operations: usize,
    /// Findings with another severity or count.
    changed_findings: usize,
    /// Compliance and risk scores, if one differs.
    has_other_scores: bool,
    /// New and gone findings, each with what they are.
    findings: [(&'static str, Truncated<(Badge, &'a FindingLine)>); 2],
}

impl<'a> Change<'a> {
    fn of(change: &'a ReportDifference) -> Self {
        let [before, after] = &change.reports;
        let lines = |lines: &'a [FindingLine]| {
            Truncated::of(lines.iter().map(|line| (badge::severity(line.severity), line)), most::CHANGES)
        };
        Self {
            ids: [short(before), short(after)],
            is_empty: change.is_empty(),
            status: change.status.map(|both| both.map(status_badge)),
            principals: Truncated::of(
                change
                    .principals
                    .iter()
                    .map(|(arn, both)| (&**arn, both.map(|status| status.map(badge::status)))),
                most::CHANGES,
            ),
            operations: change.operations.len(),
            changed_findings: change.changed_findings.len(),
            has_other_scores: change.has_other_scores(),
            findings: [
                ("New findings", lines(&change.new_findings)),
                ("Findings that are gone", lines(&change.gone_findings)),
            ],
        }
    }
}

/// The statuses of one day, newest first.
struct IndexDay<'a> {
    date: String,
    worst: Badge,
    rows: Vec<IndexRow<'a>>,
}

/// One status.
struct IndexRow<'a> {
    entry: &'a IndexEntry<'a>,
    badge: Badge,
    /// Change of the number of findings since the row before.
    change: Option<String>,
    short_id: &'a str,
}

impl<'a> IndexRow<'a> {
    /// A row for each status, in the same order.
    fn of(entries: &'a [IndexEntry<'a>]) -> Vec<Self> {
        let findings = |entry: &IndexEntry<'_>| entry.report.as_ref().map(|report| report.findings);
        let before = std::iter::once(None).chain(entries.iter().map(findings));
        let row = |(entry, before): (&'a IndexEntry<'a>, Option<u64>)| {
            let change = before.zip(findings(entry)).and_then(|(before, now)| signed_difference(before, now));
            let short_id = entry.report.as_ref().map_or("", |report| short(report.id));
            IndexRow { entry, badge: status_badge(entry.status), change, short_id }
        };
        entries.iter().zip(before).map(row).collect()
    }
}

impl<'a> IndexDay<'a> {
    /// The days of rows that are in the order of time, newest first.
    fn of(rows: Vec<IndexRow<'a>>) -> Vec<Self> {
        let mut days: Vec<Self> = Vec::new();
        for row in rows.into_iter().rev() {
            let date = row.entry.at.timestamp().strftime("%Y-%m-%d").to_string();
            match days.last_mut().filter(|day| day.date == date) {
                Some(day) => day.rows.push(row),
                None => days.push(Self { date, worst: row.badge, rows: vec![row] }),
            }
        }
        for day in &mut days {
            day.worst = status_badge(day.rows.iter().filter_map(|row| row.entry.status).max());
        }
        days
    }
}

/// The beginning of the id of a report.
fn short(id: &str) -> &str {
    id.get(..SHORT_ID).unwrap_or(id)
}

fn status_badge(status: Option<Status>) -> Badge {
    status.map_or(DISCOVERY, badge::status)
}

/// `+2` or `−2`; `None` without a change.
fn signed_difference(before: u64, now: u64) -> Option<String> {
    match now.abs_diff(before) {
        0 => None,
        more if now > before => Some(format!("+{}", filters::thousands(more))),
        fewer => Some(format!("−{}", filters::thousands(fewer))),
    }
}
