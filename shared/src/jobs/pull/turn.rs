//! One turn of one lane.
//!
//! Enters: a lane, and time to spend on it. Leaves: closed slices, kept, noted and passed by the checkpoint, in this
//! order; then second looks. Laws: without the lease nothing is asked; the checkpoint never passes a moment whose slice was
//! not kept; whichever call fails, or is the last one of a run that dies, the next run goes on from there.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{
    PullError, PullOutcome, PullPorts, PullTask,
    checkpoint::{Checkpoint, SliceRecord, StoredCheckpoint, second_lookup_due},
    lease::{self, LeaseAttempt},
};
use crate::{
    jobs::{
        evidence::{self, EvidenceBatch, store_batch},
        history::{
            AccountRegion, CompletedSlice, HistoryReader, LookupStop, SliceContents, TimeSlice,
            earliest_available,
        },
    },
    ports::Table,
    report::hex,
    time::{HOUR_SECONDS, Time},
};

/// A lane at work.
pub(super) struct PullTurn<'t, 'a> {
    pub(super) ports: PullPorts<'a>,
    pub(super) task: PullTask<'a>,
    pub(super) account_region: &'a AccountRegion,
    /// When the run began.
    pub(super) now: Time,
    /// Time that must be left when the turn ends.
    pub(super) reserved: Duration,
    /// The account of it.
    pub(super) outcome: &'t mut PullOutcome,
}

impl PullTurn<'_, '_> {
    /// Takes the turn. Whether the lane could use another one.
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
        let PullPorts { cloudtrail: trail, clock, evidence: house } = self.ports;
        let table = house.table;
        let lease = match lease::acquire(table, clock, self.account_region, self.task.run_id)? {
            LeaseAttempt::Acquired(lease) => lease,
            LeaseAttempt::HeldByOther { holder, until } => {
                self.outcome.leased_by = Some(format!("{holder} until {until}"));
                return Ok(true);
            }
        };
        let mut history = HistoryReader::new(self.account_region, trail, clock, self.task.config);
        history.reserve_time(self.reserved);
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

    /// Fresh slices first, then second looks. Whether all is done.
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

    /// Where a lane begins that was never looked into.
    fn initial_checkpoint(&self) -> Checkpoint {
        let back = self.task.config.lookup.lookback_hours.saturating_mul(HOUR_SECONDS);
        let since = Time(self.now.0.saturating_sub(back)).hour().start().max(earliest_available(self.now));
        let again = Time(self.now.0.saturating_sub(second_lookup_due(Time(0)).0)).hour().start().max(since);
        Checkpoint {
            since,
            complete_until: since,
            second_lookup_until: again,
            slice_seconds: self.max_slice_seconds(),
        }
    }

    /// Closes slice after slice. `Ok(false)`: time was up.
    fn pull_new_slices(
        &mut self,
        history: &mut HistoryReader<'_>,
        stored: &mut StoredCheckpoint,
    ) -> Result<bool, PullError> {
        loop {
            let from = stored.checkpoint.complete_until.max(earliest_available(self.now));
            let mut length = stored.checkpoint.slice_seconds.clamp(1, self.max_slice_seconds());
            let closed =
                history.complete_slice(from, self.settled_until(), &mut length, self.max_slice_seconds());
            stored.checkpoint.slice_seconds = length;
            match closed {
                Ok(Some(closed)) => self.commit_slice(closed, stored)?,
                Ok(None) => return Ok(true),
                Err(LookupStop::OutOfTime) => {
                    stored.write(self.table())?;
                    return Ok(false);
                }
                Err(LookupStop::Failed(error)) => return Err(error.into()),
            }
        }
    }

    /// Keeps a slice, notes it, and lets the checkpoint pass it.
    fn commit_slice(
        &mut self,
        closed: CompletedSlice,
        stored: &mut StoredCheckpoint,
    ) -> Result<(), PullError> {
        let note = SliceRecord::new(&closed, self.now);
        let CompletedSlice { slice, contents, .. } = closed;
        let (events, unreadable) = (contents.segment.rows().len() as u64, contents.unreadable.len() as u64);
        let dropped = contents.dropped;
        self.store_slice(slice, 1, contents)?;
        note.write(self.table(), self.account_region)?;
        stored.checkpoint.complete_until = slice.until;
        let written = stored.write(self.table());
        if written.is_err() {
            // Nobody knows whether it passed; what is told is not to be too much.
            stored.checkpoint.complete_until = slice.since;
        }
        written?;
        self.outcome.slices += 1;
        self.outcome.events += events;
        self.outcome.unreadable += unreadable;
        self.outcome.dropped += dropped;
        Ok(())
    }

    /// Keeps what a slice holds, under a hash of place, times and content: a slice that is begun again after a failure
    /// may hold events that came in between, and must not pass for the one that was kept.
    pub(super) fn store_slice(
        &self,
        slice: TimeSlice,
        pass: u8,
        contents: SliceContents,
    ) -> Result<(), PullError> {
        let read = contents.as_object(self.account_region, slice);
        let name = format!("{}?pass={pass}&evidence={}", read.object.name, read.sha256);
        let mut batch = EvidenceBatch::new(evidence::EvidenceSource::Lookup, hex(&Sha256::digest(name)));
        batch.set_watch_fingerprint(contents.watch_fingerprint);
        batch.add(contents.segment, slice.since.hour(), read);
        store_batch(self.ports.evidence, batch)?;
        Ok(())
    }

    /// Where checkpoints lie.
    pub(super) fn table(&self) -> &dyn Table {
        self.ports.evidence.table
    }

    fn record_progress(&mut self, checkpoint: &Checkpoint) {
        self.outcome.complete_until = Some(checkpoint.complete_until);
        self.outcome.second_lookup_until = Some(checkpoint.second_lookup_until);
        self.outcome.lag_seconds = Some(self.settled_until().since(checkpoint.complete_until));
    }

    /// Up to when events have had time to arrive.
    fn settled_until(&self) -> Time {
        Time(self.now.0.saturating_sub(self.task.config.lookup.lag_minutes.saturating_mul(60)))
    }

    /// Seconds of the longest slice.
    pub(super) fn max_slice_seconds(&self) -> u32 {
        self.task.config.lookup.slice_minutes.saturating_mul(60).max(1)
    }

    /// What is left of the time for this turn.
    pub(super) fn time_left(&self) -> Duration {
        self.ports.clock.remaining().saturating_sub(self.reserved)
    }
}
