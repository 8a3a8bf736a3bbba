//! Writes and reads the audit trail.
//!
//! Enters: entries, or a question. Leaves: batches in an object store, or the entries that answer. The parts are in files of
//! their own.

mod prune;
mod reader;
mod recent;
mod sealing;
mod trail_writer;
mod written;

pub use self::{
    prune::{PruneOutcome, PrunePlan, TrailChangeError, plan_pruning, prune},
    reader::{AnswerUsage, AuditAnswer, AuditReader, verify_trail},
    recent::{RecentVerification, seal_recent, verify_recent},
    sealing::seal_trail,
    trail_writer::{AuditError, AuditTrail},
    written::{WrittenEntries, written_entries},
};
use crate::{
    audit::{AuditCriteria, AuditTrailEntry},
    catalog::Catalog,
    config::Config,
    time::Time,
};

/// Where a job records the calls that it reads, and what they are recorded with.
#[derive(Clone, Copy, Debug)]
pub struct Auditing<'a> {
    /// The trail.
    pub trail: &'a AuditTrail<'a>,
    /// What calls are recorded with.
    pub criteria: AuditCriteria<'a>,
}

impl<'a> Auditing<'a> {
    /// Records calls in this trail, for a run that began at `now`.
    pub fn new(trail: &'a AuditTrail<'a>, config: &'a Config, catalog: &'a Catalog, now: Time) -> Self {
        Self {
            trail,
            criteria: AuditCriteria {
                config,
                catalog,
                recorded_by: trail.recorded_by(),
                now,
                makes_entries: true,
            },
        }
    }

    /// Adds entries and stores them, if there are any.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn store(&self, entries: &[AuditTrailEntry]) -> Result<(), AuditError> {
        self.trail.add_all(entries, self.criteria.now)
    }
}
