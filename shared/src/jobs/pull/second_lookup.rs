//! The second look.
//!
//! Enters: the notes of slices that were closed, a day later. Leaves: evidence that came late. Laws: whatever was closed
//! within a day of its time is looked up once more, once; what shows nothing new is not kept again.

use super::{
    PullError, PullTurn,
    checkpoint::{SliceRecord, StoredCheckpoint, second_lookup_due},
};
use crate::{
    jobs::history::{HistoryReader, LookupStop, MAX_PAGES, REQUEST_INTERVAL, TimeSlice},
    time::{Hour, Time},
};

/// Slices to look up as one.
#[derive(Debug, PartialEq, Eq)]
struct LookupSpan {
    span: TimeSlice,
    /// What the first look saw; `None` where that is not known.
    records_fingerprint: Option<u128>,
}

impl PullTurn<'_, '_> {
    /// Looks up again what is due, as far as time allows. `Ok(false)`: time was up.
    pub(super) fn run_second_lookups(
        &mut self,
        history: &mut HistoryReader<'_>,
        stored: &mut StoredCheckpoint,
    ) -> Result<bool, PullError> {
        let done = self.try_second_lookups(history, stored);
        if !matches!(done, Err(PullError::CheckpointMoved)) {
            stored.write(self.table())?;
        }
        done
    }

    fn try_second_lookups(
        &mut self,
        history: &mut HistoryReader<'_>,
        stored: &mut StoredCheckpoint,
    ) -> Result<bool, PullError> {
        loop {
            let hour = stored.checkpoint.second_lookup_until.hour();
            if hour.end() > stored.checkpoint.complete_until || second_lookup_due(hour.end()) > self.now {
                return Ok(true);
            }
            if self.time_left().is_zero() {
                return Ok(false);
            }
            let notes = SliceRecord::read(self.table(), self.account_region, hour)?;
            let most = u64::try_from(self.time_left().as_millis() / REQUEST_INTERVAL.as_millis())
                .unwrap_or(u64::MAX)
                / 2;
            let (from, piece) =
                next_span(&notes, stored.checkpoint.second_lookup_until, hour, most.min(MAX_PAGES));
            stored.checkpoint.second_lookup_until = from;
            let Some(piece) = piece else { continue };
            if !self.second_lookup(history, &piece)? {
                return Ok(false);
            }
            stored.checkpoint.second_lookup_until = piece.span.until;
            // Not to be looked up once more because of what may come next.
            stored.write(self.table())?;
        }
    }

    /// Looks up slices again, and keeps what they hold if that is more than it was.
    fn second_lookup(
        &mut self,
        history: &mut HistoryReader<'_>,
        piece: &LookupSpan,
    ) -> Result<bool, PullError> {
        let longest = self.max_slice_seconds();
        let window = history.read_window(piece.span, longest, &mut |_| ());
        match window.stopped {
            Some(LookupStop::Failed(error)) => return Err(error.into()),
            Some(LookupStop::OutOfTime) => return Ok(false),
            None => {}
        }
        self.outcome.second_lookups += 1;
        if Some(window.contents.records_fingerprint) != piece.records_fingerprint {
            self.outcome.second_lookups_changed += 1;
            self.store_slice(piece.span, 2, window.contents)?;
        }
        Ok(true)
    }
}

/// Where to go on in an hour after `again`, and what to look up there as one: slices that together had no more pages
/// than `most`, or a single one. Without a piece there is nothing before where to go on.
fn next_span(notes: &[SliceRecord], again: Time, hour: Hour, most: u64) -> (Time, Option<LookupSpan>) {
    let mut rest = notes
        .iter()
        .filter(|note| note.since >= again)
        .skip_while(|note| !note.needs_second_lookup)
        .peekable();
    let Some(first) = rest.next() else { return (hour.end(), None) };
    let (mut pages, mut seen) = (first.pages, first.records_fingerprint());
    // A slice ends where the next one begins, whatever its own note says: it may be of a run that was overtaken.
    let ends = |next: Option<&&SliceRecord>| next.map_or(hour.end(), |next| next.since);
    let mut until = ends(rest.peek());
    while let Some(next) =
        rest.next_if(|next| next.needs_second_lookup && pages.saturating_add(next.pages) <= most)
    {
        pages += next.pages;
        seen = seen.zip(next.records_fingerprint()).map(|(seen, more)| seen.wrapping_add(more));
        until = ends(rest.peek());
    }
    (
        first.since,
        Some(LookupSpan { span: TimeSlice { since: first.since, until }, records_fingerprint: seen }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(since: u32, until: u32, pages: u64, again: bool) -> SliceRecord {
        let seen = format!("{since:x}");
        SliceRecord {
            since: Time(since),
            until: Time(until),
            pages,
            records: 0,
            records_fingerprint: seen,
            needs_second_lookup: again,
        }
    }

    fn span(since: u32, until: u32, seen: u128) -> Option<LookupSpan> {
        Some(LookupSpan {
            span: TimeSlice { since: Time(since), until: Time(until) },
            records_fingerprint: Some(seen),
        })
    }

    #[test]
    fn quiet_slices_are_looked_up_together_and_busy_ones_alone() {
        let notes = [record(0, 900, 1, true), record(900, 1_800, 1, true), record(1_800, 3_600, 40, true)];
        assert_eq!(next_span(&notes, Time(0), Hour(0), 40), (Time(0), span(0, 1_800, 900)));
        assert_eq!(next_span(&notes, Time(1_800), Hour(0), 40), (Time(1_800), span(1_800, 3_600, 1_800)));
        assert_eq!(next_span(&notes, Time(3_600), Hour(0), 40), (Time(3_600), None));
    }

    #[test]
    fn slices_completed_late_are_skipped() {
        let notes = [record(0, 900, 1, false), record(900, 1_800, 1, true), record(1_800, 3_600, 1, false)];
        assert_eq!(next_span(&notes, Time(0), Hour(0), 40), (Time(900), span(900, 1_800, 900)));
        assert_eq!(next_span(&notes, Time(1_800), Hour(0), 40), (Time(3_600), None));
    }

    #[test]
    fn a_slice_record_that_ends_early_leaves_no_gap() {
        let notes = [record(0, 300, 1, true), record(1_800, 3_000, 1, true)];
        assert_eq!(next_span(&notes, Time(0), Hour(0), 40), (Time(0), span(0, 3_600, 1_800)));
    }
}
