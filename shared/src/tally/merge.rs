//! Tallies to one tally.
//!
//! Enters: tallies that share no event. Leaves: [`Tally`]. Law: of `n` tallies each line is moved about `log n` times, so
//! merging many small ones costs little more than reading them.

use std::cmp::Ordering;

use super::{Part, SAMPLES, Tally};

/// Tallies that are being merged, those of like size with each other.
#[derive(Default)]
pub(crate) struct Merging {
    /// With how often each was merged already; less often from one to the next.
    stack: Vec<(u32, Tally)>,
}

impl Merging {
    /// Adds a tally that shares no event with those before.
    pub(crate) fn add(&mut self, mut tally: Tally) {
        let mut merged = 0;
        while let Some((_, like)) = self.stack.pop_if(|(often, _)| *often == merged) {
            tally = like.merge(tally);
            merged += 1;
        }
        self.stack.push((merged, tally));
    }

    /// The sum of all.
    pub(crate) fn finish(self) -> Tally {
        let smallest_first = self.stack.into_iter().rev().map(|(_, tally)| tally);
        smallest_first.reduce(|sum, next| next.merge(sum)).unwrap_or_default()
    }
}

impl Tally {
    /// The sum of tallies that share no event.
    pub fn merge_all(tallies: impl IntoIterator<Item = Self>) -> Self {
        let mut merging = Merging::default();
        for tally in tallies {
            merging.add(tally);
        }
        merging.finish()
    }

    /// Adds the counts of another tally that shares no event with this one.
    #[must_use]
    pub fn merge(mut self, mut other: Self) -> Self {
        let actors = Union::of(std::mem::take(&mut self.actors), std::mem::take(&mut other.actors));
        let acts = Union::of(std::mem::take(&mut self.acts), std::mem::take(&mut other.acts));
        let mut merged = Self::default();
        merged.lines.reserve(self.lines.len().max(other.lines.len()));
        let mut left = self.parts().map(|part| part.renamed(&actors.one, &acts.one)).peekable();
        let mut right = other.parts().map(|part| part.renamed(&actors.two, &acts.two)).peekable();
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.key().cmp(&b.key()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let one = if order.is_le() { left.next() } else { None };
            let two = if order.is_ge() { right.next() } else { None };
            match (one, two) {
                (Some(one), Some(two)) => merged.push_sum(one, two),
                (part, None) | (None, part) => part.into_iter().for_each(|part| merged.push(part)),
            }
        }
        Self { actors: actors.all, acts: acts.all, ..merged }
    }

    /// Adds a line; lines come in order.
    fn push(&mut self, Part { entry, samples, slots }: Part<'_>) {
        self.samples.extend(samples);
        self.slots.extend(slots);
        self.end(entry.actor, entry.act, entry.count, (entry.first, entry.last));
    }

    /// Adds the sum of two lines with one key.
    fn push_sum(&mut self, one: Part<'_>, two: Part<'_>) {
        let begin = self.samples.len();
        self.samples.extend(one.samples.iter().chain(two.samples));
        if let Some(samples) = self.samples.get_mut(begin..) {
            samples.sort_unstable();
        }
        self.samples.truncate(begin + SAMPLES);
        let begin = self.slots.len();
        let mut others = two.slots.iter().peekable();
        for (slot, count) in one.slots {
            while let Some((earlier, count)) = others.next_if(|(other, _)| other < slot) {
                self.count(begin, *earlier, *count);
            }
            self.count(begin, *slot, *count);
        }
        for (slot, count) in others {
            self.count(begin, *slot, *count);
        }
        let span = (one.entry.first.min(two.entry.first), one.entry.last.max(two.entry.last));
        self.end(one.entry.actor, one.entry.act, one.entry.count.saturating_add(two.entry.count), span);
    }
}

impl Part<'_> {
    fn key(&self) -> (u32, u32) {
        (self.entry.actor, self.entry.act)
    }

    fn renamed(mut self, actors: &[u32], acts: &[u32]) -> Self {
        let new = |names: &[u32], old: u32| names.get(old as usize).copied().unwrap_or(u32::MAX);
        self.entry.actor = new(actors, self.entry.actor);
        self.entry.act = new(acts, self.entry.act);
        self
    }
}

/// Two sorted tables as one, and where the values of each lie in it.
struct Union<T> {
    all: Vec<T>,
    one: Vec<u32>,
    two: Vec<u32>,
}

impl<T: Ord> Union<T> {
    fn of(one: Vec<T>, two: Vec<T>) -> Self {
        let mut union = Self {
            all: Vec::with_capacity(one.len().max(two.len())),
            one: Vec::with_capacity(one.len()),
            two: Vec::with_capacity(two.len()),
        };
        let (mut left, mut right) = (one.into_iter().peekable(), two.into_iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return union,
            };
            let name = u32::try_from(union.all.len()).unwrap_or(u32::MAX);
            let mut next = None;
            if order.is_ge() {
                next = right.next();
                union.two.push(name);
            }
            if order.is_le() {
                next = left.next();
                union.one.push(name);
            }
            union.all.extend(next);
        }
    }
}
