//! Counts of grants.
//!
//! Enters: [`Grants`]. Leaves: [`GrantCount`]s by capability and by service. Laws: every grant is counted under each
//! of its capabilities; every label has a count, even if it is zero.

use std::{
    cmp::{Ordering, Reverse},
    collections::BTreeMap,
    sync::Arc,
};

use super::GrantCount;
use crate::{
    grants::{Certainty, Grant, Grants},
    operation::{Capabilities, OperationType},
};

/// Maximum number of examples of a count.
const MAX_EXAMPLES: usize = 10;

/// Label of reads without a capability.
const READ: &str = "read";
/// Label of actions that change state.
const MUTATE: &str = "mutate";
/// Label of actions that change nothing and are not read-only, without a capability that says why.
const PRIVILEGED: &str = "privileged";
/// Label of unknown actions.
const UNKNOWN: &str = "unknown";

/// Labels that an action of this type with these capabilities is counted under.
pub(super) fn capability_labels(
    operation_type: OperationType,
    capabilities: Capabilities,
) -> impl Iterator<Item = &'static str> {
    let own = match operation_type {
        OperationType::ReadOnly if capabilities.is_empty() => Some(READ),
        OperationType::Privileged if capabilities.is_empty() => Some(PRIVILEGED),
        OperationType::Unknown => Some(UNKNOWN),
        OperationType::Mutating if !capabilities.contains(Capabilities::MUTATE) => Some(MUTATE),
        _ => None,
    };
    own.into_iter().chain(capabilities.names())
}

/// All labels that actions are counted under.
pub(super) fn all_capability_labels() -> impl Iterator<Item = &'static str> {
    [READ, PRIVILEGED, UNKNOWN].into_iter().chain(Capabilities::all().names())
}

/// Grants by capability. A grant counts under each of its capabilities; without one, it counts as `read` if it is
/// read-only, as `privileged` if it is not, and as `unknown` if its action is unknown. The matrix of a report counts
/// in the same way.
pub fn by_capability(grants: &Grants) -> BTreeMap<String, GrantCount> {
    let mut groups: BTreeMap<&str, Vec<&Grant>> =
        all_capability_labels().map(|word| (word, Vec::new())).collect();
    for grant in &grants.entries {
        let action = &grant.action;
        capability_labels(action.operation_type, action.capabilities)
            .for_each(|word| groups.entry(word).or_default().push(grant));
    }
    groups.into_iter().map(|(word, grants)| (word.to_owned(), count_grants(grants))).collect()
}

/// Grants that are not read-only, by service.
pub fn by_service(grants: &Grants) -> BTreeMap<String, GrantCount> {
    let mut groups: BTreeMap<&str, Vec<&Grant>> = BTreeMap::new();
    for grant in grants.excessive() {
        groups.entry(grant.action.service()).or_default().push(grant);
    }
    groups.into_iter().map(|(service, grants)| (service.to_owned(), count_grants(grants))).collect()
}

fn count_grants(mut grants: Vec<&Grant>) -> GrantCount {
    let all = grants.len() as u64;
    let granted = grants.iter().filter(|grant| grant.certainty == Certainty::Unconditional).count() as u64;
    // The rest is only counted, so it need not be in order.
    if let Some(last) = grants.len().checked_sub(1)
        && last > MAX_EXAMPLES
    {
        grants.select_nth_unstable_by(MAX_EXAMPLES, |a, b| by_severity(a, b));
        grants.truncate(MAX_EXAMPLES);
    }
    sort_by_severity(&mut grants);
    GrantCount {
        unconditional: granted,
        conditional: all - granted,
        examples: grants.iter().take(MAX_EXAMPLES).map(|grant| Arc::clone(&grant.action.key)).collect(),
    }
}

/// Sorts grants: the greatest risk first, then privilege escalation, then unconditional before conditional, then by
/// name.
pub(super) fn sort_by_severity(grants: &mut [&Grant]) {
    grants.sort_by(|a, b| by_severity(a, b));
}

fn by_severity(a: &Grant, b: &Grant) -> Ordering {
    let rank = |grant: &Grant| {
        (
            Reverse(grant.action.risk_level),
            Reverse(grant.action.capabilities.contains(Capabilities::PRIVILEGE_ESCALATION)),
            Reverse(grant.certainty),
        )
    };
    rank(a).cmp(&rank(b)).then_with(|| a.action.key.cmp(&b.action.key))
}
