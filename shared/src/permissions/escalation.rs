//! Privilege escalation paths: ways from the granted permissions to more.
//!
//! Enters: [`Grants`]. Leaves: [`EscalationPath`]s. Laws: a path is reported only if every action it needs is
//! granted; only the resources and conditions of the grants themselves can rule a path out; a path is unconditional
//! only if each of its actions is.

pub(super) mod methods;

use std::sync::Arc;

use self::methods::EscalationMethod;
use super::EscalationPath;
use crate::{
    grants::{Certainty, Grant, GrantScope, Grants},
    pattern::has_wildcard,
};

/// Maximum number of resources of a path.
pub(crate) const MAX_RESOURCES: usize = 10;
/// Maximum number of resources that a sentence names.
const MAX_NAMED: usize = 2;

/// The privilege escalation paths that the grants open, in order of their ids.
pub fn paths(grants: &Grants) -> Vec<EscalationPath> {
    let mut paths: Vec<EscalationPath> =
        methods::all().filter_map(|method| method.best_path(grants)).collect();
    paths.sort_unstable();
    paths
}

impl EscalationMethod {
    /// The path through an action set of the method that the grants cover, preferably one granted without conditions;
    /// `None` if the grants cover no action set.
    fn best_path(&self, grants: &Grants) -> Option<EscalationPath> {
        let ways = self.action_sets.iter().filter_map(|way| self.path_through(way, grants));
        // The first of equal sets wins.
        ways.fold(None, |best: Option<EscalationPath>, way| match best {
            Some(best) if best.is_unconditional || !way.is_unconditional => Some(best),
            _ => Some(way),
        })
    }

    fn path_through(&self, way: &[&str], grants: &Grants) -> Option<EscalationPath> {
        let held: Vec<&Grant> = way.iter().map(|action| grants.get(action)).collect::<Option<_>>()?;
        let through = held.first()?;
        let resources = &through.scope.resources;
        if self.only_for_others
            && !resources.is_empty()
            && resources.iter().all(|resource| is_callers_own_user(resource))
            || !self.passed_to_services.is_empty() && !may_pass_to(through, self.passed_to_services)
        {
            return None;
        }
        Some(EscalationPath {
            id: self.id.to_owned(),
            description: self.description.replace("{}", &describe_resources(self.noun, through)),
            actions: held.iter().map(|grant| Arc::clone(&grant.action.key)).collect(),
            is_unconditional: held.iter().all(|grant| grant.certainty == Certainty::Unconditional),
            resources: resources.iter().take(MAX_RESOURCES).cloned().collect(),
        })
    }
}

/// Whether a resource is only the caller's own user. User names are unique within an account, regardless of the path.
fn is_callers_own_user(resource: &str) -> bool {
    resource.split_once(":user/").is_some_and(|(_, name)| {
        let (path, name) = name.rsplit_once('/').unwrap_or(("", name));
        name == "${aws:username}" && !has_wildcard(path) && !path.contains("${")
    })
}

/// Whether a role may be passed to one of these services. It may not only if every statement that grants it has one
/// condition, which lists other services by their full names. Any other condition leaves the path open.
fn may_pass_to(grant: &Grant, services: &[&str]) -> bool {
    let GrantScope { statements, conditions, .. } = &*grant.scope;
    // For a conditional grant, statements without a condition cannot be distinguished from the others.
    if grant.certainty != Certainty::Unconditional || conditions.len() < statements.len().max(1) {
        return true;
    }
    conditions.iter().any(|condition| {
        let Some(named) = restricted_services(condition) else { return true };
        named.split(", ").any(|name| services.iter().any(|service| name.contains(service)))
    })
}

/// The services in a condition that restricts only `iam:PassedToService`. The condition is written as in a grant:
/// key, operator, values.
fn restricted_services(condition: &str) -> Option<&str> {
    let (key, rest) = condition.split_once(' ')?;
    let (operator, values) = rest.split_once(' ')?;
    let confines = ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ForAnyValue:StringEquals"];
    // A value may contain text that looks like a separator or a suffix; the name of a service never does.
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    (key.eq_ignore_ascii_case("iam:PassedToService")
        && confines.iter().any(|one| one.eq_ignore_ascii_case(operator))
        && values.split(", ").all(is_name))
    .then_some(values)
}

/// The resources of a grant in words.
fn describe_resources(noun: &str, grant: &Grant) -> String {
    let list = |resources: &[Arc<str>]| {
        let named = resources.iter().take(MAX_NAMED).map(|resource| format!("`{resource}`"));
        let named = named.collect::<Vec<_>>().join(" or ");
        match resources.len().saturating_sub(MAX_NAMED) {
            0 => named,
            more => format!("{named} or {more} more"),
        }
    };
    let reach = &grant.scope;
    let any = reach.resources.iter().any(|resource| &**resource == "*") || reach.resources.is_empty();
    let excluded: Vec<Arc<str>> =
        reach.resources.iter().filter_map(|resource| resource.strip_prefix("not:")).map(Into::into).collect();
    let except: Vec<Arc<str>> =
        reach.denied_resources.iter().cloned().chain(excluded.iter().cloned()).collect();
    let what = if any || !excluded.is_empty() { format!("any {noun}") } else { list(&reach.resources) };
    match except.is_empty() {
        true => what,
        false => format!("{what} except {}", list(&except)),
    }
}

#[cfg(test)]
mod tests;
