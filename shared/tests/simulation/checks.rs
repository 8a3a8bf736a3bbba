//! What must hold of a world at rest.
//!
//! Enters: a world at rest. Leaves: violations, as sentences. Laws: the report on everything is that of the slow model; the current
//! status is that of its report, was notified, and is the newest report; no report is pending; each alert that is owed was sent,
//! and sent again only after a fault; the audit trail is intact and has each call of a watched principal.

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::{
    audit::AuditQuery,
    catalog::Catalog,
    current_status::CurrentStatus,
    jobs::{
        audit::{AuditReader, verify_trail},
        history::AccountRegion,
        notifications::Notifier,
        publish::{LATEST_JSON, ReportWindow, RevisionRecord, latest},
        pull::Checkpoint,
        watch::watch,
    },
    ports::{NotificationSink, ObjectStore as _, Table as _},
    report::Report,
    time::Time,
};
use serde_json::Value;

use super::{
    environment::{FakeClock, MemoryTable, RecordingSink},
    model::{self, Evidence},
    observations::stored_spans,
    records::{ACCOUNT, REGION, eventbridge_event},
    rest::WHOLE,
    schedule::Schedule,
    world::SINKS,
};

impl Schedule {
    /// Checks a world at rest.
    pub(super) fn check_rest(&mut self) {
        let mut found = Vec::new();
        let evidence = self.all_evidence();
        self.check_report(&evidence, &mut found);
        self.check_status(&evidence, &mut found);
        self.check_notifications(&mut found);
        self.check_audit_trail(&evidence, &mut found);
        for window in self.pending() {
            found.push(format!("at rest: the report on {window} is pending"));
        }
        self.outcome.violations.extend(found);
    }

    /// What CloudTrail delivered, and what of its history was looked up.
    fn all_evidence(&self) -> Evidence {
        let table = self.world.table();
        let checkpoint = Checkpoint::load(&*table.items, &AccountRegion::new(ACCOUNT, REGION)).unwrap();
        let pulled_since = checkpoint.as_ref().map_or(WHOLE.until, |checkpoint| checkpoint.since);
        let looked_up = checkpoint.map(|checkpoint| (checkpoint.since, checkpoint.complete_until));
        // A slice may be stored by a run that failed before it wrote the first checkpoint.
        let spans: BTreeSet<(Time, Time)> =
            stored_spans(&self.world, &table).into_iter().chain(looked_up).collect();
        let is_looked_up = |time: Time| spans.iter().any(|(start, end)| (*start..*end).contains(&time));
        let calls = self.world.workload.calls.iter();
        Evidence {
            files: self.deliveries.files.clone(),
            calls: calls
                .filter(|(_, call)| call.time >= pulled_since || is_looked_up(call.time))
                .map(|(number, _)| *number)
                .collect(),
            spans,
            without: BTreeSet::new(),
            without_lists: BTreeSet::new(),
        }
    }

    fn revisions(&self, window: ReportWindow) -> Vec<RevisionRecord> {
        let items = self.world.table().items.query(&format!("WINDOW#{window}"), "REVISION#").unwrap();
        items.into_iter().map(|item| serde_json::from_value(item.body).unwrap()).collect()
    }

    fn check_report(&self, evidence: &Evidence, found: &mut Vec<String>) {
        let revisions = self.revisions(WHOLE);
        let [revision] = revisions.as_slice() else {
            found.push(format!(
                "at rest: the report on everything has {} revisions, not one",
                revisions.len()
            ));
            return;
        };
        let bytes = self.world.store.read(&revision.report.report_key, None).unwrap();
        let report = Report::from_json(&bytes).unwrap();
        let mut expected = model::report(&self.world.workload, evidence, WHOLE);
        if !self.world.workload.counts_log_files(WHOLE.since.hour()) {
            // The hash of the evidence depends on how its spans were cut into slices, which the slow model does not know.
            expected.result.inputs.evidence_sha256.clone_from(&report.result.inputs.evidence_sha256);
        }
        if report.result != expected.result {
            let values = [&report, &expected].map(|report| serde_json::to_value(&report.result).unwrap());
            let mut differences = Vec::new();
            compare("result", &values[0], &values[1], &mut differences);
            found.push(format!(
                "at rest: the report on everything is not that of the slow model, which comes second: {}",
                differences.join("; ")
            ));
        }
    }

    fn check_status(&self, evidence: &Evidence, found: &mut Vec<String>) {
        let Some(current) = latest(&*self.world.table().items).unwrap() else {
            found.push("at rest: the table has no current status".to_owned());
            return;
        };
        let CurrentStatus { status, reason, report, last_change, last_notified_change, .. } = current;
        let (Some(report), None) = (report, &reason) else {
            found.push(format!("at rest: the current status has a reason, {reason:?}"));
            return;
        };
        let window = ReportWindow { since: report.since, until: report.until };
        let expected = model::status(&self.world.workload, evidence, window);
        if status != Some(expected) {
            found.push(format!("at rest: the current status is {status:?}; the slow model has {expected:?}"));
        }
        if last_notified_change != last_change {
            found.push("at rest: the last change of the status is not notified".to_owned());
        }
        let seen = self.world.seen.lock().unwrap();
        for (sink, name) in SINKS.iter().enumerate() {
            let last = seen.sent.iter().rev().find(|sent| sent.sink == sink && sent.status.is_some());
            let last = last.and_then(|sent| sent.status.clone());
            if last.as_deref() != status.map(|status| status.as_str()) {
                found.push(format!(
                    "at rest: {name} last said {last:?}, and the current status is {status:?}"
                ));
            }
        }
        let newest = self.world.store.read(LATEST_JSON, None).ok();
        if newest != self.world.store.read(&report.report_key, None).ok() {
            found.push(format!("at rest: {LATEST_JSON} is not {}", report.report_key));
        }
    }

    /// Ids of the notifications of an event, as a run without faults sends them.
    fn alerts_of(&self, number: u32) -> Vec<String> {
        let workload = &self.world.workload;
        let call = &workload.calls[&number];
        let (table, sink, clock) =
            (MemoryTable::default(), RecordingSink::new("sns"), FakeClock::at(call.time));
        let sinks: [&dyn NotificationSink; 1] = [&sink];
        let policy = workload.config.alerts.policy();
        let notifier = Notifier { table: &table, sinks: &sinks, clock: &clock, policy };
        watch(&eventbridge_event(&call.record), &workload.config, Catalog::embedded(), &notifier).unwrap();
        let sent = sink.notifications.lock().unwrap();
        sent.iter().map(|notification| notification.id.clone()).collect()
    }

    fn check_notifications(&self, found: &mut Vec<String>) {
        let seen = self.world.seen.lock().unwrap();
        for number in &self.deliveries.owed {
            for id in self.alerts_of(*number) {
                for (sink, name) in SINKS.iter().enumerate() {
                    if !seen.sent.iter().any(|sent| sent.sink == sink && sent.id == id) {
                        found.push(format!("at rest: {name} never sent the alert {id} of event {number}"));
                    }
                }
            }
        }
        let mut by_sink: BTreeMap<(usize, &str), Vec<_>> = BTreeMap::new();
        for sent in &seen.sent {
            by_sink.entry((sent.sink, &sent.id)).or_default().push(sent);
        }
        for ((sink, id), all) in by_sink {
            for pair in all.windows(2) {
                // A copy of the table does not have what was recorded after its time.
                let is_late = seen.delayed_sends.contains(&(pair[1].process.clone(), id.to_owned()));
                let is_excused =
                    seen.disturbed.contains(&pair[0].process) || pair[0].table != pair[1].table || is_late;
                if !is_excused {
                    let (first, second) = (&pair[0].process, &pair[1].process);
                    let name = SINKS[sink];
                    found.push(format!("{name} sent {id} twice, by {first} and {second}, without a fault"));
                }
            }
        }
    }

    fn check_audit_trail(&self, evidence: &Evidence, found: &mut Vec<String>) {
        let store = &self.world.store;
        let verified = verify_trail(store, None, &|_, _| ()).unwrap();
        found.extend(verified.problems.iter().map(|problem| {
            format!(
                "at rest: the audit trail: {} `{}`: {}",
                problem.kind.as_str(),
                problem.subject,
                problem.detail
            )
        }));
        let answer = AuditReader::new(store, 1, 1).query(&AuditQuery::default()).unwrap();
        let audited: BTreeSet<&str> =
            answer.entries.iter().filter_map(|stored| Some(&*stored.entry.call.as_ref()?.event_id)).collect();
        let workload = &self.world.workload;
        let of_files = evidence.files.iter().flat_map(|name| &workload.file(name).calls);
        for number in of_files.chain(&evidence.calls).collect::<BTreeSet<_>>() {
            let call = &workload.calls[number];
            let id = call.record["eventID"].as_str().unwrap();
            if call.is_watched && !audited.contains(id) {
                found.push(format!("at rest: the audit trail has no entry of event {number}"));
            }
        }
    }
}

/// Where two values differ.
fn compare(path: &str, one: &Value, other: &Value, differences: &mut Vec<String>) {
    match (one, other) {
        _ if one == other || differences.len() > 6 => {}
        (Value::Object(of_one), Value::Object(of_other)) => {
            for key in of_one.keys().chain(of_other.keys()).collect::<BTreeSet<_>>() {
                compare(&format!("{path}.{key}"), &one[key], &other[key], differences);
            }
        }
        (Value::Array(of_one), Value::Array(of_other)) if of_one.len() == of_other.len() => {
            for (n, (one, other)) in of_one.iter().zip(of_other).enumerate() {
                compare(&format!("{path}[{n}]"), one, other, differences);
            }
        }
        _ => {
            let short = |value: &Value| value.to_string().chars().take(120).collect::<String>();
            differences.push(format!("{path}: {} and {}", short(one), short(other)));
        }
    }
}
