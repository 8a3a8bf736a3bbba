//! The second look.
//!
//! Enters: the notes of slices that were closed, a day later. Leaves: evidence that came late. Laws: whatever was closed
//! within a day of its time is looked up once more, once; what shows nothing new is not kept again.

use super::{
    Failure, Turn,
    checkpoint::{Note, Stored, due},
};
use crate::{
    jobs::history::{History, INTERVAL, MOST_PAGES, Slice, Stop},
    time::{Hour, Time},
};

/// Slices to look up as one.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    span: Slice,
    /// What the first look saw; `None` where that is not known.
    seen: Option<u128>,
}

impl Turn<'_, '_> {
    /// Looks up again what is due, as far as time allows. `Ok(false)`: time was up.
    pub(super) fn look_again(
        &mut self,
        history: &mut History<'_>,
        stored: &mut Stored,
    ) -> Result<bool, Failure> {
        let done = self.walk(history, stored);
        if !matches!(done, Err(Failure::Overtaken)) {
            stored.write(self.table())?;
        }
        done
    }

    fn walk(&mut self, history: &mut History<'_>, stored: &mut Stored) -> Result<bool, Failure> {
        loop {
            let hour = stored.checkpoint.again.hour();
            if hour.end() > stored.checkpoint.until || due(hour.end()) > self.now {
                return Ok(true);
            }
            if self.left().is_zero() {
                return Ok(false);
            }
            let notes = Note::read(self.table(), self.lane, hour)?;
            let most = u64::try_from(self.left().as_millis() / INTERVAL.as_millis()).unwrap_or(u64::MAX) / 2;
            let (from, piece) = piece(&notes, stored.checkpoint.again, hour, most.min(MOST_PAGES));
            stored.checkpoint.again = from;
            let Some(piece) = piece else { continue };
            if !self.look_at(history, &piece)? {
                return Ok(false);
            }
            stored.checkpoint.again = piece.span.until;
            // Not to be looked up once more because of what may come next.
            stored.write(self.table())?;
        }
    }

    /// Looks up slices again, and keeps what they hold if that is more than it was.
    fn look_at(&mut self, history: &mut History<'_>, piece: &Piece) -> Result<bool, Failure> {
        let longest = self.longest();
        let window = history.window(piece.span, longest, &mut |_| ());
        match window.stopped {
            Some(Stop::Failed(error)) => return Err(error.into()),
            Some(Stop::Time) => return Ok(false),
            None => {}
        }
        self.pulled.again += 1;
        if Some(window.contents.seen) != piece.seen {
            self.pulled.changed += 1;
            self.keep(piece.span, 2, window.contents)?;
        }
        Ok(true)
    }
}

/// Where to go on in an hour after `again`, and what to look up there as one: slices that together had no more pages
/// than `most`, or a single one. Without a piece there is nothing before where to go on.
fn piece(notes: &[Note], again: Time, hour: Hour, most: u64) -> (Time, Option<Piece>) {
    let mut rest = notes.iter().filter(|note| note.since >= again).skip_while(|note| !note.again).peekable();
    let Some(first) = rest.next() else { return (hour.end(), None) };
    let (mut pages, mut seen) = (first.pages, first.seen());
    // A slice ends where the next one begins, whatever its own note says: it may be of a run that was overtaken.
    let ends = |next: Option<&&Note>| next.map_or(hour.end(), |next| next.since);
    let mut until = ends(rest.peek());
    while let Some(next) = rest.next_if(|next| next.again && pages.saturating_add(next.pages) <= most) {
        pages += next.pages;
        seen = seen.zip(next.seen()).map(|(seen, more)| seen.wrapping_add(more));
        until = ends(rest.peek());
    }
    (first.since, Some(Piece { span: Slice { since: first.since, until }, seen }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(since: u32, until: u32, pages: u64, again: bool) -> Note {
        let seen = format!("{since:x}");
        Note { since: Time(since), until: Time(until), pages, records: 0, seen, again }
    }

    fn span(since: u32, until: u32, seen: u128) -> Option<Piece> {
        Some(Piece { span: Slice { since: Time(since), until: Time(until) }, seen: Some(seen) })
    }

    #[test]
    fn quiet_slices_are_looked_up_together_and_busy_ones_alone() {
        let notes = [note(0, 900, 1, true), note(900, 1_800, 1, true), note(1_800, 3_600, 40, true)];
        assert_eq!(piece(&notes, Time(0), Hour(0), 40), (Time(0), span(0, 1_800, 900)));
        assert_eq!(piece(&notes, Time(1_800), Hour(0), 40), (Time(1_800), span(1_800, 3_600, 1_800)));
        assert_eq!(piece(&notes, Time(3_600), Hour(0), 40), (Time(3_600), None));
    }

    #[test]
    fn what_was_closed_late_is_passed_over() {
        let notes = [note(0, 900, 1, false), note(900, 1_800, 1, true), note(1_800, 3_600, 1, false)];
        assert_eq!(piece(&notes, Time(0), Hour(0), 40), (Time(900), span(900, 1_800, 900)));
        assert_eq!(piece(&notes, Time(1_800), Hour(0), 40), (Time(3_600), None));
    }

    #[test]
    fn a_note_that_ends_early_leaves_no_hole() {
        let notes = [note(0, 300, 1, true), note(1_800, 3_000, 1, true)];
        assert_eq!(piece(&notes, Time(0), Hour(0), 40), (Time(0), span(0, 3_600, 1_800)));
    }
}
