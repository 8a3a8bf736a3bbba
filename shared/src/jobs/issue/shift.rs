//! A run of the report function at work.
//!
//! Enters: reports to issue, one after the other. Leaves: what was issued; or an error, with everything that failed
//! remembered as owed and the standing taken back. Law: a report is owed before it is tried and until everything that
//! follows from it is done.

use std::time::Duration;

use super::{
    IssueError, IssueFault, Issued, Pending, Press, Printed, Purpose, Window,
    edition::{self, Edition, revisions},
    ledger::{Settled, settle},
    pending,
    status::{self, latest},
};
use crate::{render::escape::terminal, report::Run};

/// Windows before the standing one that are looked at once more.
const LOOK_BACK: usize = 2;

/// Longest reason kept with the standing, in bytes.
const REASON: usize = 1_024;

/// A run at work.
pub(super) struct Shift<'a> {
    pub press: &'a Press<'a>,
    pub run: &'a Run,
    pub issued: Issued,
    pub failures: Vec<(Pending, IssueFault)>,
}

impl Shift<'_> {
    /// Issues one report; one that fails is owed.
    pub fn print(&mut self, owed: Pending) -> Option<Edition> {
        let owed = Pending { attempts: owed.attempts.saturating_add(1), reason: None, ..owed };
        match self.try_print(&owed) {
            Ok(edition) => Some(edition),
            Err(fault) => {
                self.failures.push((owed, fault));
                None
            }
        }
    }

    fn try_print(&mut self, owed: &Pending) -> Result<Edition, IssueFault> {
        let Pending { window, mut purpose, .. } = *owed;
        pending::remember(self.press, owed)?;
        let edition = edition::publish(self.press, window, purpose, self.run)?;
        if purpose == Purpose::Standing
            && status::is_overtaken(latest(self.press.table)?.as_ref(), &edition.revision.report)
        {
            purpose = Purpose::Late;
        }
        let findings = match purpose {
            Purpose::Asked => Settled::default(),
            Purpose::Standing | Purpose::Late => settle(self.press, &edition, purpose)?,
        };
        // What a run left undone it may not have told of either, whatever it was for.
        if edition.revision.purpose == Purpose::Late || owed.purpose == Purpose::Late && owed.attempts > 1 {
            status::tell_revision(self.press, &edition)?;
        }
        // A standing is owed until it is claimed.
        if owed.purpose != Purpose::Standing {
            pending::forget(self.press, window)?;
        }
        self.issued.reports.push(Printed {
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
    pub fn look_back(&mut self, window: Window) {
        let mut window = window;
        for _ in 0..LOOK_BACK {
            window = window.before();
            match revisions(self.press, window) {
                Ok(revisions) if revisions.is_empty() => continue,
                Ok(_) => {}
                Err(fault) => {
                    let owed = Pending { window, purpose: Purpose::Late, attempts: 0, reason: None };
                    self.failures.push((owed, fault));
                    return;
                }
            }
            let taken = self.press.clock.now().since(self.run.started_at);
            if self.press.clock.remaining() <= Duration::from_secs(u64::from(taken)) {
                self.issued.was_short_of_time = true;
                return;
            }
            self.print(Pending { window, purpose: Purpose::Late, attempts: 0, reason: None });
        }
    }

    /// Ends the run: well, or with everything owed remembered and nothing claimed.
    pub fn end(self, edition: Option<&Edition>) -> Result<Issued, IssueError> {
        let Self { press, run, issued, failures } = self;
        let mut also = Vec::new();
        for (owed, fault) in &failures {
            let owed = Pending { reason: Some(shortened(&fault.to_string())), ..owed.clone() };
            if let Err(error) = pending::remember(press, &owed) {
                also.push(error.to_string());
            }
        }
        let mut failures = failures.into_iter();
        let Some((owed, fault)) = failures.next() else { return Ok(issued) };
        also.extend(failures.map(|(owed, fault)| format!("{}: {fault}", owed.window)));
        let reason = shortened(&format!("the report on {} is not done: {fault}", owed.window));
        let seen = edition.map(|edition| &edition.revision.report);
        also.extend(status::take_back(press, run, &reason, seen));
        Err(IssueError { window: owed.window, fault: Box::new(fault), also })
    }
}

/// What a failure says, in one line that is not too long.
fn shortened(text: &str) -> String {
    let text = terminal(text);
    text.get(..text.floor_char_boundary(REASON)).unwrap_or_default().to_owned()
}
