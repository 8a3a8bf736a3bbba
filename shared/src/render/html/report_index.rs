//! The index of the reports of a deployment, as one self-contained HTML page.
//!
//! Enters: the current statuses of two months, as the table has them. Leaves: a page without scripts, with the trend of the
//! scores and, day by day, a row for each status with a link to its report. Laws: those of the page of a report; every status
//! has one row; a day has the worst status of its rows.

use askama::Template;

use super::{
    badge::{self, Badge},
    csp_hash, filters,
    headline::DISCOVERY,
    trend::TrendChart,
};
use crate::{current_status::CurrentStatus, score::Status, time::Time};

const STYLE: &str = concat!(include_str!("page.css"), include_str!("report_index.css"));

/// Characters of a report id in a row.
const SHORT_ID: usize = 12;

/// The index of these statuses, as of a time.
///
/// # Errors
/// When the template cannot be filled; no status is known to cause this.
pub fn report_index(history: &[CurrentStatus], bucket: &str, now: Time) -> Result<String, askama::Error> {
    let mut statuses: Vec<&CurrentStatus> = history.iter().collect();
    statuses.sort_by_key(|status| status.set_at);
    let newest = statuses.last().copied();
    let rows = IndexRow::of(&statuses);
    let trend = TrendChart::of(&statuses);
    IndexPage {
        style: STYLE,
        style_hash: csp_hash(STYLE),
        newest: newest.map(|newest| (status_badge(newest.status), newest)),
        bucket,
        now,
        first: statuses.first().map(|first| first.set_at),
        trend,
        days: IndexDay::of(rows),
    }
    .render()
}

#[derive(Template)]
#[template(path = "report_index.html")]
struct IndexPage<'a> {
    style: &'static str,
    style_hash: String,
    newest: Option<(Badge, &'a CurrentStatus)>,
    bucket: &'a str,
    now: Time,
    first: Option<Time>,
    trend: Option<TrendChart>,
    days: Vec<IndexDay<'a>>,
}

/// The statuses of one day, newest first.
struct IndexDay<'a> {
    date: String,
    worst: Badge,
    rows: Vec<IndexRow<'a>>,
}

/// One status.
struct IndexRow<'a> {
    status: &'a CurrentStatus,
    badge: Badge,
    /// Change of the number of findings since the row before.
    change: Option<String>,
    /// The report, relative to the index.
    link: Option<ReportLink<'a>>,
}

struct ReportLink<'a> {
    href: String,
    short_id: &'a str,
}

impl<'a> IndexRow<'a> {
    /// A row for each status, in the same order.
    fn of(statuses: &[&'a CurrentStatus]) -> Vec<Self> {
        let findings = |status: &CurrentStatus| status.report.as_ref().map(|report| report.findings);
        let before = std::iter::once(None).chain(statuses.iter().map(|status| findings(status)));
        let row = |(status, before): (&&'a CurrentStatus, Option<u64>)| {
            let change =
                before.zip(findings(status)).and_then(|(before, now)| signed_difference(before, now));
            IndexRow { status, badge: status_badge(status.status), change, link: ReportLink::of(status) }
        };
        statuses.iter().zip(before).map(row).collect()
    }
}

impl<'a> ReportLink<'a> {
    /// The page of the report of a status. A key of another form has no link.
    fn of(status: &'a CurrentStatus) -> Option<Self> {
        let report = status.report.as_ref().filter(|report| report.report_key.starts_with("reports/"))?;
        let short_id = report.id.get(..SHORT_ID).unwrap_or(&report.id);
        Some(Self { href: format!("../{}", report.page_key()), short_id })
    }
}

impl<'a> IndexDay<'a> {
    /// The days of rows that are in the order of time, newest first.
    fn of(rows: Vec<IndexRow<'a>>) -> Vec<Self> {
        let mut days: Vec<Self> = Vec::new();
        for row in rows.into_iter().rev() {
            let date = row.status.set_at.timestamp().strftime("%Y-%m-%d").to_string();
            match days.last_mut().filter(|day| day.date == date) {
                Some(day) => day.rows.push(row),
                None => days.push(Self { date, worst: row.badge, rows: vec![row] }),
            }
        }
        for day in &mut days {
            day.worst = status_badge(day.rows.iter().filter_map(|row| row.status.status).max());
        }
        days
    }
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
