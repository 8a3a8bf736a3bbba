//! One turn of one account and region.
//!
//! Enters: an account and region, and the time for it. Leaves: completed slices: each is stored, then recorded, then
//! passed by the checkpoint; after that, second lookups. Laws: without the lease no request is sent; the checkpoint
//! never moves past a slice that is not stored; whichever call fails or is the last one before a kill, the next run
//! continues from there.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{
    PullError, PullOutcome, PullPorts, PullTask,
    checkpoint::{Checkpoint, SliceRecord, StoredCheckpoint, second_lookup_due},
    lease::{self, LeaseAttempt},
};
use crate::{
    hex::hex,
    jobs::{
        evidence::{self, EvidenceBatch, store_batch},
        history::{
            AccountRegion, CompletedSlice, HistoryReader, LookupStop, SliceContents, TimeSlice,
            earliest_available,
        },
    },
    ports::Table,
    time::{HOUR_SECONDS, Time},
};

/// The turn of an account and region.
pub(super) struct PullTurn<'t, 'a> {
    pub(super) ports: PullPorts<'a>,
    pub(super) task: PullTask<'a>,
    pub(super) account_region: &'a AccountRegion,
    /// Time at which the run started.
    pub(super) now: Time,
    /// Time that must remain when the turn ends.
    pub(super) reserved: Duration,
    /// Outcome of the pull so far.
    pub(super) outcome: &'t mut PullOutcome,
}

impl PullTurn<'_, '_> {
    /// Runs the turn. Returns whether another turn is useful.
    pub(super) fn run(mut self) -> bool {
        match self.try_run() {
            Ok(done) => !done,
            Err(failure) => {
                self.outcome.error.get_or_insert_with(|| format!("{}: {failure}", self.account_region));
                false
            }
        }
    }

    fn try_run(&mut self) -> Result<bool, PullError> {
        let PullPorts { cloudtrail, clock, evidence: evidence_store } = self.ports;
        let table = evidence_store.table;
        let lease = match lease::acquire(table, clock, self.account_region, self.task.run_id)? {
            LeaseAttempt::Acquired(lease) => {
                self.outcome.leased_by = None;
                lease
            }
            LeaseAttempt::HeldByOther { holder, until } => {
                self.outcome.leased_by = Some(format!("{holder} until {until}"));
                return Ok(true);
            }
        };
        let mut history = HistoryReader::new(self.account_region, cloudtrail, clock, self.task.config);
        history.reserve_time(self.reserved);
        if let Some(audit) = self.task.audit {
            history.record_calls(audit.criteria);
        }
        if lease.was_just_released {
            history.assume_recent_request();
        }
        let done = self.pull_slices(&mut history);
        self.outcome.add(history.statistics());
        let released = lease.release(table, clock);
        let done = done?;
        released?;
        Ok(done)
    }

    /// Pulls new slices, then does second lookups. Returns whether everything is done.
    fn pull_slices(&mut self, history: &mut HistoryReader<'_>) -> Result<bool, PullError> {
        let mut stored = match StoredCheckpoint::read(self.table(), self.account_region)? {
            Some(stored) => stored,
            None => StoredCheckpoint::new(self.account_region, self.initial_checkpoint()),
        };
        let result = self.pull_new_slices(history, &mut stored);
        self.record_progress(&stored.checkpoint);
        if !result? {
            return Ok(false);
        }
        let done = self.run_second_lookups(history, &mut stored);
        self.record_progress(&stored.checkpoint);
        done
    }

    /// The checkpoint of an account and region that has none.
    fn initial_checkpoint(&self) -> Checkpoint {
        // A report that is made now ends with the last settled hour, and its period has to be covered from its start.
        let lookup = &self.task.config.lookup;
        let back =
            lookup.lookback_hours.saturating_mul(HOUR_SECONDS).saturating_add(lookup.settling_seconds());
        let since = Time(self.now.0.saturating_sub(back)).hour().start().max(earliest_available(self.now));
        let second_lookup_until =
            Time(self.now.0.saturating_sub(second_lookup_due(Time(0)).0)).hour().start().max(since);
        Checkpoint {
            since,
            complete_until: since,
            second_lookup_until,
            slice_seconds: self.max_slice_seconds(),
        }
    }

    /// Completes slice after slice. `Ok(false)`: the time ran out.
    fn pull_new_slices(
        &mut self,
        history: &mut HistoryReader<'_>,
        stored: &mut StoredCheckpoint,
    ) -> Result<bool, PullError> {
        loop {
            let from = stored.checkpoint.complete_until.max(earliest_available(self.now));
            let mut length = stored.checkpoint.slice_seconds.clamp(1, self.max_slice_seconds());
            let completed =
                history.complete_slice(from, self.settled_until(), &mut length, self.max_slice_seconds());
            stored.checkpoint.slice_seconds = length;
            match completed {
                Ok(Some(completed)) => self.commit_slice(completed, stored)?,
                Ok(None) => return Ok(true),
                Err(LookupStop::OutOfTime) => {
                    stored.write(self.table())?;
                    return Ok(false);
                }
                Err(LookupStop::Failed(error)) => return Err(error.into()),
            }
        }
    }

    /// Stores a slice, records it, and moves the checkpoint past it.
    fn commit_slice(
        &mut self,
        completed: CompletedSlice,
        stored: &mut StoredCheckpoint,
    ) -> Result<(), PullError> {
        let record = SliceRecord::new(&completed, self.now);
        let CompletedSlice { slice, contents, .. } = completed;
        let events = contents.segment.rows().iter().filter(|row| !slice.ends_at(row.time)).count() as u64;
        let unreadable = contents.unreadable.len() as u64;
        let dropped = contents.dropped;
        self.store_slice(slice, 1, contents)?;
        record.write(self.table(), self.account_region)?;
        stored.checkpoint.complete_until = slice.until;
        let written = stored.write(self.table());
        if written.is_err() {
            // It is unknown whether the checkpoint was written, so the outcome reports the earlier time.
            stored.checkpoint.complete_until = slice.since;
        }
        written?;
        self.outcome.slices += 1;
        self.outcome.events += events;
        self.outcome.unreadable += unreadable;
        self.outcome.dropped += dropped;
        Ok(())
    }

    /// Stores the contents of a slice under a hash of account, region, times and content. A slice that is restarted
    /// after a failure may contain events that arrived in between, so it must not have the name of the one stored
    /// before.
    pub(super) fn store_slice(
        &self,
        slice: TimeSlice,
        pass: u8,
        contents: SliceContents,
    ) -> Result<(), PullError> {
        // First the entries: a slice with stored evidence is not looked up again.
        if let Some(audit) = self.task.audit {
            audit.store(&contents.audit_entries)?;
        }
        let read = contents.as_object(self.account_region, slice);
        let name = format!("{}?pass={pass}&evidence={}", read.object.name, read.sha256);
        let mut batch = EvidenceBatch::new(evidence::EvidenceSource::Lookup, hex(&Sha256::digest(name)));
        batch.set_watch_fingerprint(contents.watch_fingerprint);
        batch.add(contents.segment, slice.since.hour(), read);
        store_batch(self.ports.evidence, batch)?;
        Ok(())
    }

    /// The table of checkpoints.
    pub(super) fn table(&self) -> &dyn Table {
        self.ports.evidence.table
    }

    fn record_progress(&mut self, checkpoint: &Checkpoint) {
        self.outcome.complete_until = Some(checkpoint.complete_until);
        self.outcome.second_lookup_until = Some(checkpoint.second_lookup_until);
        self.outcome.lag_seconds = Some(self.settled_until().since(checkpoint.complete_until));
    }

    /// Events before this time have had the configured lag to arrive.
    fn settled_until(&self) -> Time {
        Time(self.now.0.saturating_sub(self.task.config.lookup.lag_minutes.saturating_mul(60)))
    }

    /// Maximum length of a slice, in seconds.
    pub(super) fn max_slice_seconds(&self) -> u32 {
        self.task.config.lookup.slice_minutes.saturating_mul(60).max(1)
    }

    /// Time left for this turn.
    pub(super) fn time_left(&self) -> Duration {
        self.ports.clock.remaining().saturating_sub(self.reserved)
    }
}
