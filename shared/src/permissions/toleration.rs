//! Grants that overrides of the configuration tolerate.
//!
//! Enters: a [`Grant`] and the overrides. Leaves: the override that tolerates it. Law: overrides that are scoped to
//! resources tolerate a grant only if together they cover every resource of the grant, for every value of its policy
//! variables.

use std::sync::Arc;

use crate::{
    config::{Config, Override},
    grants::Grant,
    pattern::covers,
    time::Time,
};

/// The first override of the configuration that tolerates a grant at that time, if there is one.
pub fn tolerating_override<'c>(
    config: &'c Config,
    principal: &str,
    grant: &Grant,
    at: Time,
) -> Option<&'c Override> {
    let (service, name) = (grant.action.service(), grant.action.name());
    let is_about = |entry: &&'c Override| entry.covers_operations(principal, service, name, at);
    let holds = |entry: &Override, resource: &str| match &entry.resource {
        None => true,
        Some(scope) => is_within(scope, resource),
    };
    let resources = &grant.scope.resources;
    let about = || config.overrides.iter().filter(is_about);
    let alone = about().find(|entry| {
        entry.resource.is_none() || !resources.is_empty() && resources.iter().all(|one| holds(entry, one))
    });
    // Several overrides can tolerate a grant together, if each resource is covered by one of them.
    let together = || {
        let is_held = |resource: &Arc<str>| about().any(|entry| holds(entry, resource));
        about().next().filter(|_| !resources.is_empty() && resources.iter().all(is_held))
    };
    alone.or_else(together)
}

/// Whether every resource that a pattern of a statement matches is within a scope.
fn is_within(scope: &str, resource: &str) -> bool {
    // `NotResource` covers all other resources, so only a scope over all resources is enough.
    match resource.starts_with("not:") {
        true => covers(scope, "*"),
        false => covers(scope, &without_variables(resource)),
    }
}

/// The resource with `*` for each policy variable, since its value is unknown.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        catalog::Catalog,
        grants::{Action, Certainty, GrantScope},
    };

    fn is_tolerated(operation: &str, scope: Option<&str>, action: Action, resources: &[&str]) -> bool {
        let entry = Override {
            id: "one".into(),
            principal: "arn:aws:iam::*:role/ci".into(),
            operation: operation.into(),
            resource: scope.map(str::to_owned),
            owner: "a".into(),
            reason: "b".into(),
            from: None,
            expires: Time(1),
        };
        let config = Config { overrides: vec![entry], ..Config::default() };
        let resources = resources.iter().map(|text| Arc::from(*text)).collect();
        let reach = Arc::new(GrantScope { resources, ..GrantScope::default() });
        let grant = Grant { action: Arc::new(action), certainty: Certainty::Unconditional, scope: reach };
        tolerating_override(&config, "arn:aws:iam::111122223333:role/ci", &grant, Time(0)).is_some()
    }

    fn put() -> Action {
        {
            let entry = Catalog::embedded().expand("s3:PutObject").remove(0);
            Action::of(&entry.key(), &entry.facts)
        }
    }

    #[test]
    fn every_granted_resource_must_be_within_the_scope() {
        let of = |resources: &[&str]| is_tolerated("s3:Put*", Some("arn:aws:s3:::a/*"), put(), resources);
        assert!(of(&["arn:aws:s3:::a/*"]) && of(&["arn:aws:s3:::a/b?", "arn:aws:s3:::a/${aws:userid}/c"]));
        assert!(!of(&["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]));
        assert!(!of(&["arn:aws:s3:::?/*"]) && !of(&["arn:aws:s3:::${aws:userid}/*"]) && !of(&["*"]));
        assert!(!of(&["not:arn:aws:s3:::b/*"]) && !of(&[]));
        assert!(!of(&["arn:aws:s3:::a${unclosed"]) && !of(&["arn:aws:s3:::${a}${b/*"]));
    }

    #[test]
    fn unknown_pattern_is_tolerated_only_as_a_whole() {
        let unknown = |pattern: &str| Action::unknown(Catalog::embedded(), pattern);
        assert!(is_tolerated("new:Do*", None, unknown("new:DoIt*"), &["*"]));
        assert!(!is_tolerated("new:Do?", None, unknown("new:Do*"), &["*"]));
        assert!(!is_tolerated("new:DoIt", None, unknown("new:D*"), &["*"]));
        assert!(!is_tolerated("new:*", None, unknown("ne*:*"), &["*"]));
    }
}
