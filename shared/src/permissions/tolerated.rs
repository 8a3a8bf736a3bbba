//! Grants that overrides of the configuration tolerate.
//!
//! Enters: a [`Grant`] and the overrides. Leaves: the override that tolerates it. Law: an override that is scoped to
//! resources tolerates a grant only if it covers every resource the grant does, whatever a variable in them stands for.

use crate::{
    config::{Config, Override},
    grants::Grant,
    pattern::covers,
    time::Time,
};

/// The override that tolerates a grant, the first of the configuration, if one does at that time.
pub fn tolerated<'c>(config: &'c Config, principal: &str, grant: &Grant, at: Time) -> Option<&'c Override> {
    let (service, name) = (grant.action.service(), grant.action.name());
    let in_scope = |entry: &Override| match &entry.resource {
        None => true,
        Some(scope) => {
            let resources = &grant.reach.resources;
            !resources.is_empty() && resources.iter().all(|resource| is_within(scope, resource))
        }
    };
    config.overrides.iter().find(|entry| entry.is_about(principal, service, name, at) && in_scope(entry))
}

/// Whether every resource a statement means lies within a pattern.
fn is_within(scope: &str, resource: &str) -> bool {
    // All but these: whatever they are, the others are not confined.
    match resource.starts_with("not:") {
        true => covers(scope, "*"),
        false => covers(scope, &without_variables(resource)),
    }
}

/// The resource with `*` for each policy variable: nobody knows what it stands for.
fn without_variables(resource: &str) -> String {
    let mut text = String::with_capacity(resource.len());
    let mut rest = resource;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        text.push('*');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text
}
