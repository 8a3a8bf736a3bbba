//! The roles a principal acted through.
//!
//! Enters: calls that began with it. Leaves: [`Through`], in order of the ways. Law: each of these calls is counted once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Through, case::Case};
use crate::event::Outcome;

/// Operations a way names.
const OPERATIONS: usize = 10;

/// Each way it took, with what was done at its end.
pub(super) fn through(case: &Case<'_, '_>) -> Vec<Through> {
    let mut ways: BTreeMap<&[Arc<str>], Through> = BTreeMap::new();
    for judged in case.calls_through() {
        let Some(lineage) = &judged.lineage else { continue };
        let (first, last) = judged.span;
        let way = ways.entry(&lineage.path).or_insert_with(|| Through {
            path: lineage.path.clone(),
            is_certain: true,
            calls: 0,
            carried_out: 0,
            operations: BTreeSet::new(),
            first_seen: first,
            last_seen: last,
        });
        way.is_certain &= lineage.is_certain;
        way.calls += judged.count;
        way.first_seen = way.first_seen.min(first);
        way.last_seen = way.last_seen.max(last);
        if !judged.is_permitted() {
            way.operations.insert(judged.operation());
            if judged.outcome() == Outcome::Succeeded {
                way.carried_out += judged.count;
            }
        }
    }
    for way in ways.values_mut() {
        way.operations = std::mem::take(&mut way.operations).into_iter().take(OPERATIONS).collect();
    }
    ways.into_values().collect()
}
