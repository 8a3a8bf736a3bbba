//! The decision on one request.
//!
//! Enters: the rules that apply to a request, and the request. Leaves: a [`Decision`]. Laws: one deny is enough to
//! deny; a resource of a type that the action does not take is denied; `Allowed` and `Denied` hold for every value of the unknown context keys.

use std::sync::Arc;

use super::{
    AuthorizationRequest, Decision, StatementId,
    action_index::ActionIndex,
    action_rules::{ActionRules, LimitEntry},
    condition::Applicability,
    describe,
    operator::{OptionalTruth, all, any},
    rules::{PolicyLayer, PolicyRule, PolicyRules},
};

/// Whether a rule applies to a resource.
fn applies(rule: &PolicyRule, resource: &str) -> OptionalTruth {
    let holds = match rule.applicability {
        Applicability::Always => Some(true),
        Applicability::Never => Some(false),
        Applicability::Unknown | Applicability::CallerControlled => None,
    };
    all([holds, rule.resources.covers(resource)])
}

/// Decides a request by the rules of the principal's policies.
pub(super) fn decide(
    rules: &PolicyRules,
    request: &AuthorizationRequest<'_>,
    index: &ActionIndex<'_>,
) -> Decision {
    let action = request.action.to_ascii_lowercase();
    let position = index.position(&action);
    let resources = position.and_then(|position| index.resources(index.resource_types(position)?));
    let is_about = |may| {
        resources.is_none_or(|resources| {
            resources.patterns(may).iter().any(|pattern| pattern.matches(request.resource))
        })
    };
    if !is_about(true) {
        return Decision::Denied(Vec::new());
    }
    let is_controlled = super::supports_resource_control_policies(&action);
    let about = rules.rules.iter().filter(|rule| {
        (rule.layer != PolicyLayer::ResourceControl || is_controlled) && rule.covers(&action, position)
    });
    let clauses = ActionRules::of(rules, about);
    let denies: Vec<(&PolicyRule, OptionalTruth)> =
        clauses.denies.iter().map(|rule| (*rule, applies(rule, request.resource))).collect();
    let denying =
        statement_ids(denies.iter().filter(|(_, truth)| *truth == Some(true)).map(|(rule, _)| *rule));
    if !denying.is_empty() {
        return Decision::Denied(denying);
    }
    let sources = clauses.allows.iter().map(|rule| applies(rule, request.resource));
    let allowed = all(std::iter::once(any(sources)).chain(clauses.limits.iter().map(|list| {
        any(list.iter().map(|ally| match ally {
            LimitEntry::Rule(rule) => applies(rule, request.resource),
            LimitEntry::NotGoverned(_) => Some(ally.resource_set(true).contains(request.resource)),
        }))
    })));
    let is_denied = any(denies.iter().map(|(_, truth)| *truth));
    match (allowed, is_denied) {
        (Some(false), _) => Decision::Denied(Vec::new()),
        (Some(true), Some(false)) if !is_about(false) => {
            Decision::Conditional(vec![describe::UNLISTED_RESOURCE.into()])
        }
        (Some(true), Some(false)) => Decision::Allowed(statement_ids(
            clauses.allows.iter().copied().filter(|rule| applies(rule, request.resource) == Some(true)),
        )),
        _ => {
            let open = |rule: &&PolicyRule| applies(rule, request.resource).is_none();
            let allies = clauses.limits.iter().flatten().filter_map(|ally| match ally {
                LimitEntry::Rule(rule) => Some(*rule),
                LimitEntry::NotGoverned(_) => None,
            });
            let mut conditions: Vec<Arc<str>> = clauses
                .allows
                .iter()
                .copied()
                .chain(allies)
                .filter(open)
                .map(describe::allow_condition)
                .collect();
            conditions.extend(clauses.denies.iter().copied().filter(open).map(describe::deny_condition));
            conditions.sort_unstable();
            conditions.dedup();
            Decision::Conditional(conditions)
        }
    }
}

fn statement_ids<'r>(rules: impl Iterator<Item = &'r PolicyRule>) -> Vec<StatementId> {
    let mut named: Vec<StatementId> = rules.map(|rule| rule.id.clone()).collect();
    named.sort_unstable();
    named.dedup();
    named
}
