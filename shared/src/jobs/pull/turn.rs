//! One turn of one lane.
//!
//! Enters: a lane, and time to spend on it. Leaves: closed slices, kept, noted and passed by the checkpoint, in this
//! order; then second looks. Laws: without the lease nothing is asked; the checkpoint never passes a moment whose slice was
//! not kept; whichever call fails, or is the last one of a run that dies, the next run goes on from there.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{
    Failure, Order, Ports, Pulled,
    checkpoint::{Checkpoint, Note, Stored, due},
    lease::{self, Taken},
};
use crate::{
    jobs::{
        evidence::{self, Batch, keep},
        history::{Closed, Contents, History, Lane, Slice, Stop, earliest},
    },
    ports::Table,
    report::hex,
    time::{HOUR, Time},
};

/// A lane at work.
pub(super) struct Turn<'t, 'a> {
    pub(super) ports: Ports<'a>,
    pub(super) order: Order<'a>,
    pub(super) lane: &'a Lane,
    /// When the run began.
    pub(super) now: Time,
    /// Time that must be left when the turn ends.
    pub(super) spare: Duration,
    /// The account of it.
    pub(super) pulled: &'t mut Pulled,
}

impl Turn<'_, '_> {
    /// Takes the turn. Whether the lane could use another one.
    pub(super) fn take(mut self) -> bool {
        match self.try_take() {
            Ok(done) => !done,
            Err(failure) => {
                self.pulled.error.get_or_insert_with(|| format!("{}: {failure}", self.lane));
                false
            }
        }
    }

    fn try_take(&mut self) -> Result<bool, Failure> {
        let Ports { trail, clock, house } = self.ports;
        let table = house.table;
        let lease = match lease::take(table, clock, self.lane, self.order.run)? {
            Taken::Ours(lease) => lease,
            Taken::Theirs { holder, until } => {
                self.pulled.left_to = Some(format!("{holder} until {until}"));
                return Ok(true);
            }
        };
        let mut history = History::of(self.lane, trail, clock, self.order.config);
        history.spare(self.spare);
        if lease.fresh {
            history.hold();
        }
        let done = self.work(&mut history);
        self.pulled.add(history.effort());
        let released = lease.release(table, clock);
        let done = done?;
        released?;
        Ok(done)
    }

    /// Fresh slices first, then second looks. Whether all is done.
    fn work(&mut self, history: &mut History<'_>) -> Result<bool, Failure> {
        let mut stored = match Stored::read(self.table(), self.lane)? {
            Some(stored) => stored,
            None => Stored::new(self.lane, self.first()),
        };
        let result = self.fresh(history, &mut stored);
        self.tell(&stored.checkpoint);
        if !result? {
            return Ok(false);
        }
        let done = self.look_again(history, &mut stored);
        self.tell(&stored.checkpoint);
        done
    }

    /// Where a lane begins that was never looked into.
    fn first(&self) -> Checkpoint {
        let back = self.order.config.lookup.lookback_hours.saturating_mul(HOUR);
        let since = Time(self.now.0.saturating_sub(back)).hour().start().max(earliest(self.now));
        let again = Time(self.now.0.saturating_sub(due(Time(0)).0)).hour().start().max(since);
        Checkpoint { since, until: since, again, length: self.longest() }
    }

    /// Closes slice after slice. `Ok(false)`: time was up.
    fn fresh(&mut self, history: &mut History<'_>, stored: &mut Stored) -> Result<bool, Failure> {
        loop {
            let from = stored.checkpoint.until.max(earliest(self.now));
            let mut length = stored.checkpoint.length.clamp(1, self.longest());
            let closed = history.close(from, self.end(), &mut length, self.longest());
            stored.checkpoint.length = length;
            match closed {
                Ok(Some(closed)) => self.pass(closed, stored)?,
                Ok(None) => return Ok(true),
                Err(Stop::Time) => {
                    stored.write(self.table())?;
                    return Ok(false);
                }
                Err(Stop::Failed(error)) => return Err(error.into()),
            }
        }
    }

    /// Keeps a slice, notes it, and lets the checkpoint pass it.
    fn pass(&mut self, closed: Closed, stored: &mut Stored) -> Result<(), Failure> {
        let note = Note::of(&closed, self.now);
        let Closed { slice, contents, .. } = closed;
        let (events, unreadable) = (contents.segment.rows().len() as u64, contents.unreadable.len() as u64);
        let dropped = contents.dropped;
        self.keep(slice, 1, contents)?;
        note.write(self.table(), self.lane)?;
        stored.checkpoint.until = slice.until;
        let written = stored.write(self.table());
        if written.is_err() {
            // Nobody knows whether it passed; what is told is not to be too much.
            stored.checkpoint.until = slice.since;
        }
        written?;
        self.pulled.slices += 1;
        self.pulled.events += events;
        self.pulled.unreadable += unreadable;
        self.pulled.dropped += dropped;
        Ok(())
    }

    /// Keeps what a slice holds, under a hash of place, times and content: a slice that is begun again after a failure
    /// may hold events that came in between, and must not pass for the one that was kept.
    pub(super) fn keep(&self, slice: Slice, pass: u8, contents: Contents) -> Result<(), Failure> {
        let read = contents.as_object(self.lane, slice);
        let name = format!("{}?pass={pass}&evidence={}", read.object.name, read.sha256);
        let mut batch = Batch::new(evidence::Lane::Lookup, hex(&Sha256::digest(name)));
        batch.only_what(contents.watches);
        batch.add(contents.segment, slice.since.hour(), read);
        keep(self.ports.house, batch)?;
        Ok(())
    }

    /// Where checkpoints lie.
    pub(super) fn table(&self) -> &dyn Table {
        self.ports.house.table
    }

    fn tell(&mut self, checkpoint: &Checkpoint) {
        self.pulled.closed_until = Some(checkpoint.until);
        self.pulled.again_until = Some(checkpoint.again);
        self.pulled.behind = Some(self.end().since(checkpoint.until));
    }

    /// Up to when events have had time to arrive.
    fn end(&self) -> Time {
        Time(self.now.0.saturating_sub(self.order.config.lookup.lag_minutes.saturating_mul(60)))
    }

    /// Seconds of the longest slice.
    pub(super) fn longest(&self) -> u32 {
        self.order.config.lookup.slice_minutes.saturating_mul(60).max(1)
    }

    /// What is left of the time for this turn.
    pub(super) fn left(&self) -> Duration {
        self.ports.clock.remaining().saturating_sub(self.spare)
    }
}
