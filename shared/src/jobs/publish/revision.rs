//! A report on its way to the store: one revision, written once.
//!
//! Enters: a report on a window, and the revisions there are. Leaves: an [`ReportRevision`]. Laws: the same result as the newest
//! revision's is that revision again; otherwise the number rises by one; no object is ever written over; whoever
//! tries again after a kill finds the report that was stored first and goes on with its words, so that all objects
//! of a revision tell of one run.
//!
//! The report as JSON is written first and fixes everything: what else is written follows from it. The item that names
//! the revision is written when JSON, HTML and CSV are there, so a revision that is named is whole; the lines for queries
//! follow, so that no query meets a revision nobody names. A kill in between leaves at most objects without a name,
//! which the retry names, or, when the evidence has changed meanwhile, nobody does.
//!
//! ```text
//! WINDOW#<since>_<until>   REVISION#<number>   {report in short, purpose, keys}
//! reports/account=<id>/dt=<last day>/<since>_<until>_r<number>_<id8>.json | .html | .<table>.csv
//! findings/account=<id>/dt=<last day>/<the same>.jsonl    a line for each finding
//! summaries/account=<id>/dt=<last day>/<the same>.jsonl   a line for the report
//! ```

use serde::{Deserialize, Serialize};

use super::{PublishErrorKind, ReportPublisher, ReportPurpose, ReportWindow, serialization_error};
use crate::{
    current_status::ReportBrief,
    ports::{PortError, TableItem, WriteCondition},
    render::{csv::csv, html::html, json::json, json_lines},
    report::{Report, ReportRun},
};

/// Times a revision is tried again because another run was quicker.
const MAX_ATTEMPTS: usize = 4;

/// Where the lines of findings lie.
const FINDINGS_PREFIX: &str = "findings/";

/// Where the lines of reports lie.
const SUMMARIES_PREFIX: &str = "summaries/";

/// A revision, as the table names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevisionRecord {
    /// The report in short.
    #[serde(flatten)]
    pub report: ReportBrief,
    /// Why it was issued.
    pub purpose: ReportPurpose,
    /// Keys of all its objects, the report as JSON first.
    pub keys: Vec<String>,
}

/// A revision and its report.
#[derive(Debug)]
pub(super) struct ReportRevision {
    pub report: Report,
    pub revision: RevisionRecord,
    /// The revision before it.
    pub previous: Option<RevisionRecord>,
    /// Whether it was made now.
    pub is_new: bool,
}

/// The revisions of a window, in order.
///
/// # Errors
/// When the table cannot be read, or holds what is no revision.
pub fn list_revisions(
    press: &ReportPublisher<'_>,
    window: ReportWindow,
) -> Result<Vec<RevisionRecord>, PublishErrorKind> {
    let items = press.table.query(&partition(window), "REVISION#")?;
    let read = |item: TableItem| {
        let name = format!("{} {}", item.partition_key, item.sort_key);
        serde_json::from_value::<RevisionRecord>(item.body)
            .map_err(|cause| PublishErrorKind::DamagedItem { name, cause })
    };
    let mut revisions: Vec<RevisionRecord> = items.into_iter().map(read).collect::<Result<_, _>>()?;
    revisions.sort_by_key(|revision| revision.report.revision);
    Ok(revisions)
}

/// Makes the report, and stores it unless its result is what the newest revision says. The evidence is collected after the
/// revisions were read, and again if another run was quicker: no revision rests on less than the one before it.
pub(super) fn create_revision(
    press: &ReportPublisher<'_>,
    window: ReportWindow,
    purpose: ReportPurpose,
    run: &ReportRun,
) -> Result<ReportRevision, PublishErrorKind> {
    for _ in 0..MAX_ATTEMPTS {
        let mut revisions = list_revisions(press, window)?;
        let newest = revisions.pop();
        let mut report = (press.make_report)(window, run.clone()).map_err(PublishErrorKind::Evidence)?;
        if let Some(revision) = newest.as_ref().filter(|newest| newest.report.id == report.id) {
            let (revision, previous) = (revision.clone(), revisions.pop());
            write_lines(press, &report, &revision)?;
            return Ok(ReportRevision { report, revision, previous, is_new: false });
        }
        let number = newest.as_ref().map_or(0, |newest| newest.report.revision).saturating_add(1);
        report.run.revision = Some(number);
        report.run.generated_at = press.clock.now();
        report.run.duration_seconds = f64::from(report.run.generated_at.since(report.run.started_at));
        let stem = stem(press, window, number, &report.id);
        let stored = write_report(press, &format!("reports/{stem}.json"), &report)?;
        let revision = write_other_formats(press, window, purpose, &stem, &stored)?;
        if write_revision_record(press, window, &revision)? {
            write_lines(press, &stored, &revision)?;
            return Ok(ReportRevision { report: stored, revision, previous: newest, is_new: true });
        }
    }
    Err(PublishErrorKind::Contended)
}

/// Writes the report as JSON; gives the one that is there now.
fn write_report(press: &ReportPublisher<'_>, key: &str, report: &Report) -> Result<Report, PublishErrorKind> {
    let text = json(report).map_err(|cause| serialization_error(key, cause))?;
    if press.store.create(key, text.as_bytes(), "application/json")? {
        return Ok(report.clone());
    }
    let occupied = || PublishErrorKind::AlreadyExists { key: key.to_owned() };
    let bytes = press.store.read(key, None)?;
    let stored: Report = serde_json::from_slice(&bytes).map_err(|_| occupied())?;
    // Its words about its own run are taken over, its result is not taken on trust.
    if stored.result == report.result && stored.id == report.id && stored.run.revision == report.run.revision
    {
        Ok(stored)
    } else {
        Err(occupied())
    }
}

fn write_other_formats(
    press: &ReportPublisher<'_>,
    window: ReportWindow,
    purpose: ReportPurpose,
    stem: &str,
    report: &Report,
) -> Result<RevisionRecord, PublishErrorKind> {
    let key = format!("reports/{stem}.json");
    let mut keys = vec![key.clone()];
    let mut write = |key: String, bytes: &[u8], media_type: &str| -> Result<(), PortError> {
        press.store.create(&key, bytes, media_type)?;
        keys.push(key);
        Ok(())
    };
    let mut page = Vec::new();
    html(report, &mut page).map_err(|cause| serialization_error(&key, cause))?;
    write(format!("reports/{stem}.html"), &page, "text/html; charset=utf-8")?;
    for (table, text) in csv(report).map_err(|cause| serialization_error(&key, cause))? {
        write(format!("reports/{stem}.{table}"), text.as_bytes(), "text/csv; charset=utf-8")?;
    }
    keys.extend([FINDINGS_PREFIX, SUMMARIES_PREFIX].map(|folder| format!("{folder}{stem}.jsonl")));
    Ok(RevisionRecord {
        report: ReportBrief::from_report(report, window.since, window.until, &key),
        purpose,
        keys,
    })
}

/// Names a revision. `false`: another run was quicker.
fn write_revision_record(
    press: &ReportPublisher<'_>,
    window: ReportWindow,
    revision: &RevisionRecord,
) -> Result<bool, PublishErrorKind> {
    let (partition, sort) = (partition(window), format!("REVISION#{:04}", revision.report.revision));
    let body = serde_json::to_value(revision).map_err(|cause| serialization_error(&sort, cause))?;
    let item = TableItem { partition_key: partition, sort_key: sort, revision: 0, expires_at: None, body };
    Ok(press.table.put(&item, WriteCondition::Unchanged)?)
}

/// Writes the lines for queries.
fn write_lines(
    press: &ReportPublisher<'_>,
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
        press.store.create(key, text.as_bytes(), "application/x-ndjson")?;
    }
    Ok(())
}

fn partition(window: ReportWindow) -> String {
    format!("WINDOW#{window}")
}

/// What the keys of a revision have in common.
fn stem(press: &ReportPublisher<'_>, window: ReportWindow, number: u32, id: &str) -> String {
    let account: String = press.account.chars().filter(char::is_ascii_alphanumeric).collect();
    let account = if account.is_empty() { "unknown" } else { &account };
    let short = id.get(..8).unwrap_or(id);
    format!("account={account}/dt={}/{}_r{number:04}_{short}", window.last_day(), window.stem())
}
