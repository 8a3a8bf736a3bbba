//! The functions, wired as their `main.rs` wires them.
//!
//! Enters: the ports of a process and what invoked it. Leaves: the answer of the function. Law: a process has its own evidence store
//! and its own chain of the audit trail.

use std::collections::BTreeSet;

use onlooker_core::{
    config::Standard,
    jobs::{
        audit::{AuditTrail, Auditing},
        evidence::{EvidenceStore, compact, record_identity},
        history::AccountRegion,
        ingest::{IngestMessage, ingest},
        maintain::{Maintenance, maintain},
        notifications::Notifier,
        publish::{ReportPublisher, ReportWindow, publish, report_from_evidence},
        pull::{PullPorts, PullTask, pull},
        watch::watch,
    },
    ports::{Clock as _, NotificationSink},
    report::ReportRun,
};
use serde_json::Value;

use super::{
    draw::Dice,
    model::criteria,
    ports::{ProcessPorts, SinkPort},
    records::{ACCOUNT, REGION},
};

/// A function, and what invokes it.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// Messages of the queue.
    Ingest(Vec<IngestMessage>),
    /// A schedule.
    Pull,
    /// A schedule, or a request of a window.
    Report(Value),
    /// An event.
    Watch(Vec<u8>),
    /// A schedule.
    Maintain,
}

impl Invocation {
    /// Name of the function.
    pub const fn function(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "ingest",
            Self::Pull => "pull",
            Self::Report(_) => "report",
            Self::Watch(_) => "watch",
            Self::Maintain => "maintain",
        }
    }

    /// Seconds that the function may run, as in `template.yaml`.
    pub const fn timeout(&self) -> u64 {
        match self {
            Self::Ingest(_) => 180,
            Self::Pull => 270,
            Self::Report(_) | Self::Maintain => 900,
            Self::Watch(_) => 60,
        }
    }

    /// Runs the function. Leaves the ids of failed messages, or the error.
    pub fn run(&self, ports: &ProcessPorts) -> Result<Vec<String>, String> {
        let config = &ports.world.workload.config;
        let store = EvidenceStore::new(ports, ports);
        let chain = chain_id(&ports.name);
        let trail = AuditTrail::new(ports, &config.audit, Standard::General, self.function(), &chain);
        let now = ports.now();
        let auditing = Auditing::new(&trail, config, criteria(&ports.world.workload).catalog, now);
        let answer = match self {
            Self::Ingest(messages) => {
                let outcome = ingest(ports, &store, config, ports, messages, Some(auditing));
                let outcome = outcome.map_err(|error| error.to_string())?;
                Ok(outcome.failed.into_iter().map(|failed| failed.message_id).collect())
            }
            Self::Pull => {
                let task = PullTask {
                    config,
                    account_regions: &[AccountRegion::new(ACCOUNT, REGION)],
                    run_id: &ports.name,
                    threads: 1,
                    audit: Some(auditing),
                };
                let outcomes = pull(PullPorts { cloudtrail: ports, clock: ports, evidence: &store }, task);
                outcomes.into_iter().find_map(|outcome| outcome.error).map_or(Ok(Vec::new()), Err)
            }
            Self::Report(payload) => report(ports, &store, payload),
            Self::Watch(event) => {
                let sinks = sinks(ports);
                let sinks = sinks.each_ref().map(|sink| sink as &dyn NotificationSink);
                let watched =
                    watch(event, config, criteria(&ports.world.workload).catalog, &notifier(ports, &sinks));
                watched.map(|_| Vec::new()).map_err(|error| error.to_string())
            }
            Self::Maintain => {
                let maintenance = Maintenance {
                    table: ports,
                    table_origin: Some(&ports.table.origin()),
                    store: ports,
                    remover: None,
                    prunes_audit_trail: false,
                    signer: None,
                    evidence: &store,
                    trail: None,
                    backups: None,
                    config,
                    clock: ports,
                    run_id: &ports.name,
                };
                let outcome = maintain(&maintenance, &[]).map_err(|error| error.to_string())?;
                outcome.failures().next().map_or(Ok(Vec::new()), |failed| Err(failed.detail.clone()))
            }
        };
        ports.world.catch_up(ports);
        answer
    }
}

fn sinks(ports: &ProcessPorts) -> [SinkPort<'_>; 2] {
    [0, 1].map(|index| SinkPort { ports, index })
}

fn notifier<'a>(ports: &'a ProcessPorts, sinks: &'a [&'a dyn NotificationSink]) -> Notifier<'a> {
    Notifier { table: ports, sinks, clock: ports, policy: ports.world.workload.config.alerts.policy() }
}

fn report(ports: &ProcessPorts, store: &EvidenceStore<'_>, payload: &Value) -> Result<Vec<String>, String> {
    let config = &ports.world.workload.config;
    let (window, purpose) =
        ReportWindow::from_request(payload, ports.now(), config.lookup.settling_seconds())
            .map_err(|error| error.to_string())?;
    record_identity(ports, &ports.table.origin(), ports.now()).map_err(|error| error.to_string())?;
    let account_regions = [AccountRegion::new(ACCOUNT, REGION)];
    let none = BTreeSet::new();
    let make_report =
        report_from_evidence(store, criteria(&ports.world.workload), &account_regions, &none, 1);
    let sinks = sinks(ports);
    let sinks = sinks.each_ref().map(|sink| sink as &dyn NotificationSink);
    let publisher = ReportPublisher {
        table: ports,
        store: ports,
        sinks: &sinks,
        policy: config.alerts.policy(),
        report_sinks: &sinks[1..],
        latest_reports: Some(ports),
        bucket: "bucket",
        clock: ports,
        formats: &[],
        make_report: &make_report,
        account: ACCOUNT,
        interval_seconds: 3_600,
        retention: &config.retention,
    };
    let run = ReportRun { run_id: ports.name.clone(), started_at: ports.now(), ..ReportRun::default() };
    publish(&publisher, window, purpose, &run).map_err(|error| error.to_string())?;
    compact(store, (window.previous().since, window.until), ports.now())
        .map_err(|error| error.to_string())?;
    notifier(ports, &sinks).flush_digests().map_err(|error| error.to_string())?;
    Ok(Vec::new())
}

/// The id of the chain of a process: a UUID that its name gives.
fn chain_id(process: &str) -> String {
    let digits = |number, count| Dice { seed: 0 }.roll(process, number, 1_u64 << count);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        digits(0, 32),
        digits(1, 16),
        digits(2, 12),
        digits(3, 12),
        digits(4, 48)
    )
}
