//! Writes a report revision to the store, once.
//!
//! Enters: a report on a window, and its existing revisions. Leaves: a [`ReportRevision`]. Laws: if the result equals
//! that of the newest revision, that revision is returned; otherwise the revision number rises by one; no object is
//! overwritten; a retry after a kill finds the report that was stored first and continues with it, so that all
//! objects of a revision describe the same run.
//!
//! The JSON report is written first, and everything else is derived from it. The revision item is written after JSON,
//! HTML and the configured formats, so a recorded revision is complete. The lines for queries are written last, so a query never finds a
//! revision that is not recorded. A kill in between leaves at most objects without a revision item; the retry records
//! them, unless the evidence has changed since.
//!
//! ```text
//! WINDOW#<since>_<until>   REVISION#<number>   {report summary, purpose, keys}
//! reports/account=<id>/dt=<last day>/<since>_<until>_r<number>_<id8>.json | .html | .<file of a format>
//! findings/account=<id>/dt=<last day>/<the same>.jsonl    a line for each finding
//! summaries/account=<id>/dt=<last day>/<the same>.jsonl   a line for the report
//! ```

use serde::{Deserialize, Serialize};

use super::{PublishErrorKind, ReportPublisher, ReportPurpose, ReportWindow, serialization_error};
use crate::{
    current_status::ReportBrief,
    ports::{TableItem, WriteCondition},
    render::{html, json, json_lines, render},
    report::{Report, ReportRun},
};

/// Attempts to create a revision when another run writes first.
const MAX_ATTEMPTS: usize = 4;

/// Key prefix of the lines of findings.
const FINDINGS_PREFIX: &str = "findings/";

/// Key prefix of the lines of reports.
const SUMMARIES_PREFIX: &str = "summaries/";

/// A revision, as recorded in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevisionRecord {
    /// Summary of the report.
    #[serde(flatten)]
    pub report: ReportBrief,
    /// Why the revision was published.
    pub purpose: ReportPurpose,
    /// Keys of all its objects, the report as JSON first.
    pub keys: Vec<String>,
}

/// A revision and its report.
#[derive(Debug)]
pub(super) struct ReportRevision {
    pub report: Report,
    pub revision: RevisionRecord,
    /// The revision before this revision; `None` for the first.
    pub previous: Option<RevisionRecord>,
    /// Whether the revision was created now.
    pub is_new: bool,
}

/// The revisions of a window, oldest first.
///
/// # Errors
/// When the table cannot be read, or an item cannot be decoded as a revision.
pub fn list_revisions(
    publisher: &ReportPublisher<'_>,
    window: ReportWindow,
) -> Result<Vec<RevisionRecord>, PublishErrorKind> {
    let items = publisher.table.query(&partition(window), "REVISION#")?;
    let read = |item: TableItem| {
        let name = format!("{} {}", item.partition_key, item.sort_key);
        serde_json::from_value::<RevisionRecord>(item.body)
            .map_err(|cause| PublishErrorKind::DamagedItem { name, cause })
    };
    let mut revisions: Vec<RevisionRecord> = items.into_iter().map(read).collect::<Result<_, _>>()?;
    revisions.sort_by_key(|revision| revision.report.revision);
    Ok(revisions)
}

/// Makes the report, and stores it unless its result equals that of the newest revision. The evidence is collected
/// after the revisions are read, and again if another run wrote first, so no revision has less evidence than the one
/// before it.
pub(super) fn create_revision(
    publisher: &ReportPublisher<'_>,
    window: ReportWindow,
    purpose: ReportPurpose,
    run: &ReportRun,
) -> Result<ReportRevision, PublishErrorKind> {
    for _ in 0..MAX_ATTEMPTS {
        let mut revisions = list_revisions(publisher, window)?;
        let newest = revisions.pop();
        let mut report = (publisher.make_report)(window, run.clone()).map_err(PublishErrorKind::Evidence)?;
        if let Some(revision) = newest.as_ref().filter(|newest| newest.report.id == report.id) {
            let (revision, previous) = (revision.clone(), revisions.pop());
            write_lines(publisher, &report, &revision)?;
            return Ok(ReportRevision { report, revision, previous, is_new: false });
        }
        let number = newest.as_ref().map_or(0, |newest| newest.report.revision).saturating_add(1);
        report.run.revision = Some(number);
        report.run.generated_at = publisher.clock.now();
        report.run.duration_seconds = f64::from(report.run.generated_at.since(report.run.started_at));
        report.run.measure(None);
        let stem = stem(publisher, window, number, &report.id);
        let stored = write_report(publisher, &format!("reports/{stem}.json"), &report)?;
        let revision = write_other_formats(publisher, window, purpose, &stem, &stored)?;
        if write_revision_record(publisher, window, &revision)? {
            write_lines(publisher, &stored, &revision)?;
            return Ok(ReportRevision { report: stored, revision, previous: newest, is_new: true });
        }
    }
    Err(PublishErrorKind::Contended)
}

/// Writes the report as JSON and returns the stored report.
fn write_report(
    publisher: &ReportPublisher<'_>,
    key: &str,
    report: &Report,
) -> Result<Report, PublishErrorKind> {
    let text = json::json(report).map_err(|cause| serialization_error(key, cause))?;
    if publisher.store.create(key, text.as_bytes(), json::MEDIA_TYPE)? {
        return Ok(report.clone());
    }
    let already_exists = || PublishErrorKind::AlreadyExists { key: key.to_owned() };
    let bytes = publisher.store.read(key, None)?;
    let stored: Report = serde_json::from_slice(&bytes).map_err(|_| already_exists())?;
    // The stored run description is used; the stored result must equal the new one.
    if stored.result == report.result && stored.id == report.id && stored.run.revision == report.run.revision
    {
        Ok(stored)
    } else {
        Err(already_exists())
    }
}

fn write_other_formats(
    publisher: &ReportPublisher<'_>,
    window: ReportWindow,
    purpose: ReportPurpose,
    stem: &str,
    report: &Report,
) -> Result<RevisionRecord, PublishErrorKind> {
    let key = format!("reports/{stem}.json");
    let mut keys = vec![key.clone()];
    // The page is always there: the index and the newest report lead to it.
    let further = publisher
        .formats
        .iter()
        .copied()
        .filter(|format| **format != json::FORMAT && **format != html::FORMAT);
    for format in [&html::FORMAT].into_iter().chain(further) {
        for file in render(report, format).map_err(|cause| serialization_error(&key, cause))? {
            let key = format!("reports/{stem}.{}", file.suffix());
            publisher.store.create(&key, &file.bytes, file.media_type)?;
            keys.push(key);
        }
    }
    keys.extend([FINDINGS_PREFIX, SUMMARIES_PREFIX].map(|folder| format!("{folder}{stem}.jsonl")));
    Ok(RevisionRecord {
        report: ReportBrief::from_report(report, window.since, window.until, &key),
        purpose,
        keys,
    })
}

/// Records a revision. `false`: another run wrote first.
fn write_revision_record(
    publisher: &ReportPublisher<'_>,
    window: ReportWindow,
    revision: &RevisionRecord,
) -> Result<bool, PublishErrorKind> {
    let (partition, sort) = (partition(window), format!("REVISION#{:04}", revision.report.revision));
    let body = serde_json::to_value(revision).map_err(|cause| serialization_error(&sort, cause))?;
    let item = TableItem { partition_key: partition, sort_key: sort, revision: 0, expires_at: None, body };
    Ok(publisher.table.put(&item, WriteCondition::Unchanged)?)
}

/// Writes the lines for queries.
fn write_lines(
    publisher: &ReportPublisher<'_>,
    report: &Report,
    revision: &RevisionRecord,
) -> Result<(), PublishErrorKind> {
    for key in &revision.keys {
        let text = if key.starts_with(FINDINGS_PREFIX) {
            json_lines::finding_lines(&revision.report, &report.result.findings)
        } else if key.starts_with(SUMMARIES_PREFIX) {
            json_lines::summary_line(&revision.report)
        } else {
            continue;
        };
        let text = text.map_err(|cause| serialization_error(key, cause))?;
        publisher.store.create(key, text.as_bytes(), "application/x-ndjson")?;
    }
    Ok(())
}

fn partition(window: ReportWindow) -> String {
    format!("WINDOW#{window}")
}

/// The common part of the keys of a revision.
fn stem(publisher: &ReportPublisher<'_>, window: ReportWindow, number: u32, id: &str) -> String {
    let account: String = publisher.account.chars().filter(char::is_ascii_alphanumeric).collect();
    let account = if account.is_empty() { "unknown" } else { &account };
    let short = id.get(..8).unwrap_or(id);
    format!("account={account}/dt={}/{}_r{number:04}_{short}", window.last_day(), window.stem())
}
