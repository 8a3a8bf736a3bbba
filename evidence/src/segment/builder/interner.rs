//! Stores distinct values once, each with a position.
//!
//! Enters: values. Leaves: their positions. Law: equal values have the same position.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// Distinct values in order of arrival.
pub(in crate::segment) struct Interner<T> {
    values: Vec<T>,
    positions: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Positions in the target table of the values that were copied so far.
    target_positions: Vec<u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        let (values, target_positions) = (Vec::new(), Vec::new());
        Self { values, positions: HashTable::new(), hasher: DefaultHashBuilder::default(), target_positions }
    }
}

impl<T: Clone + Eq + Hash + Ord> Interner<T> {
    /// The position of `value`, which is added if it is new.
    #[expect(clippy::cast_possible_truncation, reason = "4 billion values do not fit in memory")]
    pub(in crate::segment) fn insert(&mut self, value: T) -> u32 {
        let Self { values, positions, hasher, .. } = self;
        let hash = hasher.hash_one(&value);
        let same = |at: &u32| values.get(*at as usize) == Some(&value);
        if let Some(at) = positions.find(hash, same) {
            return *at;
        }
        let at = values.len() as u32;
        values.push(value);
        positions
            .insert_unique(hash, at, |at| values.get(*at as usize).map_or(0, |old| hasher.hash_one(old)));
        at
    }

    /// All values, in order of arrival.
    pub(in crate::segment) fn values(&self) -> &[T] {
        &self.values
    }

    /// The value at a position.
    pub(in crate::segment) fn get(&self, position: u32) -> Option<&T> {
        self.values.get(position as usize)
    }

    /// Copies new values into `target` and returns the positions of all values there. `target` must always be the
    /// same table.
    pub(in crate::segment) fn copy_into(&mut self, target: &mut Self) -> &[u32] {
        let new = self.values.iter().skip(self.target_positions.len());
        self.target_positions.extend(new.map(|value| target.insert(value.clone())));
        &self.target_positions
    }

    /// The values in order, and the new position of each old position.
    #[expect(clippy::cast_possible_truncation, reason = "4 billion values do not fit in memory")]
    pub(in crate::segment) fn into_sorted(self) -> (Vec<T>, Vec<u32>) {
        let Self { values, positions, .. } = self;
        drop(positions);
        let mut order: Vec<(T, u32)> = values.into_iter().zip(0..).collect();
        order.sort_unstable();
        let mut moved = vec![0; order.len()];
        for (new, (_, old)) in order.iter().enumerate() {
            if let Some(position) = moved.get_mut(*old as usize) {
                *position = new as u32;
            }
        }
        (order.into_iter().map(|(value, _)| value).collect(), moved)
    }
}

impl<T: Clone + Eq + Hash + Ord> FromIterator<T> for Interner<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut table = Self::default();
        for value in values {
            table.insert(value);
        }
        table
    }
}
