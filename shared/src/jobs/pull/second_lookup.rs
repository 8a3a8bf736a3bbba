//! The second lookup of a slice, a day after the first.
//!
//! Enters: the records of completed slices, a day later. Leaves: evidence that arrived late. Laws: a slice that was
//! completed within a day of its end is looked up once more; if this returns the same records, nothing is stored.

use super::{
    PullError, PullTurn,
    checkpoint::{SliceRecord, StoredCheckpoint, second_lookup_due},
};
use crate::{
    jobs::history::{HistoryReader, LookupStop, MAX_PAGES, REQUEST_INTERVAL, TimeSlice},
    time::{Hour, Time},
};

/// Slices to look up together.
#[derive(Debug, PartialEq, Eq)]
struct LookupSpan {
    span: TimeSlice,
    /// Fingerprint of the records of the first lookup; `None` when unknown.
    records_fingerprint: Option<u128>,
}

impl PullTurn<'_, '_> {
    /// Does the due second lookups as far as the time allows. `Ok(false)`: the time ran out.
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
            let records = SliceRecord::read(self.table(), self.account_region, hour)?;
            let max_pages = u64::try_from(self.time_left().as_millis() / REQUEST_INTERVAL.as_millis())
                .unwrap_or(u64::MAX)
                / 2;
            let (from, lookup) =
                next_span(&records, stored.checkpoint.second_lookup_until, hour, max_pages.min(MAX_PAGES));
            stored.checkpoint.second_lookup_until = from;
            let Some(lookup) = lookup else { continue };
            if !self.second_lookup(history, &lookup)? {
                return Ok(false);
            }
            stored.checkpoint.second_lookup_until = lookup.span.until;
            // Written now, so that a later failure does not repeat this lookup.
            stored.write(self.table())?;
        }
    }

    /// Looks up slices again and stores their contents if they have changed.
    fn second_lookup(
        &mut self,
        history: &mut HistoryReader<'_>,
        lookup: &LookupSpan,
    ) -> Result<bool, PullError> {
        let longest = self.max_slice_seconds();
        let window = history.read_window(lookup.span, longest, &mut |_| ());
        match window.stopped {
            Some(LookupStop::Failed(error)) => return Err(error.into()),
            Some(LookupStop::OutOfTime) => return Ok(false),
            None => {}
        }
        self.outcome.second_lookups += 1;
        if Some(window.contents.records_fingerprint) != lookup.records_fingerprint {
            self.outcome.second_lookups_changed += 1;
            self.store_slice(lookup.span, 2, window.contents)?;
        }
        Ok(true)
    }
}

/// The next span of an hour to look up again, beginning at `from` or later: adjoining slices that together had at
/// most `max_pages` pages, or a single slice. Returns its start; without a span, the time up to which no second
/// lookup is due.
fn next_span(records: &[SliceRecord], from: Time, hour: Hour, max_pages: u64) -> (Time, Option<LookupSpan>) {
    let mut rest = records
        .iter()
        .filter(|slice_record| slice_record.since >= from)
        .skip_while(|slice_record| !slice_record.needs_second_lookup)
        .peekable();
    let Some(first) = rest.next() else { return (hour.end(), None) };
    let (mut pages, mut fingerprint) = (first.pages, first.records_fingerprint());
    // A slice ends where the next one begins, whatever its own record says: another run may have overtaken its run.
    let ends = |next: Option<&&SliceRecord>| next.map_or(hour.end(), |next| next.since);
    let mut until = ends(rest.peek());
    while let Some(next) =
        rest.next_if(|next| next.needs_second_lookup && pages.saturating_add(next.pages) <= max_pages)
    {
        pages += next.pages;
        fingerprint = fingerprint
            .zip(next.records_fingerprint())
            .map(|(fingerprint, more)| fingerprint.wrapping_add(more));
        until = ends(rest.peek());
    }
    (
        first.since,
        Some(LookupSpan { span: TimeSlice { since: first.since, until }, records_fingerprint: fingerprint }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(since: u32, until: u32, pages: u64, needs_second_lookup: bool) -> SliceRecord {
        let fingerprint = format!("{since:x}");
        SliceRecord {
            since: Time(since),
            until: Time(until),
            pages,
            records: 0,
            records_fingerprint: fingerprint,
            needs_second_lookup,
        }
    }

    fn span(since: u32, until: u32, fingerprint: u128) -> Option<LookupSpan> {
        Some(LookupSpan {
            span: TimeSlice { since: Time(since), until: Time(until) },
            records_fingerprint: Some(fingerprint),
        })
    }

    #[test]
    fn quiet_slices_are_looked_up_together_and_busy_ones_alone() {
        let records = [record(0, 900, 1, true), record(900, 1_800, 1, true), record(1_800, 3_600, 40, true)];
        assert_eq!(next_span(&records, Time(0), Hour(0), 40), (Time(0), span(0, 1_800, 900)));
        assert_eq!(next_span(&records, Time(1_800), Hour(0), 40), (Time(1_800), span(1_800, 3_600, 1_800)));
        assert_eq!(next_span(&records, Time(3_600), Hour(0), 40), (Time(3_600), None));
    }

    #[test]
    fn slices_completed_late_are_skipped() {
        let records = [record(0, 900, 1, false), record(900, 1_800, 1, true), record(1_800, 3_600, 1, false)];
        assert_eq!(next_span(&records, Time(0), Hour(0), 40), (Time(900), span(900, 1_800, 900)));
        assert_eq!(next_span(&records, Time(1_800), Hour(0), 40), (Time(3_600), None));
    }

    #[test]
    fn a_slice_record_that_ends_early_leaves_no_gap() {
        let records = [record(0, 300, 1, true), record(1_800, 3_000, 1, true)];
        assert_eq!(next_span(&records, Time(0), Hour(0), 40), (Time(0), span(0, 3_600, 1_800)));
    }
}
