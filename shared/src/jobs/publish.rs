//! From stored evidence to a published report, and to the current status.
//!
//! Enters: a window, the function that makes a report, the table, the store and notification sinks. Leaves: report
//! objects, findings, the current status and its notifications. Laws: a published report is never changed, only
//! followed by another revision; a report that could not be published is pending, and the next run starts with it; a
//! run that fails revokes the current status and returns an error; a run that is killed at any point and retried
//! leaves the same items and objects, and repeats at most the notification it was sending.
//!
//! A run publishes, in this order: the pending reports of earlier runs; the report on its own window; the current
//! status, if nothing has failed; and, if nothing was pending and time allows, the two windows before its own again,
//! for late evidence.

mod finding_history;
mod latest_report;
mod pending;
mod publish_run;
mod revision;
mod status;
mod window;

use std::{collections::BTreeSet, error::Error};

use self::publish_run::PublishRun;
pub use self::{
    finding_history::{FindingChanges, FindingRecord},
    latest_report::{LATEST_HTML, LATEST_INDEX, LATEST_JSON},
    pending::{MAX_ATTEMPTS, PendingReport, list_pending},
    revision::{RevisionRecord, list_revisions},
    status::{history, latest},
    window::{MAX_WINDOW_SECONDS, ReportPurpose, ReportRequestError, ReportWindow},
};
use super::{
    evaluation::{EvaluationCriteria, evaluate},
    evidence::{CollectedEvidence, EvidenceSource, EvidenceStore, collect},
    history::AccountRegion,
    notifications::{NotificationError, Notifier},
};
use crate::{
    config::{DeliveryPolicy, RetentionSettings},
    current_status::CurrentStatus,
    ports::{Clock, LatestReports, NotificationSink, ObjectStore, PortError, PortErrorKind, Table},
    render::{
        Format,
        emf::{MetricUnit, Metrics},
    },
    report::{Report, ReportRun},
    score::Status,
};

/// Any error of making a report.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Makes the report on a window: collects its evidence and evaluates it. `run` carries what is known of the run so
/// far.
pub type ReportFn<'a> = &'a dyn Fn(ReportWindow, ReportRun) -> Result<Report, BoxError>;

/// Returns a function that makes reports from stored evidence on this number of threads. The event history of
/// `account_regions` is pulled; that of `not_looked_up` is not, because no role for it is set.
pub fn report_from_evidence<'a>(
    evidence_store: &'a EvidenceStore<'_>,
    criteria: EvaluationCriteria<'a>,
    account_regions: &'a [AccountRegion],
    not_looked_up: &'a BTreeSet<String>,
    threads: usize,
) -> impl Fn(ReportWindow, ReportRun) -> Result<Report, BoxError> + 'a {
    move |window, run| {
        let span = (window.since, window.until);
        let collected = collect(evidence_store, criteria.config, span, threads)?;
        let CollectedEvidence { summary, inputs, removed_before, restored } =
            collected.expect_account_regions(account_regions, criteria.config, span);
        // Where log files count, the event history adds nothing.
        let counts = EvidenceSource::for_hour(window.since.hour(), criteria.config) == EvidenceSource::Lookup;
        let accounts_not_looked_up = if counts { not_looked_up.clone() } else { BTreeSet::new() };
        let run = ReportRun {
            accounts_not_looked_up,
            evidence_removed_before: removed_before,
            index_restored: restored,
            ..inputs.fill_run(run)
        };
        Ok(evaluate(summary, criteria, run)?)
    }
}

/// Publishes reports and keeps the current status.
#[derive(Clone, Copy)]
pub struct ReportPublisher<'a> {
    /// Revisions, findings and the current status.
    pub table: &'a dyn Table,
    /// Where reports are stored.
    pub store: &'a dyn ObjectStore,
    /// Where changes of the status are sent.
    pub sinks: &'a [&'a dyn NotificationSink],
    /// Which changes of the status are sent. They are rare, so they wait for no digest.
    pub policy: DeliveryPolicy,
    /// Where each new revision of a report is announced, whatever the policy.
    pub report_sinks: &'a [&'a dyn NotificationSink],
    /// Where the newest report and the index are kept under keys that do not change, if anywhere.
    pub latest_reports: Option<&'a dyn LatestReports>,
    /// Bucket of the store, for the events about reports.
    pub bucket: &'a str,
    /// Clock that gives the current time.
    pub clock: &'a dyn Clock,
    /// Formats in which a report is stored, besides JSON and HTML, which always are.
    pub formats: &'a [&'static Format],
    /// Makes the report on a window.
    pub make_report: ReportFn<'a>,
    /// Account of the deployment, for keys.
    pub account: &'a str,
    /// Number of seconds from one scheduled run to the next; the current status is valid for two intervals.
    pub interval_seconds: u32,
    /// How long history is kept.
    pub retention: &'a RetentionSettings,
}

/// A report that a run published.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedReport {
    /// Window of the report.
    pub window: ReportWindow,
    /// Why the window was evaluated.
    pub purpose: ReportPurpose,
    /// The newest revision of the report.
    pub revision: RevisionRecord,
    /// Whether this run created it.
    pub is_new: bool,
    /// How the report changes the findings.
    pub findings: FindingChanges,
}

/// What a run published.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublishedReports {
    /// Reports, in the order of publication; the requested one is found by its window.
    pub reports: Vec<PublishedReport>,
    /// The current status; absent when the run did not update it.
    pub current_status: Option<CurrentStatus>,
    /// Pending reports that failed too often to be retried automatically.
    pub parked: Vec<PendingReport>,
    /// Whether earlier windows were skipped because the time ran out.
    pub ran_out_of_time: bool,
}

/// Why a report was not published, or why a step after it failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot publish the report about {window}: {kind}")]
pub struct PublishError {
    /// The first window that failed.
    pub window: ReportWindow,
    /// Why the report was not published.
    #[source]
    pub kind: Box<PublishErrorKind>,
    /// Further errors: of other windows, and of revoking the current status.
    pub other_errors: Vec<String>,
    /// The current status after the failure.
    pub current_status: Box<CurrentStatus>,
}

impl PublishError {
    /// The metrics of the run that failed: the current status.
    pub fn metrics(&self) -> Metrics {
        with_status(Metrics::default(), self.current_status.status)
    }
}

/// The cause of a [`PublishError`].
#[derive(Debug, thiserror::Error)]
pub enum PublishErrorKind {
    /// The table or the store failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The report could not be made.
    #[error("cannot make a report from the evidence: {0}")]
    Evidence(#[source] BoxError),
    /// A table item cannot be decoded.
    #[error("cannot decode the item `{name}`: {cause}")]
    DamagedItem {
        /// Name of the item.
        name: String,
        /// Why the item could not be decoded.
        #[source]
        cause: serde_json::Error,
    },
    /// The store has a different object under the key.
    #[error(
        "`{key}` already exists and is a different report: it was not overwritten; find out who wrote it"
    )]
    AlreadyExists {
        /// Key of the existing object.
        key: String,
    },
    /// Other runs wrote first in every attempt.
    #[error("other runs are publishing the same report: try again")]
    Contended,
    /// A notification could not be sent.
    #[error(transparent)]
    Notification(#[from] NotificationError),
}

/// The error of serializing a value; no known report causes it.
pub(super) fn serialization_error(
    name: impl Into<String>,
    cause: impl Error + Send + Sync + 'static,
) -> PortError {
    PortError { operation: "render", name: name.into(), kind: PortErrorKind::Other, cause: Box::new(cause) }
}

impl<'a> ReportPublisher<'a> {
    fn notifier(&self) -> Notifier<'a> {
        let policy = self.policy.without_digest();
        Notifier { table: self.table, sinks: self.sinks, clock: self.clock, policy }
    }
}

/// Publishes the pending reports and the report on a window. `run` carries id, caller, request and start time.
///
/// # Errors
/// [`PublishError`]: try again; failed reports are recorded as pending if the table could be written.
pub fn publish(
    publisher: &ReportPublisher<'_>,
    window: ReportWindow,
    purpose: ReportPurpose,
    run: &ReportRun,
) -> Result<PublishedReports, PublishError> {
    let mut publish_run =
        PublishRun { publisher, run, published: PublishedReports::default(), failures: Vec::new() };
    let mut own = PendingReport { window, purpose, attempts: 0, reason: None };
    let pending = match list_pending(publisher) {
        Ok(pending) => pending,
        Err(error) => {
            publish_run.failures.push((own, error));
            return publish_run.finish(None);
        }
    };
    let (before, pending): (Vec<_>, Vec<_>) =
        pending.into_iter().partition(|pending| pending.window == window);
    if let Some(before) = before.into_iter().next() {
        own.attempts = before.attempts;
        if purpose == ReportPurpose::Requested && before.purpose != ReportPurpose::Requested {
            own.purpose = ReportPurpose::LateEvidence;
        }
    }
    let was_attempted = own.attempts > 0;
    let (parked, pending): (Vec<_>, Vec<_>) = pending.into_iter().partition(PendingReport::is_parked);
    publish_run.published.parked = parked;
    let nothing_pending = pending.is_empty();
    for mut pending in pending {
        if pending.purpose == ReportPurpose::Current {
            pending.purpose = ReportPurpose::LateEvidence;
        }
        publish_run.publish(pending);
    }
    let Some(report_revision) = publish_run.publish(own) else { return publish_run.finish(None) };
    if purpose == ReportPurpose::Current && publish_run.failures.is_empty() {
        let renewed = status::update(publisher, &report_revision, run)
            .and_then(|status| {
                if report_revision.is_new || was_attempted {
                    latest_report::write(publisher)?;
                }
                Ok(status)
            })
            .and_then(|status| pending::remove(publisher, window).map(|()| status));
        match renewed {
            Ok(status) => publish_run.published.current_status = Some(status),
            Err(error) => {
                publish_run
                    .failures
                    .push((PendingReport { window, purpose, attempts: 0, reason: None }, error));
            }
        }
        if nothing_pending && publish_run.failures.is_empty() {
            publish_run.recheck_earlier_windows(window);
        }
    }
    publish_run.finish(Some(&report_revision).filter(|_| purpose == ReportPurpose::Current))
}

/// Adds the status as a number, so that an alarm can compare it; in a discovery nothing.
fn with_status(metrics: Metrics, status: Option<Status>) -> Metrics {
    let number = match status {
        None => return metrics,
        Some(Status::Compliant) => 0.0,
        Some(Status::InsufficientEvidence) => 1.0,
        Some(Status::NonCompliant) => 2.0,
    };
    metrics.with("status", MetricUnit::None, number)
}

impl PublishedReports {
    /// The metrics of the run, for its record and for CloudWatch.
    pub fn metrics(&self) -> Metrics {
        let sum = |value: fn(&PublishedReport) -> u64| self.reports.iter().map(value).sum();
        let current = self.reports.iter().find(|report| report.purpose == ReportPurpose::Current);
        let metrics = Metrics::default()
            .count("reports", self.reports.len() as u64)
            .count("revisions", sum(|report| u64::from(report.is_new)))
            .count("parked", self.parked.len() as u64);
        let metrics = with_status(metrics, self.current_status.as_ref().and_then(|current| current.status));
        let Some(PublishedReport { revision, findings, .. }) = current else { return metrics };
        let metrics = metrics
            .count("findings", findings.open)
            .count("findings_opened", findings.opened)
            .count("findings_resolved", findings.resolved)
            .score("score", revision.report.compliance_score);
        match revision.report.risk_score {
            Some(risk) => metrics.with("risk", MetricUnit::None, risk),
            None => metrics,
        }
    }
}
