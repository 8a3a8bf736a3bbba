//! From kept evidence to an issued report, and to what may be claimed now.
//!
//! Enters: a window, whoever makes a report of it, the table, the store and announcers. Leaves: objects, findings, the
//! standing and its news. Laws: what was issued is never changed, only followed by a revision; a report that could not
//! be issued is owed, and the next run begins with it; a run that fails claims nothing, and fails; killed at any point
//! and tried again it leaves what it would have left, and repeats at most what it was saying.
//!
//! A run does, in this order: what is owed from earlier runs; its own window; the standing, only if nothing has failed
//! so far; and, when nothing was owed and time allows, the two windows before its own once more, for late evidence.

mod finding_history;
mod pending;
mod publish_run;
mod revision;
mod status;
mod window;

use std::error::Error;

use self::publish_run::PublishRun;
pub use self::{
    finding_history::{FindingChanges, FindingRecord},
    pending::{MAX_ATTEMPTS, PendingReport, list_pending},
    revision::{RevisionRecord, list_revisions},
    status::{history, latest},
    window::{MAX_WINDOW_SECONDS, ReportPurpose, ReportRequestError, ReportWindow},
};
use super::{
    evaluation::{EvaluationCriteria, evaluate},
    evidence::{CollectedEvidence, EvidenceStore, collect},
    history::AccountRegion,
    notifications::{NotificationError, Notifier},
};
use crate::{
    config::RetentionSettings,
    current_status::CurrentStatus,
    ports::{Clock, NotificationSink, ObjectStore, PortError, PortErrorKind, Table},
    render::emf::{MetricUnit, Metrics},
    report::{Report, ReportRun},
};

/// Any failure to make a report.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Makes the report on a window: collects its evidence and judges it. `run` carries what is known of the run before.
pub type ReportFn<'a> = &'a dyn Fn(ReportWindow, ReportRun) -> Result<Report, BoxError>;

/// Makes reports of the evidence that is kept, judged by `order`, on so many threads. `lanes` are those whose event
/// history is pulled.
pub fn report_from_evidence<'a>(
    house: &'a EvidenceStore<'_>,
    order: EvaluationCriteria<'a>,
    lanes: &'a [AccountRegion],
    threads: usize,
) -> impl Fn(ReportWindow, ReportRun) -> Result<Report, BoxError> + 'a {
    move |window, run| {
        let span = (window.since, window.until);
        let collected = collect(house, order.config, span, threads)?;
        let CollectedEvidence { summary: dossier, inputs: accounts } =
            collected.expect_account_regions(lanes, order.config, span);
        Ok(evaluate(dossier, order, accounts.fill_run(run))?)
    }
}

/// What issuing takes.
#[derive(Clone, Copy)]
pub struct ReportPublisher<'a> {
    /// Revisions, findings, standing.
    pub table: &'a dyn Table,
    /// Where reports go.
    pub store: &'a dyn ObjectStore,
    /// Who is told of a changed status.
    pub sinks: &'a [&'a dyn NotificationSink],
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who makes reports.
    pub make_report: ReportFn<'a>,
    /// Account the deployment is in, for keys.
    pub account: &'a str,
    /// Seconds from one scheduled run to the next; a standing is valid for two of them.
    pub interval_seconds: u32,
    /// How long the past is remembered.
    pub retention: &'a RetentionSettings,
}

/// A report that is there now.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedReport {
    /// Its window.
    pub window: ReportWindow,
    /// Why it was looked at.
    pub purpose: ReportPurpose,
    /// The newest revision.
    pub revision: RevisionRecord,
    /// Whether this run made it.
    pub is_new: bool,
    /// What became of findings.
    pub findings: FindingChanges,
}

/// What a run has issued.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublishedReports {
    /// Reports, in the order they were looked at; the one asked for is the one of that window.
    pub reports: Vec<PublishedReport>,
    /// What may be claimed now; absent when the run had no say in it.
    pub current_status: Option<CurrentStatus>,
    /// Owed reports that failed too often to be tried by themselves.
    pub parked: Vec<PendingReport>,
    /// Whether windows of the past were left for a run with more time.
    pub ran_out_of_time: bool,
}

/// Why a report was not issued, or not everything that follows from it was done.
#[derive(Debug, thiserror::Error)]
#[error("the report on {window} is not done: {kind}")]
pub struct PublishError {
    /// The first window that failed.
    pub window: ReportWindow,
    /// Why.
    #[source]
    pub kind: Box<PublishErrorKind>,
    /// What could not be done either: other windows, and taking the standing back.
    pub other_errors: Vec<String>,
}

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum PublishErrorKind {
    /// The table or the store failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// There is no report on the evidence.
    #[error("the evidence cannot be reported on: {0}")]
    Evidence(#[source] BoxError),
    /// The table holds something else.
    #[error("the item `{name}` cannot be read: {cause}")]
    DamagedItem {
        /// The item.
        name: String,
        /// Cause.
        #[source]
        cause: serde_json::Error,
    },
    /// The store holds something else.
    #[error("`{key}` is there already and is another report: nothing is written over; find out who wrote it")]
    AlreadyExists {
        /// The key.
        key: String,
    },
    /// Other runs were quicker, again and again.
    #[error("other runs are issuing the same report: try again")]
    Contended,
    /// Somebody was not told.
    #[error(transparent)]
    Notification(#[from] NotificationError),
}

/// What cannot be put into bytes; nothing in a report is known to lead there.
pub(super) fn serialization_error(
    name: impl Into<String>,
    cause: impl Error + Send + Sync + 'static,
) -> PortError {
    PortError { operation: "render", name: name.into(), kind: PortErrorKind::Other, cause: Box::new(cause) }
}

impl<'a> ReportPublisher<'a> {
    fn notifier(&self) -> Notifier<'a> {
        Notifier { table: self.table, sinks: self.sinks, clock: self.clock }
    }
}

/// Issues the report on a window, and whatever is owed. `run` carries id, caller, request and start.
///
/// # Errors
/// [`PublishError`]: try again; what is owed is remembered as far as the table could be reached.
pub fn publish(
    press: &ReportPublisher<'_>,
    window: ReportWindow,
    purpose: ReportPurpose,
    run: &ReportRun,
) -> Result<PublishedReports, PublishError> {
    let mut shift =
        PublishRun { publisher: press, run, published: PublishedReports::default(), failures: Vec::new() };
    let mut own = PendingReport { window, purpose, attempts: 0, reason: None };
    let owed = match list_pending(press) {
        Ok(owed) => owed,
        Err(fault) => {
            shift.failures.push((own, fault));
            return shift.finish(None);
        }
    };
    let (before, owed): (Vec<_>, Vec<_>) = owed.into_iter().partition(|owed| owed.window == window);
    if let Some(before) = before.into_iter().next() {
        own.attempts = before.attempts;
        if purpose == ReportPurpose::Requested && before.purpose != ReportPurpose::Requested {
            own.purpose = ReportPurpose::LateEvidence;
        }
    }
    let (laid_aside, owed): (Vec<_>, Vec<_>) = owed.into_iter().partition(PendingReport::is_parked);
    shift.published.parked = laid_aside;
    let nothing_owed = owed.is_empty();
    for mut owed in owed {
        if owed.purpose == ReportPurpose::Current {
            owed.purpose = ReportPurpose::LateEvidence;
        }
        shift.publish(owed);
    }
    let Some(edition) = shift.publish(own) else { return shift.finish(None) };
    if purpose == ReportPurpose::Current && shift.failures.is_empty() {
        let renewed = status::update(press, &edition, run)
            .and_then(|standing| pending::remove(press, window).map(|()| standing));
        match renewed {
            Ok(standing) => shift.published.current_status = Some(standing),
            Err(fault) => {
                shift.failures.push((PendingReport { window, purpose, attempts: 0, reason: None }, fault));
            }
        }
        if nothing_owed && shift.failures.is_empty() {
            shift.recheck_earlier_windows(window);
        }
    }
    shift.finish(Some(&edition).filter(|_| purpose == ReportPurpose::Current))
}

impl PublishedReports {
    /// The run in figures, for its record and for metrics.
    pub fn metrics(&self) -> Metrics {
        let sum = |figure: fn(&PublishedReport) -> u64| self.reports.iter().map(figure).sum();
        let standing = self.reports.iter().find(|printed| printed.purpose == ReportPurpose::Current);
        let figures = Metrics::default()
            .count("reports", self.reports.len() as u64)
            .count("revisions", sum(|printed| u64::from(printed.is_new)))
            .count("laid_aside", self.parked.len() as u64);
        let Some(PublishedReport { revision, findings, .. }) = standing else { return figures };
        let figures = figures
            .count("findings", findings.open)
            .count("findings_opened", findings.opened)
            .count("findings_resolved", findings.resolved)
            .score("score", revision.report.compliance_score);
        match revision.report.risk_score {
            Some(risk) => figures.with("risk", MetricUnit::None, risk),
            None => figures,
        }
    }
}
