//! What may be claimed now: kept, renewed, taken back and told of.
//!
//! Enters: an edition on the standing window, or a failure. Leaves: the latest [`CurrentStatus`] and its history, and news of
//! each change. Laws: a report on an older window never replaces the standing of a newer one; a changed status is told
//! before it is claimed, so that a claim nobody could be told of is not made; after a failure nothing is claimed.
//!
//! ```text
//! STATUS   LATEST                 the standing
//! STATUS   AT#<time>#<run id>     each report on the standing window, and each failure; expires by retention
//! ```

use super::{PublishErrorKind, ReportPublisher, revision::ReportRevision, serialization_error};
use crate::{
    current_status::{CurrentStatus, ReportBrief, StatusChange},
    jobs::notifications::DeliveryResult,
    ports::{PortError, Table, TableItem, WriteCondition},
    render::message,
    report::ReportRun,
    score::Status,
    time::Time,
};

/// Times the standing is renewed again because another run wrote in between.
const MAX_ATTEMPTS: usize = 4;

/// The latest standing. One that cannot be read counts as none, so nothing is claimed. Ask it through
/// [`CurrentStatus::claim`].
///
/// # Errors
/// When the table cannot be read.
pub fn latest(table: &dyn Table) -> Result<Option<CurrentStatus>, PortError> {
    Ok(latest_item(table)?.and_then(|item| parse_status(&item)))
}

/// Standings of the past whose time begins with `prefix` (`2027-01`), oldest first.
///
/// # Errors
/// When the table cannot be read.
pub fn history(table: &dyn Table, prefix: &str) -> Result<Vec<CurrentStatus>, PortError> {
    let items = table.query("STATUS", &format!("AT#{prefix}"))?;
    Ok(items.iter().filter_map(parse_status).collect())
}

fn latest_item(table: &dyn Table) -> Result<Option<TableItem>, PortError> {
    Ok(table.query("STATUS", "LATEST")?.into_iter().find(|item| item.sort_key == "LATEST"))
}

fn parse_status(item: &TableItem) -> Option<CurrentStatus> {
    serde_json::from_value(item.body.clone()).ok()
}

/// Whether the standing rests on a newer report than this one.
pub(super) fn is_superseded(standing: Option<&CurrentStatus>, report: &ReportBrief) -> bool {
    let newest = standing.and_then(|standing| standing.report.as_ref());
    newest.is_some_and(|newest| {
        let same = (newest.since, newest.until) == (report.since, report.until);
        newest.until > report.until || same && newest.revision > report.revision
    })
}

/// Makes what an edition on the standing window says the standing.
pub(super) fn update(
    press: &ReportPublisher<'_>,
    edition: &ReportRevision,
    run: &ReportRun,
) -> Result<CurrentStatus, PublishErrorKind> {
    let report = &edition.revision.report;
    for _ in 0..MAX_ATTEMPTS {
        let item = latest_item(press.table)?;
        let before = item.as_ref().and_then(parse_status);
        if let Some(newer) = before.as_ref().filter(|before| is_superseded(Some(before), report)) {
            return Ok(newer.clone());
        }
        let now = press.clock.now();
        let mut standing = CurrentStatus::from_report(
            report.clone(),
            before.as_ref(),
            now,
            press.interval_seconds,
            &run.run_id,
        );
        append_history(press, report.generated_at, &report.run_id, &standing)?;
        if !edition.is_new && before.as_ref().is_some_and(|before| before.reason.is_some()) {
            append_history(press, now, &run.run_id, &standing)?;
        }
        notify_change(press, &mut standing, before.as_ref())?;
        if put_latest(press, &standing, item.as_ref(), WriteCondition::Unchanged)? {
            return Ok(standing);
        }
    }
    Err(PublishErrorKind::Contended)
}

/// Claims nothing any more. `seen` is what a report of this run says, if it got so far. Does what it can, and gives what
/// it could not do.
pub(super) fn revoke(
    press: &ReportPublisher<'_>,
    run: &ReportRun,
    reason: &str,
    seen: Option<&ReportBrief>,
) -> Vec<String> {
    let mut troubles = Vec::new();
    let mut note = |error: PublishErrorKind| troubles.push(error.to_string());
    let item = latest_item(press.table).map_err(Into::into).map_err(&mut note).ok().flatten();
    let before = item.as_ref().and_then(parse_status);
    let now = press.clock.now();
    let seen = seen.filter(|seen| !is_superseded(before.as_ref(), seen)).cloned();
    let mut standing =
        CurrentStatus::from_failure(reason, seen, before.as_ref(), now, press.interval_seconds, &run.run_id);
    // First of all: whatever else fails, nothing is claimed.
    if let Err(error) = put_latest(press, &standing, None, WriteCondition::Always) {
        note(error);
    }
    if let Err(error) = append_history(press, now, &run.run_id, &standing) {
        note(error);
    }
    if standing.needs_notification() {
        let told = notify_change(press, &mut standing, before.as_ref())
            .and_then(|()| put_latest(press, &standing, None, WriteCondition::Always));
        if let Err(error) = told {
            note(error);
        }
    }
    troubles
}

/// Tells of a late edition that says something else than the one before it; of a first one unless it is compliant, since
/// no standing has told or will tell of its window.
pub(super) fn notify_revision(
    press: &ReportPublisher<'_>,
    edition: &ReportRevision,
) -> Result<(), PublishErrorKind> {
    let now = &edition.revision;
    let before = edition.previous.as_ref().map(|before| before.report.status);
    let known = before.unwrap_or_else(|| now.report.status.map(|_| Status::Compliant));
    if known == now.report.status {
        return Ok(());
    }
    let id = format!("late-{}-{}-r{}", now.report.since, now.report.until, now.report.revision);
    let change = StatusChange::of_revision(now.report.clone(), before.flatten());
    notify(press, id, &change)?;
    Ok(())
}

fn notify_change(
    press: &ReportPublisher<'_>,
    standing: &mut CurrentStatus,
    before: Option<&CurrentStatus>,
) -> Result<(), PublishErrorKind> {
    if !standing.needs_notification() {
        return Ok(());
    }
    let status = standing.status.map_or("none", Status::as_str);
    let id = format!("status-{}-{status}", standing.last_change);
    notify(press, id, &StatusChange::of_current(standing, before))?;
    standing.last_notified_change = standing.last_change;
    Ok(())
}

fn notify(
    press: &ReportPublisher<'_>,
    id: String,
    change: &StatusChange,
) -> Result<DeliveryResult, PublishErrorKind> {
    let name = id.clone();
    let news = message::status_change(id, change).map_err(|cause| serialization_error(name, cause))?;
    Ok(press.notifier().notify(&news)?)
}

fn put_latest(
    press: &ReportPublisher<'_>,
    standing: &CurrentStatus,
    item: Option<&TableItem>,
    expected: WriteCondition,
) -> Result<bool, PublishErrorKind> {
    let revision = item.map_or(0, |item| item.revision);
    let body = serde_json::to_value(standing).map_err(|cause| serialization_error("STATUS LATEST", cause))?;
    let (partition, sort) = ("STATUS".to_owned(), "LATEST".to_owned());
    Ok(press.table.put(
        &TableItem { partition_key: partition, sort_key: sort, revision, expires_at: None, body },
        expected,
    )?)
}

/// Adds a standing to the history, unless it is there.
fn append_history(
    press: &ReportPublisher<'_>,
    at: Time,
    run_id: &str,
    standing: &CurrentStatus,
) -> Result<(), PublishErrorKind> {
    let sort = format!("AT#{at}#{run_id}");
    let kept = press.retention.run_days.saturating_mul(86_400);
    let body = serde_json::to_value(standing).map_err(|cause| serialization_error(sort.as_str(), cause))?;
    let expires = Some(Time(at.0.saturating_add(kept)));
    let item = TableItem {
        partition_key: "STATUS".to_owned(),
        sort_key: sort,
        revision: 0,
        expires_at: expires,
        body,
    };
    press.table.put(&item, WriteCondition::Unchanged)?;
    Ok(())
}
