//! A run of the report function.
//!
//! Enters: reports to publish, one after the other. Leaves: what was published; or an error, after every failed
//! report was recorded as pending and the current status was revoked. Law: a report is recorded as pending before it
//! is attempted and until every step after it is done.

use std::time::Duration;

use super::{
    PendingReport, PublishError, PublishErrorKind, PublishedReport, PublishedReports, ReportPublisher,
    ReportPurpose, ReportWindow,
    finding_history::{FindingChanges, record_findings},
    latest_report, pending,
    revision::{self, ReportRevision, list_revisions},
    status::{self, latest},
};
use crate::{escape::escape_hidden, report::ReportRun};

/// Windows before the current one that are evaluated again.
const EARLIER_WINDOWS: usize = 2;

/// Longest reason stored with the current status, in bytes.
const MAX_REASON_BYTES: usize = 1_024;

/// A run in progress.
pub(super) struct PublishRun<'a> {
    pub publisher: &'a ReportPublisher<'a>,
    pub run: &'a ReportRun,
    pub published: PublishedReports,
    pub failures: Vec<(PendingReport, PublishErrorKind)>,
}

impl PublishRun<'_> {
    /// Publishes one report; if it fails it stays pending.
    pub fn publish(&mut self, pending: PendingReport) -> Option<ReportRevision> {
        let pending = PendingReport { attempts: pending.attempts.saturating_add(1), reason: None, ..pending };
        match self.try_publish(&pending) {
            Ok(report_revision) => Some(report_revision),
            Err(error) => {
                self.failures.push((pending, error));
                None
            }
        }
    }

    fn try_publish(&mut self, pending: &PendingReport) -> Result<ReportRevision, PublishErrorKind> {
        let PendingReport { window, mut purpose, .. } = *pending;
        pending::save(self.publisher, pending)?;
        let report_revision = revision::create_revision(self.publisher, window, purpose, self.run)?;
        if purpose == ReportPurpose::Current
            && status::is_superseded(latest(self.publisher.table)?.as_ref(), &report_revision.revision.report)
        {
            purpose = ReportPurpose::LateEvidence;
        }
        let findings = match purpose {
            ReportPurpose::Requested => FindingChanges::default(),
            ReportPurpose::Current | ReportPurpose::LateEvidence => {
                record_findings(self.publisher, &report_revision, purpose)?
            }
        };
        // An earlier run that failed may not have sent its notification either, whatever the purpose was.
        if report_revision.revision.purpose == ReportPurpose::LateEvidence
            || pending.purpose == ReportPurpose::LateEvidence && pending.attempts > 1
        {
            status::notify_revision(self.publisher, &report_revision)?;
        }
        if report_revision.is_new || pending.attempts > 1 {
            status::notify_issued(self.publisher, &report_revision.revision)?;
        }
        // A report on the current window stays pending until the current status is updated.
        if pending.purpose != ReportPurpose::Current {
            pending::remove(self.publisher, window)?;
        }
        self.published.reports.push(PublishedReport {
            window,
            purpose,
            revision: report_revision.revision.clone(),
            is_new: report_revision.is_new,
            findings,
        });
        Ok(report_revision)
    }

    /// Evaluates the windows before this one again, if they have a published report and the time is enough. A window
    /// is estimated to take as long as the run so far.
    pub fn recheck_earlier_windows(&mut self, window: ReportWindow) {
        let mut window = window;
        for _ in 0..EARLIER_WINDOWS {
            window = window.previous();
            match list_revisions(self.publisher, window) {
                Ok(revisions) if revisions.is_empty() => continue,
                Ok(_) => {}
                Err(error) => {
                    let pending = PendingReport {
                        window,
                        purpose: ReportPurpose::LateEvidence,
                        attempts: 0,
                        reason: None,
                    };
                    self.failures.push((pending, error));
                    return;
                }
            }
            let elapsed = self.publisher.clock.now().since(self.run.started_at);
            if self.publisher.clock.remaining() <= Duration::from_secs(u64::from(elapsed)) {
                self.published.ran_out_of_time = true;
                return;
            }
            self.publish(PendingReport {
                window,
                purpose: ReportPurpose::LateEvidence,
                attempts: 0,
                reason: None,
            });
        }
    }

    /// Ends the run. On failure it records the pending reports and revokes the current status.
    pub fn finish(self, report_revision: Option<&ReportRevision>) -> Result<PublishedReports, PublishError> {
        let Self { publisher, run, published, failures } = self;
        let mut other_errors = Vec::new();
        for (pending, error) in &failures {
            let pending = PendingReport { reason: Some(truncated(&error.to_string())), ..pending.clone() };
            if let Err(error) = pending::save(publisher, &pending) {
                other_errors.push(error.to_string());
            }
        }
        let mut failures = failures.into_iter();
        let Some((pending, error)) = failures.next() else { return Ok(published) };
        other_errors.extend(failures.map(|(pending, error)| format!("{}: {error}", pending.window)));
        let reason = truncated(&format!("cannot publish the report about {}: {error}", pending.window));
        let (revoked, errors) = status::revoke(publisher, run, &reason, report_revision);
        other_errors.extend(errors);
        if let Err(error) = latest_report::write_index(publisher) {
            other_errors.push(error.to_string());
        }
        let (kind, current_status) = (Box::new(error), Box::new(revoked));
        Err(PublishError { window: pending.window, kind, other_errors, current_status })
    }
}

/// The text of an error in one line of limited length.
fn truncated(text: &str) -> String {
    let text = escape_hidden(text);
    text.get(..text.floor_char_boundary(MAX_REASON_BYTES)).unwrap_or_default().to_owned()
}
