//! A run of the report function at work.
//!
//! Enters: reports to issue, one after the other. Leaves: what was issued; or an error, with everything that failed
//! remembered as owed and the standing taken back. Law: a report is owed before it is tried and until everything that
//! follows from it is done.

use std::time::Duration;

use super::{
    PendingReport, PublishError, PublishErrorKind, PublishedReport, PublishedReports, ReportPublisher,
    ReportPurpose, ReportWindow,
    finding_history::{FindingChanges, record_findings},
    pending,
    revision::{self, ReportRevision, list_revisions},
    status::{self, latest},
};
use crate::{render::escape::terminal, report::ReportRun};

/// Windows before the standing one that are looked at once more.
const EARLIER_WINDOWS: usize = 2;

/// Longest reason kept with the standing, in bytes.
const MAX_REASON_BYTES: usize = 1_024;

/// A run at work.
pub(super) struct PublishRun<'a> {
    pub publisher: &'a ReportPublisher<'a>,
    pub run: &'a ReportRun,
    pub published: PublishedReports,
    pub failures: Vec<(PendingReport, PublishErrorKind)>,
}

impl PublishRun<'_> {
    /// Issues one report; one that fails is owed.
    pub fn publish(&mut self, owed: PendingReport) -> Option<ReportRevision> {
        let owed = PendingReport { attempts: owed.attempts.saturating_add(1), reason: None, ..owed };
        match self.try_publish(&owed) {
            Ok(edition) => Some(edition),
            Err(fault) => {
                self.failures.push((owed, fault));
                None
            }
        }
    }

    fn try_publish(&mut self, owed: &PendingReport) -> Result<ReportRevision, PublishErrorKind> {
        let PendingReport { window, mut purpose, .. } = *owed;
        pending::save(self.publisher, owed)?;
        let edition = revision::create_revision(self.publisher, window, purpose, self.run)?;
        if purpose == ReportPurpose::Current
            && status::is_superseded(latest(self.publisher.table)?.as_ref(), &edition.revision.report)
        {
            purpose = ReportPurpose::LateEvidence;
        }
        let findings = match purpose {
            ReportPurpose::Requested => FindingChanges::default(),
            ReportPurpose::Current | ReportPurpose::LateEvidence => {
                record_findings(self.publisher, &edition, purpose)?
            }
        };
        // What a run left undone it may not have told of either, whatever it was for.
        if edition.revision.purpose == ReportPurpose::LateEvidence
            || owed.purpose == ReportPurpose::LateEvidence && owed.attempts > 1
        {
            status::notify_revision(self.publisher, &edition)?;
        }
        // A standing is owed until it is claimed.
        if owed.purpose != ReportPurpose::Current {
            pending::remove(self.publisher, window)?;
        }
        self.published.reports.push(PublishedReport {
            window,
            purpose,
            revision: edition.revision.clone(),
            is_new: edition.is_new,
            findings,
        });
        Ok(edition)
    }

    /// Looks at the windows before once more, if they were issued and it can be done in time: one takes about as long as
    /// everything so far.
    pub fn recheck_earlier_windows(&mut self, window: ReportWindow) {
        let mut window = window;
        for _ in 0..EARLIER_WINDOWS {
            window = window.previous();
            match list_revisions(self.publisher, window) {
                Ok(revisions) if revisions.is_empty() => continue,
                Ok(_) => {}
                Err(fault) => {
                    let owed = PendingReport {
                        window,
                        purpose: ReportPurpose::LateEvidence,
                        attempts: 0,
                        reason: None,
                    };
                    self.failures.push((owed, fault));
                    return;
                }
            }
            let taken = self.publisher.clock.now().since(self.run.started_at);
            if self.publisher.clock.remaining() <= Duration::from_secs(u64::from(taken)) {
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

    /// Ends the run: well, or with everything owed remembered and nothing claimed.
    pub fn finish(self, edition: Option<&ReportRevision>) -> Result<PublishedReports, PublishError> {
        let Self { publisher: press, run, published: issued, failures } = self;
        let mut also = Vec::new();
        for (owed, fault) in &failures {
            let owed = PendingReport { reason: Some(truncated(&fault.to_string())), ..owed.clone() };
            if let Err(error) = pending::save(press, &owed) {
                also.push(error.to_string());
            }
        }
        let mut failures = failures.into_iter();
        let Some((owed, fault)) = failures.next() else { return Ok(issued) };
        also.extend(failures.map(|(owed, fault)| format!("{}: {fault}", owed.window)));
        let reason = truncated(&format!("the report on {} is not done: {fault}", owed.window));
        let seen = edition.map(|edition| &edition.revision.report);
        also.extend(status::revoke(press, run, &reason, seen));
        Err(PublishError { window: owed.window, kind: Box::new(fault), other_errors: also })
    }
}

/// What a failure says, in one line that is not too long.
fn truncated(text: &str) -> String {
    let text = terminal(text);
    text.get(..text.floor_char_boundary(MAX_REASON_BYTES)).unwrap_or_default().to_owned()
}
