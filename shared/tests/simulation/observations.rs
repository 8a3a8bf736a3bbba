//! What is seen of the functions while they run, and what must hold of it at every moment.
//!
//! Enters: the effects of calls. Leaves: violations, as sentences. Laws: no status is better than what was acknowledged or known to be
//! missing before its run began; what a current status names exists, and its id is its hash; a notification that is recorded as sent
//! is not sent again, unless it was on its way when its claim ended; a status is claimed after its notification; a checkpoint never
//! passes a window that is not stored; maintenance finds no problem in the audit trail.

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::{
    current_status::CurrentStatus,
    jobs::publish::{ReportWindow, RevisionRecord},
    ports::{Notification, ObjectStore as _, Table as _, TableItem},
    report::{MaintenanceTask, Report, TaskRecord, TaskResult},
    score::Status,
    segment::Segment,
    time::Time,
};
use serde_json::Value;

use super::{
    model::{self, Evidence},
    ports::ProcessPorts,
    world::{NamedTable, SINKS, World},
};

/// What was acknowledged at a time.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Files with a message that was answered with success.
    pub files: BTreeSet<String>,
    /// Calls in slices that a checkpoint has passed.
    pub calls: BTreeSet<u32>,
    /// Files that were recorded as missing.
    pub missing: BTreeSet<String>,
}

/// A notification that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Index of the sink.
    pub sink: usize,
    /// Id of the notification.
    pub id: String,
    /// The status that it says, if it is about the current status.
    pub status: Option<String>,
    /// The process that sent it.
    pub process: String,
    /// Id of the table that the process knows.
    pub table: String,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Observations {
    /// What was acknowledged.
    pub known: Known,
    /// Files that a process fetched.
    pub fetched: BTreeSet<String>,
    /// Calls that a process looked up.
    pub looked_up: BTreeSet<u32>,
    /// Spans that a process looked up.
    pub looked_up_spans: BTreeSet<(Time, Time)>,
    /// Sent notifications.
    pub sent: Vec<Sent>,
    /// Processes that were killed or had a failed call.
    pub disturbed: BTreeSet<String>,
    /// Notifications that a process began to send and that came late: the claim of the process may have ended before.
    pub delayed_sends: BTreeSet<(String, String)>,
    /// Whether the table was replaced by a copy.
    pub is_restored: bool,
    /// Statuses that were judged.
    pub judged: BTreeMap<String, u64>,
    /// What must not be.
    pub violations: Vec<String>,
}

impl Observations {
    /// Judges an item that was written.
    pub fn of_item(
        &mut self,
        world: &World,
        process: &ProcessPorts,
        item: &TableItem,
        before: Option<&TableItem>,
    ) {
        match (&*item.partition_key, &*item.sort_key) {
            ("STATUS", "LATEST") => self.of_status(world, process, item, before),
            ("MAINTENANCE", _) => self.of_maintenance(process, item),
            (partition, "CHECKPOINT") if partition.starts_with("ACCOUNT_REGION#") => {
                self.of_checkpoint(world, process, item);
            }
            (partition, _) if partition.starts_with("MISSING#") => {
                self.known.missing.extend(item.body["object"].as_str().map(str::to_owned));
            }
            _ => {}
        }
    }

    /// Judges a notification that is sent now.
    pub fn of_notification(
        &mut self,
        world: &World,
        process: &ProcessPorts,
        sink: usize,
        notification: &Notification,
    ) {
        let id = &notification.id;
        let record = world.item(process, &format!("NOTIFICATION#{id}"), SINKS[sink]);
        let is_late = self.delayed_sends.contains(&(process.name.clone(), id.clone()));
        let is_recorded = record.is_some_and(|item| item.body["state"] == "sent");
        if is_recorded && !is_late && !world.defect.defers_notifications() {
            self.violation(
                world,
                process,
                format!("{id} is sent to {} again after it was recorded", SINKS[sink]),
            );
        }
        let is_latest = notification.detail["subject"] == "latest";
        let status = notification.detail["status"].as_str().filter(|_| is_latest).map(str::to_owned);
        self.sent.push(Sent {
            sink,
            id: id.clone(),
            status,
            process: process.name.clone(),
            table: process.table.id.clone(),
        });
    }

    fn violation(&mut self, world: &World, process: &ProcessPorts, what: String) {
        self.violations.push(format!("{} {}: {what}", world.true_time(), process.name));
    }

    fn of_status(
        &mut self,
        world: &World,
        process: &ProcessPorts,
        item: &TableItem,
        before: Option<&TableItem>,
    ) {
        let status: CurrentStatus = serde_json::from_value(item.body.clone()).unwrap();
        if let Some(report) = &status.report {
            let window = ReportWindow { since: report.since, until: report.until };
            if let Some(what) = missing_part(world, process, window, report.revision, &report.id) {
                self.violation(
                    world,
                    process,
                    format!("the current status names {}: {what}", report.report_key),
                );
            }
        }
        let before: Option<CurrentStatus> =
            before.and_then(|item| serde_json::from_value(item.body.clone()).ok());
        let is_notified = status.last_notified_change == status.last_change;
        if is_notified && before.is_none_or(|before| before.last_notified_change != status.last_change) {
            let name = status.status.map_or("none", Status::as_str);
            let id = format!("status-{}-{name}", status.last_change);
            for (sink, sink_name) in SINKS.iter().enumerate() {
                if !self.sent.iter().any(|sent| sent.sink == sink && sent.id == id) {
                    self.violation(
                        world,
                        process,
                        format!("{name} is claimed before {sink_name} has sent {id}"),
                    );
                }
            }
        }
        self.judge(world, process, &status);
    }

    /// Compares a current status with the best one that may be claimed.
    fn judge(&mut self, world: &World, process: &ProcessPorts, status: &CurrentStatus) {
        let claimed = status.status.unwrap();
        *self.judged.entry(claimed.as_str().to_owned()).or_default() += 1;
        if status.reason.is_some() {
            if claimed == Status::Compliant {
                self.violation(world, process, "COMPLIANT is claimed after a failure".to_owned());
            }
            return;
        }
        let Some(report) = &status.report else { return };
        let window = ReportWindow { since: report.since, until: report.until };
        let best = self.best_status(world, &process.known, window);
        // What was read after the time of a copy has no entry in it, so that its hours are not observed.
        let is_judged = !self.is_restored || claimed == Status::Compliant;
        if is_judged && claimed < best {
            let what = format!(
                "{} is claimed about {window}, and what was acknowledged before the run allows {} at best",
                claimed.as_str(),
                best.as_str()
            );
            self.violation(world, process, what);
        }
    }

    /// The best status that the evidence allows which was acknowledged when a run began, together with whatever may have been stored
    /// since, except violations.
    fn best_status(&self, world: &World, known: &Known, window: ReportWindow) -> Status {
        let workload = &world.workload;
        let in_files: BTreeSet<u32> =
            known.files.iter().flat_map(|name| &workload.file(name).calls).copied().collect();
        // A call counts from the source that is counted in its hour, so what the other one acknowledged of it says nothing.
        let is_acknowledged =
            |number: &u32| match workload.counts_log_files(workload.calls[number].time.hour()) {
                true => in_files.contains(number),
                false => known.calls.contains(number),
            };
        let violations =
            workload.calls.iter().filter(|(_, call)| call.is_violation).map(|(number, _)| *number);
        let evidence = Evidence {
            files: self.fetched.union(&known.files).cloned().collect(),
            calls: self.looked_up.clone(),
            spans: self.looked_up_spans.clone(),
            without: violations.filter(|number| !is_acknowledged(number)).collect(),
            without_lists: self.fetched.difference(&known.files).cloned().collect(),
        };
        let best = model::status(workload, &evidence, window);
        let in_window = |name: &&String| {
            let hour = workload.file(name).delivered.hour();
            workload.counts_log_files(hour) && (window.since.hour()..window.until.hour()).contains(&hour)
        };
        let is_missing = known.missing.difference(&self.fetched).any(|name| in_window(&name));
        if is_missing { best.max(Status::InsufficientEvidence) } else { best }
    }

    fn of_maintenance(&mut self, process: &ProcessPorts, item: &TableItem) {
        let record: TaskRecord = serde_json::from_value(item.body.clone()).unwrap();
        if record.task == MaintenanceTask::AuditTrail && record.result == TaskResult::ProblemFound {
            self.violations.push(format!("{}: {}", process.name, record.detail));
        }
    }

    fn of_checkpoint(&mut self, world: &World, process: &ProcessPorts, item: &TableItem) {
        self.known.calls.extend(process.looked_up.lock().unwrap().iter());
        let time = |name: &str| Time::parse(item.body[name].as_str().unwrap()).unwrap();
        let (mut at, until) = (time("since"), time("complete_until"));
        for (start, end) in stored_spans(world, &process.table) {
            if start <= at {
                at = at.max(end);
            }
        }
        if at < until {
            let what = format!("the checkpoint is {until}, and slices are stored until {at}");
            self.violation(world, process, what);
        }
    }
}

/// What a current status names and is not there, or is not whole.
fn missing_part(
    world: &World,
    process: &ProcessPorts,
    window: ReportWindow,
    revision: u32,
    id: &str,
) -> Option<String> {
    let item = world.item(process, &format!("WINDOW#{window}"), &format!("REVISION#{revision:04}"));
    let Some(item) = item else { return Some("the table has no such revision".to_owned()) };
    let record: RevisionRecord = serde_json::from_value(item.body).unwrap();
    for key in &record.keys {
        let Ok(bytes) = world.store.read(key, None) else { return Some(format!("`{key}` does not exist")) };
        if *key == record.report.report_key {
            match Report::from_json(&bytes) {
                Ok(report) if report.id == id => {}
                Ok(report) => return Some(format!("its id is {}", report.id)),
                Err(error) => return Some(error.to_string()),
            }
        }
    }
    None
}

/// The spans of the slices that a table names, in order.
pub fn stored_spans(world: &World, table: &NamedTable) -> Vec<(Time, Time)> {
    let first = world.workload.begin_ms() / 86_400_000 - 2;
    let days =
        (first..=world.milliseconds() / 86_400_000).map(|day| Time(u32::try_from(day).unwrap() * 86_400));
    let items = days.flat_map(|day| {
        let date: String = day.to_string().chars().take(10).collect();
        table.items.query(&format!("UNSHARDED#{date}"), "").unwrap()
    });
    let parts = items.filter(|item| item.sort_key.contains("#lookup#"));
    let mut spans: Vec<(Time, Time)> = parts.flat_map(|item| spans_of(world, &item.body)).collect();
    spans.sort_unstable();
    spans
}

fn spans_of(world: &World, body: &Value) -> Vec<(Time, Time)> {
    let bytes: Vec<u8> = match body["segment"].as_str() {
        // An empty slice is in its item.
        Some(digits) => {
            let value = |digit: u8| if digit < b'a' { digit - b'0' } else { digit - b'a' + 10 };
            digits.as_bytes().chunks(2).map(|pair| value(pair[0]) * 16 + value(pair[1])).collect()
        }
        None => {
            let number = |name: &str| body[name].as_u64().unwrap();
            let part = number("offset")..number("offset") + number("length");
            let Ok(bytes) = world.store.read(body["key"].as_str().unwrap(), Some(part)) else {
                return Vec::new();
            };
            bytes
        }
    };
    let segment = Segment::from_bytes(&bytes).unwrap();
    segment.digest_windows().iter().map(|window| (window.start, window.end)).collect()
}
