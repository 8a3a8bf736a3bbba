//! Keeps the newest report under keys that do not change.
//!
//! Enters: the current status. Leaves: `latest/report.json` and `latest/report.html`, which are copies of stored objects.
//! Laws: the last write is of the report that the current status names, also if runs overlap; only these two objects are
//! ever replaced.

use super::{PublishErrorKind, ReportPublisher, status};
use crate::{
    current_status::ReportBrief,
    ports::LatestReports,
    render::{html, json},
};

/// Key of the newest report as JSON.
pub const LATEST_JSON: &str = "latest/report.json";

/// Key of the newest report as HTML.
pub const LATEST_HTML: &str = "latest/report.html";

/// Writes after which a run leaves the rest to the run that overtook it.
const MAX_WRITES: usize = 3;

/// Writes the report that the current status names.
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
