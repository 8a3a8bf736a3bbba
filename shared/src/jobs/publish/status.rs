//! Stores, updates and revokes the current status, and sends its changes and reminders.
//!
//! Enters: a report revision on the current window, or a failure. Leaves: the latest [`CurrentStatus`], its history,
//! a notification of each change, and a reminder once a day while the status
//! is not compliant. Laws: a report on an older window never replaces the status of a newer one; the
//! notification of a changed status is sent before the status is stored, so a status is not claimed if its
//! notification fails; after a failure no status is claimed.
//!
//! ```text
//! STATUS   LATEST                 the current status
//! STATUS   AT#<time>#<run id>     each report on the current window, and each failure; expires by retention
//! ```

use super::{
    PublishErrorKind, ReportPublisher,
    revision::{ReportRevision, RevisionRecord},
    serialization_error,
};
use crate::{
    config::DeliveryPolicy,
    current_status::{CurrentStatus, ReportBrief, ReportIssued, StatusChange},
    jobs::notifications::Notifier,
    ports::{PortError, Table, TableItem, WriteCondition},
    render::message,
    report::{Report, ReportRun},
    score::Status,
    time::Time,
};

/// Attempts to update the status when another run writes in between.
const MAX_ATTEMPTS: usize = 4;

/// The latest status. An item that cannot be decoded counts as absent, so no status is claimed. Use
/// [`CurrentStatus::status_at`] to read the claim.
///
/// # Errors
/// When the table cannot be read.
pub fn latest(table: &dyn Table) -> Result<Option<CurrentStatus>, PortError> {
    Ok(latest_item(table)?.and_then(|item| parse_status(&item)))
}

/// Earlier statuses with times that begin with `prefix` (`2027-01`), oldest first.
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

/// Whether the current status is based on a newer report than this one.
pub(super) fn is_superseded(current_status: Option<&CurrentStatus>, report: &ReportBrief) -> bool {
    let newest = current_status.and_then(|current_status| current_status.report.as_ref());
    newest.is_some_and(|newest| {
        let same = (newest.since, newest.until) == (report.since, report.until);
        newest.until > report.until || same && newest.revision > report.revision
    })
}

/// Makes the status of a revision on the current window the current status.
pub(super) fn update(
    publisher: &ReportPublisher<'_>,
    report_revision: &ReportRevision,
    run: &ReportRun,
) -> Result<CurrentStatus, PublishErrorKind> {
    let report = &report_revision.revision.report;
    for _ in 0..MAX_ATTEMPTS {
        let item = latest_item(publisher.table)?;
        let before = item.as_ref().and_then(parse_status);
        if let Some(newer) = before.as_ref().filter(|before| is_superseded(Some(before), report)) {
            return Ok(newer.clone());
        }
        let now = publisher.clock.now();
        let mut current_status = CurrentStatus::from_report(
            report.clone(),
            before.as_ref(),
            now,
            publisher.interval_seconds,
            &run.run_id,
        );
        append_history(publisher, report.generated_at, &report.run_id, &current_status)?;
        if !report_revision.is_new && before.as_ref().is_some_and(|before| before.reason.is_some()) {
            append_history(publisher, now, &run.run_id, &current_status)?;
        }
        notify_change(publisher, &mut current_status, before.as_ref(), Some(&report_revision.report))?;
        if put_latest(publisher, &current_status, item.as_ref(), WriteCondition::Unchanged)? {
            return Ok(current_status);
        }
    }
    Err(PublishErrorKind::Contended)
}

/// Revokes the current status. `seen` is the report of this run, if there is one. Every step is attempted; returns the
/// status and the errors.
pub(super) fn revoke(
    publisher: &ReportPublisher<'_>,
    run: &ReportRun,
    reason: &str,
    seen: Option<&ReportRevision>,
) -> (CurrentStatus, Vec<String>) {
    let mut errors = Vec::new();
    let mut note = |error: PublishErrorKind| errors.push(error.to_string());
    let item = latest_item(publisher.table).map_err(Into::into).map_err(&mut note).ok().flatten();
    let before = item.as_ref().and_then(parse_status);
    let now = publisher.clock.now();
    let seen = seen.filter(|seen| !is_superseded(before.as_ref(), &seen.revision.report));
    let mut current_status = CurrentStatus::from_failure(
        reason,
        seen.map(|seen| seen.revision.report.clone()),
        before.as_ref(),
        now,
        publisher.interval_seconds,
        &run.run_id,
    );
    // First, so that the claim is revoked even if a later step fails.
    if let Err(error) = put_latest(publisher, &current_status, None, WriteCondition::Always) {
        note(error);
    }
    if let Err(error) = append_history(publisher, now, &run.run_id, &current_status) {
        note(error);
    }
    if current_status.needs_notification() || current_status.needs_reminder() {
        let report = seen.map(|seen| &seen.report);
        let notified = notify_change(publisher, &mut current_status, before.as_ref(), report)
            .and_then(|()| put_latest(publisher, &current_status, None, WriteCondition::Always));
        if let Err(error) = notified {
            note(error);
        }
    }
    (current_status, errors)
}

/// Sends a notification of a late revision if its status differs from the one before it. A first revision is sent
/// unless it is compliant, because no current status reports on its window.
pub(super) fn notify_revision(
    publisher: &ReportPublisher<'_>,
    report_revision: &ReportRevision,
) -> Result<(), PublishErrorKind> {
    let now = &report_revision.revision;
    let before = report_revision.previous.as_ref().map(|before| before.report.status);
    let known = before.unwrap_or_else(|| now.report.status.map(|_| Status::Compliant));
    if known == now.report.status {
        return Ok(());
    }
    let id = format!("late-{}-{}-r{}", now.report.since, now.report.until, now.report.revision);
    let report = &report_revision.report;
    let change = StatusChange::of_revision(now.report.clone(), report, before.flatten(), publisher.bucket);
    let name = id.clone();
    let notification =
        message::status_change(id, &change).map_err(|cause| serialization_error(name, cause))?;
    publisher.notifier().notify(&notification)?;
    Ok(())
}

/// Sends the event about a revision of a report.
pub(super) fn notify_issued(
    publisher: &ReportPublisher<'_>,
    revision: &RevisionRecord,
) -> Result<(), PublishErrorKind> {
    if publisher.report_sinks.is_empty() {
        return Ok(());
    }
    let issued = ReportIssued::new(publisher.bucket, &revision.report);
    let id = format!("issued-{}-{}-r{}", issued.since, issued.until, issued.revision);
    let name = id.clone();
    let notification =
        message::report_issued(id, &issued).map_err(|cause| serialization_error(name, cause))?;
    let policy = DeliveryPolicy::IMMEDIATE;
    let notifier = Notifier { sinks: publisher.report_sinks, policy, ..publisher.notifier() };
    notifier.notify(&notification)?;
    Ok(())
}

/// Sends the notification of a changed status, or the reminder of a bad one, if it is due.
fn notify_change(
    publisher: &ReportPublisher<'_>,
    current_status: &mut CurrentStatus,
    before: Option<&CurrentStatus>,
    report: Option<&Report>,
) -> Result<(), PublishErrorKind> {
    let is_reminder = current_status.needs_reminder();
    if !is_reminder && !current_status.needs_notification() {
        return Ok(());
    }
    let status = current_status.status.map_or("none", Status::as_str);
    let number = current_status.last_change;
    let change = StatusChange::of_current(current_status, before, report, publisher.bucket);
    let (id, notification) = match current_status.last_notified_at {
        // The id is that of a reminder that a killed run has sent.
        Some(last) if is_reminder => {
            let id = format!("reminder-{number}-{last}");
            (id.clone(), message::status_reminder(id, &change))
        }
        _ => {
            let id = format!("status-{number}-{status}");
            (id.clone(), message::status_change(id, &change))
        }
    };
    let notification = notification.map_err(|cause| serialization_error(id, cause))?;
    publisher.notifier().notify(&notification)?;
    current_status.last_notified_change = number;
    current_status.last_notified_at = Some(current_status.set_at);
    Ok(())
}

fn put_latest(
    publisher: &ReportPublisher<'_>,
    current_status: &CurrentStatus,
    item: Option<&TableItem>,
    expected: WriteCondition,
) -> Result<bool, PublishErrorKind> {
    let revision = item.map_or(0, |item| item.revision);
    let body =
        serde_json::to_value(current_status).map_err(|cause| serialization_error("STATUS LATEST", cause))?;
    let (partition, sort) = ("STATUS".to_owned(), "LATEST".to_owned());
    Ok(publisher.table.put(
        &TableItem { partition_key: partition, sort_key: sort, revision, expires_at: None, body },
        expected,
    )?)
}

/// Adds a status to the history, unless it exists.
fn append_history(
    publisher: &ReportPublisher<'_>,
    at: Time,
    run_id: &str,
    current_status: &CurrentStatus,
) -> Result<(), PublishErrorKind> {
    let sort = format!("AT#{at}#{run_id}");
    let kept = publisher.retention.run_days.saturating_mul(86_400);
    let body =
        serde_json::to_value(current_status).map_err(|cause| serialization_error(sort.as_str(), cause))?;
    let expires = Some(Time(at.0.saturating_add(kept)));
    let item = TableItem {
        partition_key: "STATUS".to_owned(),
        sort_key: sort,
        revision: 0,
        expires_at: expires,
        body,
    };
    publisher.table.put(&item, WriteCondition::Unchanged)?;
    Ok(())
}
