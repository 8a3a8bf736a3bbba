//! The role chains a principal acted through.
//!
//! Enters: calls attributed to the principal. Leaves: [`RoleChainActivity`], in order of the paths. Law: each of
//! these calls is counted once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{RoleChainActivity, watched_principal::WatchedPrincipal};
use crate::event::Outcome;

/// Operations that a role chain lists.
const MAX_OPERATIONS: usize = 10;

/// Each role chain of the principal, with the calls made through it.
pub(super) fn role_chain_activity(case: &WatchedPrincipal<'_, '_>) -> Vec<RoleChainActivity> {
    let mut activities: BTreeMap<&[Arc<str>], RoleChainActivity> = BTreeMap::new();
    for call in case.calls_through_roles() {
        let Some(chain) = &call.role_chain else { continue };
        let (first, last) = call.span;
        let activity = activities.entry(&chain.path).or_insert_with(|| RoleChainActivity {
            path: chain.path.clone(),
            is_certain: true,
            calls: 0,
            non_reads_succeeded: 0,
            allowed_non_reads: 0,
            operations: BTreeSet::new(),
            first_seen: first,
            last_seen: last,
        });
        activity.is_certain &= chain.is_certain;
        activity.calls += call.count;
        activity.first_seen = activity.first_seen.min(first);
        activity.last_seen = activity.last_seen.max(last);
        if !call.is_read_only() {
            activity.operations.insert(call.operation());
            if call.outcome() == Outcome::Succeeded {
                activity.non_reads_succeeded += call.count;
                activity.allowed_non_reads += if call.is_permitted() { call.count } else { 0 };
            }
        }
    }
    for activity in activities.values_mut() {
        activity.operations =
            std::mem::take(&mut activity.operations).into_iter().take(MAX_OPERATIONS).collect();
    }
    activities.into_values().collect()
}
