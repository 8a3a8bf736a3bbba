//! Permissions that a principal has and did not use.
//!
//! Enters: a watched principal with its calls and grants, and the coverage. Leaves: [`UnusedService`] by service,
//! those with the most grants that are not read-only first. Laws: an action is used if a call that AWS did not deny
//! required it; actions that are not known to be logged are counted separately, because their absence proves nothing.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    UnusedReadServices, UnusedService, rows::sort_most_severe_first, watched_principal::WatchedPrincipal,
};
use crate::{coverage::Coverage, event::Outcome, grants::Grant};

/// Maximum number of actions that the entry of a service lists.
const MAX_EXAMPLES: usize = 10;

/// Actions granted and not used, by service, and the number of grants in unused services with grants of reads only.
pub fn unused_services(
    case: &WatchedPrincipal<'_, '_>,
    coverage: &Coverage,
) -> (Vec<UnusedService>, UnusedReadServices) {
    let Some(granted) = case.granted else { return (Vec::new(), UnusedReadServices::default()) };
    let used: BTreeSet<&Arc<str>> = case
        .direct_calls()
        .filter(|call| call.outcome() != Outcome::Denied)
        .flat_map(|call| granted.actions_of(call))
        .collect();
    let called: BTreeSet<&str> =
        case.direct_calls().map(|call| call.classification.service.as_str()).collect();
    let mut services: BTreeMap<&str, Vec<&Grant>> = BTreeMap::new();
    for grant in granted.grants.entries.iter().filter(|grant| !used.contains(&grant.action.key)) {
        services.entry(grant.action.service()).or_default().push(grant);
    }
    let is_excessive =
        |grant: &&&Grant| !grant.gives_only_reads() && !granted.tolerated.contains_key(&grant.action.key);
    let (mut unused, mut rest) = (Vec::new(), UnusedReadServices::default());
    for (service, mut grants) in services {
        let actions = grants.len() as u64;
        let excessive = grants.iter().filter(is_excessive).count() as u64;
        let never =
            !called.contains(service) && !used.iter().any(|action| belongs_to_service(action, service));
        let unlogged = grants.iter().filter(|grant| !coverage.would_record(&grant.action)).count() as u64;
        if excessive == 0 && never {
            rest.services += 1;
            rest.actions += actions;
            rest.unlogged += unlogged;
            continue;
        }
        sort_most_severe_first(&mut grants);
        let examples = grants.iter().take(MAX_EXAMPLES).map(|grant| Arc::clone(&grant.action.key)).collect();
        unused.push(UnusedService { service: service.to_owned(), actions, excessive, unlogged, examples });
    }
    unused.sort_by(|a, b| (Reverse(a.excessive), &a.service).cmp(&(Reverse(b.excessive), &b.service)));
    (unused, rest)
}

fn belongs_to_service(action: &str, service: &str) -> bool {
    action.split_once(':').is_some_and(|(prefix, _)| prefix == service)
}
