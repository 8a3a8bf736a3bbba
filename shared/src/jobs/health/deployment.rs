//! The values that a deployment keeps in its table.
//!
//! Enters: the table. Leaves: the runs of the functions, what waits, what was given up, open circuit breakers. Law: each value has its
//! own few queries, so one that fails leaves the others.

use std::collections::BTreeMap;

use crate::{
    breaker::{Breaker, BreakerAnswer},
    current_status::CurrentStatus,
    escape::escape_hidden,
    health::{DeadLetterCount, HealthInput, OpenBreaker, RecentError, WorkerRun, WorkerSchedule, WriteQueue},
    jobs::{
        breakers::stored_breakers,
        evidence::missing_since,
        publish::PendingReport,
        runs::{Heartbeat, RunRecord, heartbeat},
    },
    ports::{ObjectStore, PortError, PortErrorKind, Table, TableItem},
    report::Report,
    time::{HOUR_SECONDS, Hour, Time},
};

const DAY_SECONDS: u32 = 24 * HOUR_SECONDS;

/// The functions of a deployment and their schedules, by `template.yaml`. Of `pull` the longest interval; that of `report` is read
/// from the current status.
const FUNCTIONS: [(&str, WorkerSchedule); 7] = [
    ("pull", WorkerSchedule::Every(HOUR_SECONDS)),
    ("ingest", WorkerSchedule::OnEvent),
    ("watch", WorkerSchedule::OnEvent),
    ("report", WorkerSchedule::Every(HOUR_SECONDS)),
    ("permissions", WorkerSchedule::Every(DAY_SECONDS)),
    ("maintain", WorkerSchedule::Every(HOUR_SECONDS)),
    ("api", WorkerSchedule::OnEvent),
];

/// Seconds in which CloudTrail delivers and the evidence of an hour settles.
const SETTLING_SECONDS: u32 = 3 * HOUR_SECONDS;

/// Seconds after which a message has been delivered three times and is in the dead-letter queue: three visibility timeouts of
/// `template.yaml`.
const DEAD_AFTER_SECONDS: u32 = 3 * 1_380;

/// Seconds for which SQS keeps a message at most (Amazon SQS quotas: 14 days).
const RETENTION_SECONDS: u32 = 14 * DAY_SECONDS;

/// Hours before now of which failures are read.
const ERROR_HOURS: u32 = 2;

/// Most failures that are shown.
const MAX_ERRORS: usize = 20;

/// The key of the newest report, which the current status names; or why it is not known.
pub(super) fn newest_report_key(
    current: &Result<Option<CurrentStatus>, PortError>,
) -> Result<String, String> {
    let current = current.as_ref().map_err(|error| escape_hidden(&error.to_string()).into_owned())?;
    let brief = current.as_ref().and_then(|current| current.report.as_ref());
    brief
        .map(|brief| brief.report_key.clone())
        .ok_or_else(|| "the deployment has published no report".to_owned())
}

/// The report under a key.
pub(super) fn report(store: &dyn ObjectStore, key: &str) -> HealthInput<Report> {
    let read = || -> Result<Report, String> {
        let bytes = store.read(key, None).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| format!("`{key}` is not a report: {error}"))
    };
    read().into()
}

/// Seconds between two reports. A status is valid for two intervals.
pub(super) fn report_interval(current: Option<&CurrentStatus>) -> u32 {
    let interval = current.map(|current| current.valid_until.since(current.set_at) / 2);
    interval.filter(|seconds| *seconds > 0).unwrap_or(HOUR_SECONDS)
}

/// Age above which evidence is late.
pub(super) const fn max_age(interval: u32) -> u32 {
    interval.saturating_mul(2).saturating_add(SETTLING_SECONDS)
}

/// The last run of each function, and the account that the newest of them ran in. A function that runs when something happens, and
/// that never ran, is left out.
pub(super) fn workers(table: &dyn Table, interval: u32) -> (HealthInput<Vec<WorkerRun>>, Option<String>) {
    let mut account = None;
    let mut worker = |name: &str, schedule| -> Result<Option<WorkerRun>, PortError> {
        let found = heartbeat(table, name)?;
        if found.is_none() && schedule == WorkerSchedule::OnEvent {
            return Ok(None);
        }
        let caller = found.as_ref().and_then(|found| found.run.caller.as_ref());
        account = account.take().or_else(|| caller.map(|caller| caller.account.clone()));
        Ok(Some(worker_run(name, schedule, found)))
    };
    let mut all = || -> Result<Vec<WorkerRun>, PortError> {
        let mut workers = Vec::new();
        for (name, schedule) in FUNCTIONS {
            let schedule = if name == "report" { WorkerSchedule::Every(interval) } else { schedule };
            workers.extend(worker(name, schedule)?);
        }
        Ok(workers)
    };
    let workers = all().into();
    (workers, account)
}

fn worker_run(name: &str, schedule: WorkerSchedule, found: Option<Heartbeat>) -> WorkerRun {
    let (run, succeeded_at) = match found {
        Some(found) => (Some(found.run), found.succeeded_at),
        None => (None, None),
    };
    let metrics = run.iter().flat_map(|run| &run.metrics);
    let metrics: BTreeMap<String, f64> =
        metrics.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect();
    WorkerRun {
        name: name.to_owned(),
        schedule,
        ended_at: run.as_ref().map(|run| run.ended_at),
        succeeded_at,
        error: run.as_ref().and_then(|run| run.error.clone()),
        notes: run.map(|run| run.notes).unwrap_or_default(),
        metrics,
    }
}

/// Calls of `LookupEvents` that were throttled in the last run of `pull`, and all its calls.
pub(super) fn last_lookups(workers: &HealthInput<Vec<WorkerRun>>) -> Option<(u64, u64)> {
    let pull = workers.known()?.iter().find(|worker| worker.name == "pull")?;
    let count = |name: &str| pull.metrics.get(name).filter(|value| **value >= 0.0).map(|value| value.round());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, which is not negative"
    )]
    let whole = |value: f64| value as u64;
    Some((whole(count("throttled")?), whole(count("requests")?)))
}

/// Reports that are still to be made, and log files that are tried again.
pub(super) fn write_queue(table: &dyn Table, now: Time) -> HealthInput<WriteQueue> {
    let read = || -> Result<WriteQueue, PortError> {
        let waiting: Vec<PendingReport> =
            pending_reports(table)?.into_iter().filter(|pending| !pending.is_parked()).collect();
        let recent = Time(now.0.saturating_sub(DEAD_AFTER_SECONDS));
        let (objects, oldest) = missing_objects(table, now, |at| at >= recent)?;
        let oldest = waiting.iter().map(|pending| pending.window.until).chain(oldest).min();
        Ok(WriteQueue { noun: "item", entries: waiting.len() as u64 + objects, oldest })
    };
    read().into()
}

/// Reports that are no longer tried, and log files that were tried three times.
pub(super) fn dead_letters(table: &dyn Table, now: Time) -> HealthInput<DeadLetterCount> {
    let read = || -> Result<DeadLetterCount, PortError> {
        let parked = pending_reports(table)?.iter().filter(|pending| pending.is_parked()).count();
        let recent = Time(now.0.saturating_sub(DEAD_AFTER_SECONDS));
        let (missing_objects, _) = missing_objects(table, now, |at| at < recent)?;
        Ok(DeadLetterCount { missing_objects, parked_reports: parked as u64 })
    };
    read().into()
}

fn pending_reports(table: &dyn Table) -> Result<Vec<PendingReport>, PortError> {
    let decode = |item: TableItem| {
        let name = format!("{} {}", item.partition_key, item.sort_key);
        serde_json::from_value(item.body).map_err(|cause| PortError {
            operation: "decode",
            name,
            kind: PortErrorKind::Other,
            cause: Box::new(cause),
        })
    };
    table.query("STATUS", "PENDING#")?.into_iter().map(decode).collect()
}

/// Log files that were announced in the time that SQS keeps a message, and are not in evidence, with this time.
fn missing_objects(
    table: &dyn Table,
    now: Time,
    is_chosen: impl Fn(Time) -> bool,
) -> Result<(u64, Option<Time>), PortError> {
    let since = Time(now.0.saturating_sub(RETENTION_SECONDS));
    let times: Vec<Time> =
        missing_since(table, since, now)?.into_iter().filter(|at| is_chosen(*at)).collect();
    Ok((times.len() as u64, times.into_iter().min()))
}

/// Circuit breakers that are not closed.
pub(super) fn open_breakers(table: &dyn Table, now: Time) -> HealthInput<Vec<OpenBreaker>> {
    let open = |breakers: BTreeMap<String, Breaker>| {
        // One whose time is over lets the next call through.
        let opened = |(operation, breaker): (String, Breaker)| match breaker.ask(now) {
            BreakerAnswer::Refuse(_) => Some(OpenBreaker { operation, opened_at: breaker.opened_at()? }),
            BreakerAnswer::Call | BreakerAnswer::Probe => None,
        };
        breakers.into_iter().filter_map(opened).collect()
    };
    stored_breakers(table, now).map(open).into()
}

/// Failures of the current hour and the one before, the newest first.
pub(super) fn recent_errors(table: &dyn Table, now: Time) -> HealthInput<Vec<RecentError>> {
    let read = || -> Result<Vec<RecentError>, PortError> {
        let mut errors = Vec::new();
        for (name, _) in FUNCTIONS {
            for hours in 0..ERROR_HOURS {
                let hour = Hour(now.hour().0.saturating_sub(hours)).to_string();
                // Up to the hour: `AT#2026-11-29T19`.
                let prefix = format!("AT#{}", hour.get(..13).unwrap_or_default());
                for item in table.query(&format!("RUN#{name}"), &prefix)? {
                    let Ok(run) = serde_json::from_value::<RunRecord>(item.body) else { continue };
                    let ended_at = run.ended_at;
                    errors.extend(run.error.map(|error| RecentError {
                        name: name.to_owned(),
                        ended_at,
                        error,
                    }));
                }
            }
        }
        errors.sort_by(|one, other| (other.ended_at, &one.name).cmp(&(one.ended_at, &other.name)));
        errors.truncate(MAX_ERRORS);
        Ok(errors)
    };
    read().into()
}
