//! Watches how many errors all functions have together.
//!
//! Enters: the errors of a run, and the table. Leaves: an alert if the errors of the last `monitoring.error_window` seconds reach
//! `monitoring.error_threshold`. Laws: only errors of that span count, by the clock; after an alert there is no other until a span is
//! over; an alert that could not be sent is sent by the next run with errors.
//!
//! ```text
//! ERRORS#<ten minutes>  <time>#<run id>   the errors of a run by kind; expires
//! ```

use serde_json::{Value, json};

use crate::{
    alert::OperationalAlert,
    aws_error::AwsErrorKind,
    config::MonitoringSettings,
    error_context::ErrorCounts,
    jobs::notifications::{NotificationError, Notifier},
    operation::RiskLevel,
    ports::{PortError, Table, TableItem, WriteCondition},
    severity::Severity,
    time::Time,
};

/// Seconds of a partition of the table.
const SLOT_SECONDS: u32 = 600;

/// Seconds for which errors are kept.
const REMEMBER_SECONDS: u32 = 86_400;

/// Kinds of errors in an alert.
const COMMONEST: usize = 3;

/// Why errors were not watched.
#[derive(Debug, thiserror::Error)]
pub enum ErrorWatchError {
    /// The table failed.
    #[error(transparent)]
    Table(#[from] PortError),
    /// The alert was not sent.
    #[error(transparent)]
    Notification(#[from] NotificationError),
}

/// The errors of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunErrors<'a> {
    /// Function of the run, such as `pull`.
    pub function: &'a str,
    /// Id of the run.
    pub run_id: &'a str,
    /// The errors by kind. Those below [`Severity::Medium`] are part of ordinary work, and a throttled call is made again by its
    /// caller, who paces itself: neither is counted.
    pub counts: &'a ErrorCounts,
}

/// Stores the errors of a run, and sends an alert if there are too many. Returns whether it did.
///
/// # Errors
/// [`ErrorWatchError`].
pub fn watch_errors(
    notifier: &Notifier<'_>,
    settings: &MonitoringSettings,
    run: RunErrors<'_>,
) -> Result<bool, ErrorWatchError> {
    let now = notifier.clock.now();
    let counted = counted(run.counts);
    if !settings.enabled || counted.total() == 0 {
        return Ok(false);
    }
    let table = notifier.table;
    let item = TableItem {
        partition_key: slot(now),
        sort_key: format!("{now}#{}", run.run_id),
        revision: 0,
        expires_at: Some(Time(now.0.saturating_add(REMEMBER_SECONDS))),
        body: json!({ "at": now, "function": run.function, "errors": counted }),
    };
    table.put(&item, WriteCondition::Always)?;
    let since = Time(now.0.saturating_sub(settings.error_window));
    let recent = recent_errors(table, since, now)?;
    if recent.total() < u64::from(settings.error_threshold) {
        return Ok(false);
    }
    let sent = notifier.notify_operator(&alert(&recent, settings.error_window, since, now))?;
    Ok(!sent.sent.is_empty())
}

/// The errors of all functions after `since` and until `now`, by kind.
///
/// # Errors
/// When the table cannot be read.
pub fn recent_errors(table: &dyn Table, since: Time, now: Time) -> Result<ErrorCounts, PortError> {
    let mut all = ErrorCounts::default();
    let mut begin = since.0 - since.0 % SLOT_SECONDS;
    while begin <= now.0 {
        for item in table.query(&slot(Time(begin)), "")? {
            let at = item.body.get("at").and_then(Value::as_str).and_then(Time::parse);
            let errors =
                item.body.get("errors").cloned().and_then(|counts| serde_json::from_value(counts).ok());
            if let Some((_, errors)) = at.filter(|at| since < *at && *at <= now).zip(errors) {
                all.merge(&errors);
            }
        }
        let Some(next) = begin.checked_add(SLOT_SECONDS) else { break };
        begin = next;
    }
    Ok(all)
}

fn counted(counts: &ErrorCounts) -> ErrorCounts {
    let is_serious =
        |kind: &AwsErrorKind| kind.severity() >= Severity::Medium && *kind != AwsErrorKind::Throttled;
    let serious = counts.0.iter().filter(|(kind, _)| is_serious(kind));
    ErrorCounts(serious.map(|(kind, count)| (*kind, *count)).collect())
}

fn slot(at: Time) -> String {
    format!("ERRORS#{}", Time(at.0 - at.0 % SLOT_SECONDS))
}

fn alert(recent: &ErrorCounts, seconds: u32, since: Time, now: Time) -> OperationalAlert {
    let total = recent.total();
    let errors = if total == 1 { "1 error".to_owned() } else { format!("{total} errors") };
    let severity = match recent.highest_severity() {
        Some(Severity::Critical) => RiskLevel::Critical,
        Some(Severity::High) => RiskLevel::High,
        _ => RiskLevel::Medium,
    };
    let lines = recent.commonest(COMMONEST).into_iter().map(|(kind, count)| {
        format!("\n{count} x {kind}: {} {}", kind.user_impact(), kind.recovery_action())
    });
    let text = format!("Between {since} and {now}, most often:{}", lines.collect::<String>());
    let title = format!("Onlooker's functions had {errors}");
    // Runs that find the same errors send one alert, because its id has this time.
    let time = Time(now.0 - now.0.checked_rem(seconds).unwrap_or(0));
    OperationalAlert::new(title, severity, text, ("errors", seconds), time)
}
