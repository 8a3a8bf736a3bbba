//! A permissions boundary that allows reads.
//!
//! Enters: a [`GuardrailPlan`]. Leaves: one document. Laws: a principal has one permissions boundary, so reads that
//! do not fit are left out and listed; used reads come first; then the patterns that keep most reads in fewest
//! characters.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    ActionPattern, CoverTarget, GuardrailDraft, GuardrailError, GuardrailKind, GuardrailPlan,
    GuardrailRequest, PolicyQuota, WildcardScope,
    action_patterns::{cover_actions, cover_service},
    document::{GuardrailStatement, build_document, policy_json, statement_json},
    matched_actions, omitted_reads, open_wildcards, through_services,
};
use crate::config::Override;

/// The permissions boundary, before its proof.
pub fn draft(
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
) -> Result<GuardrailDraft, GuardrailError> {
    let universe = request.known_actions;
    // An existing permissions boundary is replaced, so the new one must not allow what the old one denied.
    let harmless: BTreeSet<Arc<str>> = match request.snapshot.permissions_boundary {
        Some(_) => plan.reads.clone(),
        None => universe.actions().filter(|(_, is_read)| *is_read).map(|(key, _)| Arc::clone(key)).collect(),
    };
    let mut kept = kept_statements(request, plan);
    let anywhere = GuardrailStatement::on_all_resources("", "Allow");
    kept.extend(through_services::statements(&anywhere, &plan.through_services));
    let statements = |patterns: &[ActionPattern]| -> Vec<Value> {
        let reads = GuardrailStatement::on_all_resources("OnlookerReads", "Allow").with_actions(patterns);
        let reads = (!patterns.is_empty()).then(|| statement_json(&reads));
        reads.into_iter().chain(kept.iter().map(statement_json)).collect()
    };
    let limit = PolicyQuota::ManagedPolicy.max_characters();
    let size = |patterns: &[ActionPattern]| {
        PolicyQuota::ManagedPolicy
            .count_characters(&policy_json(&statements(patterns), PolicyQuota::ManagedPolicy))
    };
    let openness = request.options.wildcard_scope();
    let used = cover_actions(
        universe,
        CoverTarget { required: &plan.used_reads, permitted: &harmless, wildcards: openness },
    );
    if size(&used) > limit {
        let room =
            format!("the used actions need {} characters, and a boundary may have {limit}", size(&used));
        return Err(GuardrailError::new(GuardrailKind::Boundary, room));
    }
    let mut chosen: BTreeMap<&str, Vec<ActionPattern>> = BTreeMap::new();
    for pattern in used {
        if let Some(service) = services_of(plan).find(|service| is_of_service(&pattern, service)) {
            chosen.entry(service).or_default().push(pattern);
        }
    }
    let mut left: Vec<ActionPattern> = Vec::new();
    for (service, wanted) in services_by_priority(plan) {
        let all = cover_service(
            universe,
            service,
            CoverTarget { required: &wanted, permitted: &harmless, wildcards: openness },
        );
        let before = chosen.insert(service, all.clone());
        if size(&all_patterns(&chosen)) > limit {
            match before {
                Some(before) => chosen.insert(service, before),
                None => chosen.remove(service),
            };
            left.extend(all);
        }
    }
    // For services that do not fit completely, the patterns that keep most reads.
    left.sort_by(|a, b| {
        (b.known_matches * a.list_characters(), &a.text)
            .cmp(&(a.known_matches * b.list_characters(), &b.text))
    });
    let mut patterns = all_patterns(&chosen);
    let room = |patterns: &[ActionPattern]| size(patterns) <= limit;
    for pattern in left {
        patterns.push(pattern);
        if !room(&patterns) {
            patterns.pop();
        }
    }
    patterns.sort_unstable();
    patterns.dedup();
    let mut wanted = matched_actions(universe, &patterns);
    let no_room = omitted_reads(plan, &wanted);
    wanted.extend(plan.kept.keys().chain(plan.through_services.keys()).cloned());
    let mut notes = vec![
        "Attach this policy as the permissions boundary of the principal. A boundary grants nothing by itself."
            .to_owned(),
    ];
    if let Some(boundary) = &request.snapshot.permissions_boundary {
        notes.push(format!(
            "This policy replaces the boundary {}: a principal can have only one.",
            boundary.name
        ));
    }
    Ok(GuardrailDraft {
        documents: vec![build_document(
            GuardrailKind::Boundary.as_str().to_owned(),
            &statements(&patterns),
            PolicyQuota::ManagedPolicy,
        )],
        allowed_actions: wanted,
        covers_future_policies: true,
        notes,
        omitted_reads: no_room,
        open_wildcards: open_wildcards(&patterns),
    })
}

fn all_patterns(chosen: &BTreeMap<&str, Vec<ActionPattern>>) -> Vec<ActionPattern> {
    chosen.values().flatten().cloned().collect()
}

fn is_of_service(pattern: &ActionPattern, service: &str) -> bool {
    pattern.text.split_once(':').is_some_and(|(own, _)| own == service)
}

fn services_of<'a>(plan: &'a GuardrailPlan<'_>) -> impl Iterator<Item = &'a str> {
    let keys = plan.used_reads.iter().chain(&plan.reads);
    let services: BTreeSet<&str> = keys.filter_map(|key| Some(key.split_once(':')?.0)).collect();
    services.into_iter()
}

/// Services with the reads to keep: used services first, then services with most reads.
fn services_by_priority<'a>(plan: &'a GuardrailPlan<'_>) -> Vec<(&'a str, BTreeSet<Arc<str>>)> {
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

/// Statements for kept actions that are not read-only, each on the resources where it is kept, without wildcards.
fn kept_statements(request: GuardrailRequest<'_>, plan: &GuardrailPlan<'_>) -> Vec<GuardrailStatement> {
    let nothing = BTreeSet::new();
    let statement = |(n, (place, wanted)): (usize, (Vec<&str>, BTreeSet<Arc<str>>))| {
        let wish =
            CoverTarget { required: &wanted, permitted: &nothing, wildcards: WildcardScope::NoWildcards };
        let statement = GuardrailStatement::on_all_resources(&format!("OnlookerKept{}", n + 1), "Allow");
        GuardrailStatement {
            resource: place.into(),
            ..statement.with_actions(&cover_actions(request.known_actions, wish))
        }
    };
    kept_by_resources(request, plan).into_iter().enumerate().map(statement).collect()
}

/// Kept actions that are not read-only, by the resources they are kept on; only `*` for all resources.
pub(super) fn kept_by_resources<'a>(
    request: GuardrailRequest<'a>,
    plan: &GuardrailPlan<'_>,
) -> BTreeMap<Vec<&'a str>, BTreeSet<Arc<str>>> {
    let mut places: BTreeMap<Vec<&str>, BTreeSet<Arc<str>>> = BTreeMap::new();
    for (key, by) in &plan.kept {
        places.entry(resources_kept_on(request, key, by.is_some())).or_default().insert(Arc::clone(key));
    }
    places
}

/// The resources on which an action is kept: those of the overrides that tolerate it, or all.
fn resources_kept_on<'a>(request: GuardrailRequest<'a>, action: &str, is_tolerated: bool) -> Vec<&'a str> {
    let (service, name) = action.split_once(':').unwrap_or(("", action));
    let about =
        |one: &&Override| one.covers_operations(&request.snapshot.principal, service, name, request.at);
    let overrides = request.config.overrides.iter().filter(|_| is_tolerated).filter(about);
    let places: Option<BTreeSet<&str>> = overrides.map(|one| one.resource.as_deref()).collect();
    let places: Vec<&str> = places.unwrap_or_default().into_iter().collect();
    if places.is_empty() { vec!["*"] } else { places }
}
