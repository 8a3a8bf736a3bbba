//! Merges many tallies into one.
//!
//! Enters: tallies that share no event. Leaves: [`Tally`], the sum of all. Law: for `n` tallies each line is moved
//! about `log n` times, so merging many small ones costs little more than reading them.

use std::cmp::Ordering;

use super::{MAX_SAMPLES, Tally, TallyPart};

/// A merge in progress, which merges tallies of similar size first.
#[derive(Default)]
pub(crate) struct TallyMerge {
    /// Each tally with the number of merges behind it, in descending order.
    pending: Vec<(u32, Tally)>,
}

impl TallyMerge {
    /// Adds a tally that shares no event with the tallies before.
    pub(crate) fn add(&mut self, mut tally: Tally) {
        let mut merged = 0;
        while let Some((_, like)) = self.pending.pop_if(|(often, _)| *often == merged) {
            tally = like.merge(tally);
            merged += 1;
        }
        self.pending.push((merged, tally));
    }

    /// The sum of all tallies that were added.
    pub(crate) fn finish(self) -> Tally {
        let smallest_first = self.pending.into_iter().rev().map(|(_, tally)| tally);
        smallest_first.reduce(|sum, next| next.merge(sum)).unwrap_or_default()
    }
}

impl Tally {
    /// The sum of tallies that share no event.
    pub fn merge_all(tallies: impl IntoIterator<Item = Self>) -> Self {
        let mut merging = TallyMerge::default();
        for tally in tallies {
            merging.add(tally);
        }
        merging.finish()
    }

    /// Adds the counts of another tally that shares no event with this one.
    #[must_use]
    pub fn merge(mut self, mut other: Self) -> Self {
        let actors = MergedTable::of(std::mem::take(&mut self.actors), std::mem::take(&mut other.actors));
        let call_keys =
            MergedTable::of(std::mem::take(&mut self.call_keys), std::mem::take(&mut other.call_keys));
        let mut merged = Self::default();
        merged.lines.reserve(self.lines.len().max(other.lines.len()));
        let mut left = self
            .parts_in_order()
            .map(|part| part.with_positions(&actors.left_positions, &call_keys.left_positions))
            .peekable();
        let mut right = other
            .parts_in_order()
            .map(|part| part.with_positions(&actors.right_positions, &call_keys.right_positions))
            .peekable();
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
                (Some(one), Some(two)) => merged.push_merged_line(one, two),
                (part, None) | (None, part) => part.into_iter().for_each(|part| merged.push_line(part)),
            }
        }
        Self { actors: actors.values, call_keys: call_keys.values, ..merged }
    }

    /// Adds a line. Lines must come in order.
    pub(super) fn push_line(&mut self, TallyPart { entry, samples, buckets }: TallyPart<'_>) {
        self.samples.extend(samples);
        self.buckets.extend(buckets);
        self.finish_line(entry.actor, entry.call_key, entry.count, (entry.first, entry.last));
    }

    /// Adds the sum of two lines with equal keys.
    fn push_merged_line(&mut self, one: TallyPart<'_>, two: TallyPart<'_>) {
        let begin = self.samples.len();
        self.samples.extend(one.samples.iter().chain(two.samples));
        if let Some(samples) = self.samples.get_mut(begin..) {
            samples.sort_unstable();
        }
        self.samples.truncate(begin + MAX_SAMPLES);
        let begin = self.buckets.len();
        let mut others = two.buckets.iter().peekable();
        for (bucket, count) in one.buckets {
            while let Some((earlier, count)) = others.next_if(|(other, _)| other < bucket) {
                self.add_to_bucket(begin, *earlier, *count);
            }
            self.add_to_bucket(begin, *bucket, *count);
        }
        for (bucket, count) in others {
            self.add_to_bucket(begin, *bucket, *count);
        }
        let span = (one.entry.first.min(two.entry.first), one.entry.last.max(two.entry.last));
        self.finish_line(
            one.entry.actor,
            one.entry.call_key,
            one.entry.count.saturating_add(two.entry.count),
            span,
        );
    }
}

impl TallyPart<'_> {
    fn key(&self) -> (u32, u32) {
        (self.entry.actor, self.entry.call_key)
    }

    fn with_positions(mut self, actors: &[u32], call_keys: &[u32]) -> Self {
        let new = |positions: &[u32], old: u32| positions.get(old as usize).copied().unwrap_or(u32::MAX);
        self.entry.actor = new(actors, self.entry.actor);
        self.entry.call_key = new(call_keys, self.entry.call_key);
        self
    }
}

/// Two sorted tables merged into one, and the positions of the values of each in it.
struct MergedTable<T> {
    values: Vec<T>,
    left_positions: Vec<u32>,
    right_positions: Vec<u32>,
}

impl<T: Ord> MergedTable<T> {
    fn of(one: Vec<T>, two: Vec<T>) -> Self {
        let mut union = Self {
            values: Vec::with_capacity(one.len().max(two.len())),
            left_positions: Vec::with_capacity(one.len()),
            right_positions: Vec::with_capacity(two.len()),
        };
        let (mut left, mut right) = (one.into_iter().peekable(), two.into_iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return union,
            };
            let position = u32::try_from(union.values.len()).unwrap_or(u32::MAX);
            let mut next = None;
            if order.is_ge() {
                next = right.next();
                union.right_positions.push(position);
            }
            if order.is_le() {
                next = left.next();
                union.left_positions.push(position);
            }
            union.values.extend(next);
        }
    }
}
