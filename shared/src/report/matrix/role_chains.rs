//! The roles a principal acted through.
//!
//! Enters: calls that began with it. Leaves: [`RoleChainActivity`], in order of the ways. Law: each of these calls is counted once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{RoleChainActivity, watched_principal::WatchedPrincipal};
use crate::event::Outcome;

/// Operations a way names.
const MAX_OPERATIONS: usize = 10;

/// Each way it took, with what was done at its end.
pub(super) fn role_chain_activity(case: &WatchedPrincipal<'_, '_>) -> Vec<RoleChainActivity> {
    let mut ways: BTreeMap<&[Arc<str>], RoleChainActivity> = BTreeMap::new();
    for judged in case.calls_through_roles() {
        let Some(lineage) = &judged.role_chain else { continue };
        let (first, last) = judged.span;
        let way = ways.entry(&lineage.path).or_insert_with(|| RoleChainActivity {
            path: lineage.path.clone(),
            is_certain: true,
            calls: 0,
            non_reads_succeeded: 0,
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
                way.non_reads_succeeded += judged.count;
            }
        }
    }
    for way in ways.values_mut() {
        way.operations = std::mem::take(&mut way.operations).into_iter().take(MAX_OPERATIONS).collect();
    }
    ways.into_values().collect()
}
