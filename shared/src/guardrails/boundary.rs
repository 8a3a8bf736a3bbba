//! A permissions boundary of reads.
//!
//! Enters: a [`Plan`]. Leaves: one document. Laws: a principal has one boundary, so what does not fit is left out and
//! told; what was used goes first; of the rest, what keeps most reads in least room.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    Draft, Kind, NotProven, Openness, Order, Pattern, Plan, Quota, Wish,
    cover::{cover, cover_service},
    document::{Statement, document, text, value},
    matched, no_room, open,
};
use crate::config::Override;

/// The boundary, not proven yet.
pub fn draft(order: Order<'_>, plan: &Plan<'_>) -> Result<Draft, NotProven> {
    let universe = order.universe;
    // One that is in place is replaced: what it kept away must stay away.
    let harmless: BTreeSet<Arc<str>> = match order.snapshot.boundary {
        Some(_) => plan.reads.clone(),
        None => universe.actions().filter(|(_, is_read)| *is_read).map(|(key, _)| Arc::clone(key)).collect(),
    };
    let kept = kept_statements(order, plan);
    let statements = |patterns: &[Pattern]| -> Vec<Value> {
        let reads = Statement::anywhere("OnlookerReads", "Allow").on(patterns);
        let reads = (!patterns.is_empty()).then(|| value(&reads));
        reads.into_iter().chain(kept.iter().map(value)).collect()
    };
    let limit = Quota::Managed.limit();
    let size = |patterns: &[Pattern]| Quota::Managed.count(&text(&statements(patterns), Quota::Managed));
    let openness = order.options.openness();
    let used = cover(universe, Wish { wanted: &plan.used_reads, harmless: &harmless, openness });
    if size(&used) > limit {
        let room = format!("what was used takes {} characters, and a boundary has {limit}", size(&used));
        return Err(NotProven::new(Kind::Boundary, room));
    }
    let mut chosen: BTreeMap<&str, Vec<Pattern>> = BTreeMap::new();
    for pattern in used {
        if let Some(service) = services_of(plan).find(|service| pattern_is_of(&pattern, service)) {
            chosen.entry(service).or_default().push(pattern);
        }
    }
    let mut left: Vec<Pattern> = Vec::new();
    for (service, wanted) in in_order(plan) {
        let all = cover_service(universe, service, Wish { wanted: &wanted, harmless: &harmless, openness });
        let before = chosen.insert(service, all.clone());
        if size(&list(&chosen)) > limit {
            match before {
                Some(before) => chosen.insert(service, before),
                None => chosen.remove(service),
            };
            left.extend(all);
        }
    }
    // Of services that do not fit whole, the patterns that keep most.
    left.sort_by(|a, b| (b.matches * a.cost(), &a.text).cmp(&(a.matches * b.cost(), &b.text)));
    let mut patterns = list(&chosen);
    let room = |patterns: &[Pattern]| size(patterns) <= limit;
    for pattern in left {
        patterns.push(pattern);
        if !room(&patterns) {
            patterns.pop();
        }
    }
    patterns.sort_unstable();
    patterns.dedup();
    let mut wanted = matched(universe, &patterns);
    let no_room = no_room(plan, &wanted);
    wanted.extend(plan.kept.keys().cloned());
    let mut notes = vec![
        "Attach it as the permissions boundary of the principal; a boundary grants nothing by itself."
            .to_owned(),
    ];
    if let Some(boundary) = &order.snapshot.boundary {
        notes.push(format!("It takes the place of the boundary {}: a principal has one.", boundary.name));
    }
    Ok(Draft {
        documents: vec![document(Kind::Boundary.as_str().to_owned(), &statements(&patterns), Quota::Managed)],
        wanted,
        is_absolute: true,
        notes,
        no_room,
        open: open(&patterns),
    })
}

fn list(chosen: &BTreeMap<&str, Vec<Pattern>>) -> Vec<Pattern> {
    chosen.values().flatten().cloned().collect()
}

fn pattern_is_of(pattern: &Pattern, service: &str) -> bool {
    pattern.text.split_once(':').is_some_and(|(own, _)| own == service)
}

fn services_of<'a>(plan: &'a Plan<'_>) -> impl Iterator<Item = &'a str> {
    let keys = plan.used_reads.iter().chain(&plan.reads);
    let services: BTreeSet<&str> = keys.filter_map(|key| Some(key.split_once(':')?.0)).collect();
    services.into_iter()
}

/// Services with the reads they should keep: those that were used first, then those with most reads.
fn in_order<'a>(plan: &'a Plan<'_>) -> Vec<(&'a str, BTreeSet<Arc<str>>)> {
    let of = |keys: &BTreeSet<Arc<str>>, service: &str| -> BTreeSet<Arc<str>> {
        let own = |key: &&Arc<str>| key.split_once(':').is_some_and(|(own, _)| own == service);
        keys.iter().filter(own).cloned().collect()
    };
    let mut all: Vec<(bool, &str, BTreeSet<Arc<str>>)> = services_of(plan)
        .map(|service| {
            let used = of(&plan.used_reads, service);
            (!used.is_empty(), service, &of(&plan.reads, service) | &used)
        })
        .collect();
    all.sort_by(|a, b| (b.0, b.2.len(), a.1).cmp(&(a.0, a.2.len(), b.1)));
    all.into_iter().map(|(_, service, wanted)| (service, wanted)).collect()
}

/// Statements for what is kept although it is no read, each where it is tolerated, without wildcards.
fn kept_statements(order: Order<'_>, plan: &Plan<'_>) -> Vec<Statement> {
    let nothing = BTreeSet::new();
    let statement = |(n, (place, wanted)): (usize, (Vec<&str>, BTreeSet<Arc<str>>))| {
        let wish = Wish { wanted: &wanted, harmless: &nothing, openness: Openness::Nothing };
        let statement = Statement::anywhere(&format!("OnlookerKept{}", n + 1), "Allow");
        Statement { resource: place.into(), ..statement.on(&cover(order.universe, wish)) }
    };
    places(order, plan).into_iter().enumerate().map(statement).collect()
}

/// What is kept although it is no read, by the resources it is kept on; `*` alone for anywhere.
pub(super) fn places<'a>(order: Order<'a>, plan: &Plan<'_>) -> BTreeMap<Vec<&'a str>, BTreeSet<Arc<str>>> {
    let mut places: BTreeMap<Vec<&str>, BTreeSet<Arc<str>>> = BTreeMap::new();
    for (key, by) in &plan.kept {
        places.entry(resources(order, key, by.is_some())).or_default().insert(Arc::clone(key));
    }
    places
}

/// Where an action is kept: where overrides tolerate it, or anywhere.
fn resources<'a>(order: Order<'a>, action: &str, is_tolerated: bool) -> Vec<&'a str> {
    let (service, name) = action.split_once(':').unwrap_or(("", action));
    let about = |one: &&Override| one.is_about(&order.snapshot.principal, service, name, order.at);
    let overrides = order.config.overrides.iter().filter(|_| is_tolerated).filter(about);
    let places: Option<BTreeSet<&str>> = overrides.map(|one| one.resource.as_deref()).collect();
    let places: Vec<&str> = places.unwrap_or_default().into_iter().collect();
    if places.is_empty() { vec!["*"] } else { places }
}
