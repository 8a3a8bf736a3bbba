//! The decision on one request.
//!
//! Enters: the rules that hold for a request, and the request. Leaves: a [`Decision`]. Laws: one deny refuses; granted
//! means whatever else the context holds, and denied as well.

use std::sync::Arc;

use super::{
    Decision, Request, StatementId,
    clauses::{Ally, Clauses},
    condition::Outcome,
    operator::{Truth, all, any},
    rules::{Layer, Rule, Rules},
    words,
};

/// Whether a rule applies to a resource.
fn applies(rule: &Rule, resource: &str) -> Truth {
    let holds = match rule.outcome {
        Outcome::Always => Some(true),
        Outcome::Never => Some(false),
        Outcome::Open | Outcome::Chosen => None,
    };
    all([holds, rule.resources.cover(resource)])
}

/// Decides.
pub(super) fn decide(rules: &Rules, request: &Request<'_>) -> Decision {
    let action = request.action.to_ascii_lowercase();
    let is_controlled = super::is_resource_controlled(&action);
    let about = rules
        .all
        .iter()
        .filter(|rule| (rule.layer != Layer::ResourceControl || is_controlled) && rule.entry.names(&action));
    let clauses = Clauses::of(rules, about);
    let denies: Vec<(&Rule, Truth)> =
        clauses.denies.iter().map(|rule| (*rule, applies(rule, request.resource))).collect();
    let refusing = named(denies.iter().filter(|(_, truth)| *truth == Some(true)).map(|(rule, _)| *rule));
    if !refusing.is_empty() {
        return Decision::Denied(refusing);
    }
    let sources = clauses.sources.iter().map(|rule| applies(rule, request.resource));
    let allowed = all(std::iter::once(any(sources)).chain(clauses.limits.iter().map(|list| {
        any(list.iter().map(|ally| match ally {
            Ally::Rule(rule) => applies(rule, request.resource),
            Ally::Outside(_) => Some(ally.region(true).holds(request.resource)),
        }))
    })));
    let is_refused = any(denies.iter().map(|(_, truth)| *truth));
    match (allowed, is_refused) {
        (Some(false), _) => Decision::Denied(Vec::new()),
        (Some(true), Some(false)) => Decision::Granted(named(
            clauses.sources.iter().copied().filter(|rule| applies(rule, request.resource) == Some(true)),
        )),
        _ => {
            let open = |rule: &&Rule| applies(rule, request.resource).is_none();
            let allies = clauses.limits.iter().flatten().filter_map(|ally| match ally {
                Ally::Rule(rule) => Some(*rule),
                Ally::Outside(_) => None,
            });
            let mut conditions: Vec<Arc<str>> =
                clauses.sources.iter().copied().chain(allies).filter(open).map(words::of_allow).collect();
            conditions.extend(clauses.denies.iter().copied().filter(open).map(words::of_deny));
            conditions.sort_unstable();
            conditions.dedup();
            Decision::Conditional(conditions)
        }
    }
}

fn named<'r>(rules: impl Iterator<Item = &'r Rule>) -> Vec<StatementId> {
    let mut named: Vec<StatementId> = rules.map(|rule| rule.id.clone()).collect();
    named.sort_unstable();
    named.dedup();
    named
}
