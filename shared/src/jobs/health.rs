//! Reads what the health and the dashboard are judged from.
//!
//! Enters: the table and the bucket of a deployment, or what a state keeps of its sweeps; the time. Leaves: a [`MonitoredState`].
//! Laws: what cannot be read is an unknown value with the reason, and the others are read nevertheless; nothing is written; the
//! parts that a function reads and the parts that a command reads are judged by the same checks.

mod audit_trail;
mod deployment;
mod report_values;

use self::{
    audit_trail::{TrailReading, TrailValues},
    report_values::ReportValues,
};
use super::audit::AuditReader;
use crate::{
    catalog::Catalog,
    config::Config,
    current_status::CurrentStatus,
    dashboard::Dashboard,
    health::{Health, HealthInput, HealthInputs, RecentError, SWEEP, WorkerRun, WorkerSchedule, judge},
    ports::{ObjectStore, Table},
    report::Report,
    time::Time,
};

/// Whether Onlooker works, and what the newest report says.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitoredState {
    /// Whether Onlooker works.
    pub health: Health,
    /// The newest report in numbers.
    pub dashboard: Dashboard,
}

/// What a state keeps of its sweeps.
#[derive(Clone, Debug)]
pub struct SweepHistory {
    /// The newest report, or why it cannot be read.
    pub report: HealthInput<Report>,
    /// When the last sweep was made; absent without a sweep.
    pub swept_at: Option<Time>,
    /// Age in seconds above which the last sweep and its evidence are late.
    pub max_age_seconds: u32,
    /// Why there is no audit trail, if there is no state.
    pub missing: Option<String>,
}

/// Reads values, and keeps the answers of the audit trail and the newest report from one reading to the next.
pub struct HealthReader<'a> {
    store: &'a dyn ObjectStore,
    config: &'a Config,
    catalog: &'a Catalog,
    trail: AuditReader<'a>,
    /// The newest report of a deployment, by its key. A report under a key does not change.
    newest: Option<(String, Report)>,
}

impl<'a> HealthReader<'a> {
    /// Reads from a store with an audit trail and, of a deployment, with its reports. `threads` is the number of batches that are
    /// read at the same time.
    pub fn new(store: &'a dyn ObjectStore, config: &'a Config, catalog: &'a Catalog, threads: usize) -> Self {
        let trail = AuditReader::new(store, config.audit.cached_batches(), threads);
        Self { store, config, catalog, trail, newest: None }
    }

    /// The state of a deployment.
    pub fn deployment(&mut self, table: &dyn Table, now: Time) -> MonitoredState {
        let current = super::publish::latest(table);
        let (key, report) = match deployment::newest_report_key(&current) {
            Ok(key) => {
                let known = self.newest.take().filter(|(known, _)| *known == key);
                let report = match known {
                    Some((_, report)) => HealthInput::Known(report),
                    None => deployment::report(self.store, &key),
                };
                (key, report)
            }
            Err(why) => (String::new(), HealthInput::Unknown(why)),
        };
        let current = current.ok().flatten();
        let interval = deployment::report_interval(current.as_ref());
        let (workers, account) = deployment::workers(table, interval);
        let lookups = deployment::last_lookups(&workers);
        let inputs = HealthInputs {
            max_age_seconds: deployment::max_age(interval),
            write_queue: deployment::write_queue(table, now),
            dead_letters: deployment::dead_letters(table, now),
            open_breakers: deployment::open_breakers(table, now),
            recent_errors: deployment::recent_errors(table, now),
            workers,
            account,
            ..self.inputs(&report, lookups, None, audit_trail::MAX_LISTED, now)
        };
        let state = state(&inputs, report.known(), current.as_ref(), now);
        if let HealthInput::Known(report) = report {
            self.newest = Some((key, report));
        }
        state
    }

    /// The state of the sweeps of a machine.
    pub fn sweeps(&mut self, history: &SweepHistory, now: Time) -> MonitoredState {
        let worker = WorkerRun {
            name: SWEEP.to_owned(),
            schedule: WorkerSchedule::Within(history.max_age_seconds),
            ended_at: history.swept_at,
            succeeded_at: history.swept_at,
            error: None,
            notes: Vec::new(),
            metrics: report_values::sweep_metrics(history.report.known()),
        };
        let inputs = HealthInputs {
            max_age_seconds: history.max_age_seconds,
            workers: HealthInput::Known(vec![worker]),
            ..self.inputs(&history.report, None, history.missing.as_deref(), usize::MAX, now)
        };
        let inputs = HealthInputs {
            write_queue: HealthInput::not_applicable("a command writes its buffer before it ends"),
            dead_letters: HealthInput::not_applicable(
                "a sweep has no queue; its unreadable files are in the report",
            ),
            open_breakers: HealthInput::not_applicable("a sweep has no circuit breaker"),
            recent_errors: HealthInput::Known(Vec::<RecentError>::new()),
            ..inputs
        };
        state(&inputs, history.report.known(), None, now)
    }

    /// The values that come from the report, the audit trail and the catalog.
    fn inputs(
        &mut self,
        report: &HealthInput<Report>,
        lookups: Option<(u64, u64)>,
        missing: Option<&str>,
        most_listed: usize,
        now: Time,
    ) -> HealthInputs {
        let ReportValues { findings, logging, digests, coverage } = ReportValues::of(report);
        let trail = match missing {
            Some(why) => TrailValues::unknown(why),
            None => {
                let reading = TrailReading { has_limit: self.config.audit.rate_limit > 0, most_listed };
                audit_trail::read(self.store, &mut self.trail, lookups, reading, now)
            }
        };
        let unread = || "not read".to_owned();
        HealthInputs {
            now,
            max_age_seconds: 0,
            write_queue: HealthInput::Unknown(unread()),
            workers: HealthInput::Unknown(unread()),
            audit_store: trail.size,
            rate_limits: trail.rate_limits,
            findings,
            query_cache: trail.cache,
            logging,
            digests,
            dead_letters: HealthInput::Unknown(unread()),
            coverage,
            catalog_date: catalog_date(self.catalog),
            open_breakers: HealthInput::Unknown(unread()),
            recent_errors: HealthInput::Unknown(unread()),
            account: None,
            monitoring: self.config.monitoring.clone(),
        }
    }
}

fn state(
    inputs: &HealthInputs,
    report: Option<&Report>,
    current: Option<&CurrentStatus>,
    now: Time,
) -> MonitoredState {
    MonitoredState { health: judge(inputs), dashboard: Dashboard::of(report, current, now) }
}

/// The date with which the version of a catalog begins, such as `2026.09.26`.
fn catalog_date(catalog: &Catalog) -> HealthInput<Time> {
    let version = catalog.version();
    let date = version.get(..10).map(|date| date.replace('.', "-"));
    match date.and_then(|date| Time::parse(&format!("{date}T00:00:00Z"))) {
        Some(date) => HealthInput::Known(date),
        None => HealthInput::Unknown(format!(
            "the version `{}` of the catalog is not a date",
            crate::escape::escape_hidden(version)
        )),
    }
}
