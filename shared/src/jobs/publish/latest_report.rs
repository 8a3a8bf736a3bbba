//! Keeps the newest report, and the index of the reports, under keys that do not change.
//!
//! Enters: the current status and its history. Leaves: `latest/report.json` and `latest/report.html`, which are copies of
//! stored objects, and `latest/index.html`, which also says what changed between the two newest reports. Laws: the last write is of the report that the current status names, also if runs
//! overlap; only these three objects are ever replaced.

use super::{PublishErrorKind, ReportPublisher, serialization_error, status};
use crate::{
    current_status::{CurrentStatus, ReportBrief},
    ports::LatestReports,
    render::{html, json},
    report::{Report, ReportDifference},
    time::Time,
};

/// Key of the newest report as JSON.
pub const LATEST_JSON: &str = "latest/report.json";

/// Key of the newest report as HTML.
pub const LATEST_HTML: &str = "latest/report.html";

/// Key of the index of the reports of this month and the month before.
pub const LATEST_INDEX: &str = "latest/index.html";

/// Size of a report above which the index does not compare it: a parsed report takes several times its size in memory.
const MAX_COMPARED_BYTES: u64 = 8 << 20;

/// Writes after which a run leaves the rest to the run that overtook it.
const MAX_WRITES: usize = 3;

/// Writes the report that the current status names, and the index.
pub(super) fn write(publisher: &ReportPublisher<'_>) -> Result<(), PublishErrorKind> {
    let Some(latest) = publisher.latest_reports else { return Ok(()) };
    let mut written: Option<String> = None;
    for _ in 0..MAX_WRITES {
        // Read again after each write: a slow run may have replaced the report of a faster one.
        let Some(report) = status::latest(publisher.table)?.and_then(|status| status.report) else { break };
        if written.as_ref() == Some(&report.report_key) {
            break;
        }
        copy(publisher, latest, &report)?;
        write_index_to(publisher, latest)?;
        written = Some(report.report_key);
    }
    Ok(())
}

/// Copies the page of a report, then the report as JSON.
fn copy(
    publisher: &ReportPublisher<'_>,
    latest: &dyn LatestReports,
    brief: &ReportBrief,
) -> Result<(), PublishErrorKind> {
    let page = publisher.store.read(&brief.page_key(), None)?;
    let report = publisher.store.read(&brief.report_key, None)?;
    latest.replace(LATEST_HTML, &page, html::MEDIA_TYPE)?;
    latest.replace(LATEST_JSON, &report, json::MEDIA_TYPE)?;
    Ok(())
}

/// Writes the index after a failure, without a newer report.
pub(super) fn write_index(publisher: &ReportPublisher<'_>) -> Result<(), PublishErrorKind> {
    publisher.latest_reports.map_or(Ok(()), |latest| write_index_to(publisher, latest))
}

fn write_index_to(
    publisher: &ReportPublisher<'_>,
    latest: &dyn LatestReports,
) -> Result<(), PublishErrorKind> {
    let now = publisher.clock.now();
    let mut history = Vec::new();
    for month in index_months(now) {
        history.extend(status::history(publisher.table, &month)?);
    }
    let change = newest_change(publisher, &history);
    let page = html::report_index(&history, change.as_ref(), publisher.bucket, now)
        .map_err(|cause| serialization_error(LATEST_INDEX, cause))?;
    latest.replace(LATEST_INDEX, page.as_bytes(), html::MEDIA_TYPE)?;
    Ok(())
}

/// What changed between the two newest reports of the history. `None` if there are fewer, or if one of them cannot be read, is too
/// large, was changed or leaves entries out: no report waits for what the index only adds.
fn newest_change(publisher: &ReportPublisher<'_>, history: &[CurrentStatus]) -> Option<ReportDifference> {
    let mut briefs: Vec<&ReportBrief> = history.iter().filter_map(|status| status.report.as_ref()).collect();
    briefs.sort_by_key(|brief| (brief.generated_at, &brief.report_key));
    briefs.dedup_by(|one, other| one.report_key == other.report_key);
    let [.., before, after] = briefs.as_slice() else { return None };
    let before = read_report(publisher, &before.report_key)?;
    let after = read_report(publisher, &after.report_key)?;
    let is_comparable = before.result.lists_everything() && after.result.lists_everything();
    is_comparable.then(|| ReportDifference::between(&before, &after))
}

fn read_report(publisher: &ReportPublisher<'_>, key: &str) -> Option<Report> {
    let bytes = publisher.store.read(key, Some(0..MAX_COMPARED_BYTES + 1)).ok()?;
    let fits = bytes.len() as u64 <= MAX_COMPARED_BYTES;
    fits.then(|| Report::from_json(&bytes).ok()).flatten()
}

/// The months of the index, as the beginning of a time: the month before this one, and this one.
fn index_months(now: Time) -> [String; 2] {
    let today = now.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
    let first = today.first_of_month();
    let before = first.yesterday().unwrap_or(first);
    [before, first].map(|day| day.strftime("%Y-%m").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_begins_with_the_month_before() {
        let months = |text| index_months(Time::parse(text).unwrap());
        assert_eq!(months("2026-03-31T23:59:59Z"), ["2026-02", "2026-03"]);
        assert_eq!(months("2026-01-01T00:00:00Z"), ["2025-12", "2026-01"]);
    }
}
