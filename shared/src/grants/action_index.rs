//! All IAM actions of a catalog, found by pattern.
//!
//! Enters: a catalog. Leaves: positions of the actions a pattern matches, in the order of their keys. Law: the result
//! equals matching each key by itself, ignoring case.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::Action;
use crate::{catalog::Catalog, pattern::matches};

/// Positions of actions, in order.
pub(super) type ActionPositions = Arc<[u32]>;

/// The actions, and a cache of the patterns searched so far.
#[derive(Debug)]
pub(super) struct ActionIndex {
    /// In the order of their keys.
    pub actions: Vec<Arc<Action>>,
    /// Keys in lower case and in order, with their positions.
    lowercase_keys: Vec<(Box<str>, u32)>,
    found_positions: Mutex<HashMap<Arc<str>, ActionPositions>>,
}

impl ActionIndex {
    /// The actions of a catalog.
    pub fn of(catalog: &Catalog) -> Self {
        let mut actions: Vec<Arc<Action>> = catalog
            .iter()
            .filter(|entry| entry.facts.kinds.action)
            .map(|entry| Arc::new(Action::of(entry)))
            .collect();
        actions.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let mut lower: Vec<(Box<str>, u32)> =
            (0..).zip(&actions).map(|(at, action)| (action.key.to_ascii_lowercase().into(), at)).collect();
        lower.sort_unstable();
        Self { actions, lowercase_keys: lower, found_positions: Mutex::default() }
    }

    /// Positions of the actions a pattern matches.
    pub fn find(&self, pattern: &str) -> ActionPositions {
        let pattern: Arc<str> = pattern.to_ascii_lowercase().into();
        let mut met = self.found_positions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(met.entry(pattern).or_insert_with_key(|pattern| self.search(pattern)))
    }

    // Only keys that start with the text before the first wildcard can match.
    fn search(&self, pattern: &str) -> ActionPositions {
        let literal = pattern.split(['*', '?']).next().unwrap_or_default();
        let start = self.lowercase_keys.partition_point(|(key, _)| &**key < literal);
        let near = self.lowercase_keys.iter().skip(start).take_while(|(key, _)| key.starts_with(literal));
        let mut found: Vec<u32> = match pattern.strip_prefix(literal) {
            Some("") => near.filter(|(key, _)| **key == *pattern).map(|(_, at)| *at).collect(),
            Some("*") => near.map(|(_, at)| *at).collect(),
            _ => near.filter(|(key, _)| matches(pattern, key)).map(|(_, at)| *at).collect(),
        };
        found.sort_unstable();
        found.into()
    }
}
