//! The decision on one request.
//!
//! Enters: the rules that apply to a request or to any request, its action and resource. Leaves: a [`Decision`]. Laws: one deny is enough to
//! deny; a resource of a type that the action does not take is denied; `Allowed` and `Denied` hold for every value of the unknown context keys.

use std::sync::Arc;

use super::{
    Decision, StatementId,
    action_index::ActionIndex,
    action_rules::{ActionRules, LimitEntry},
    condition::Applicability,
    describe,
    operator::{OptionalTruth, all, any},
    rules::{PolicyLayer, PolicyRule, PolicyRules},
    statement::Effect,
};

/// Whether a rule applies to a resource. The caller uses an allow and avoids a deny if it chooses whether they apply; for
/// one request, it is not known what it chose.
fn applies(rule: &PolicyRule, resource: &str, is_of_request: bool) -> OptionalTruth {
    let holds = match rule.applicability {
        Applicability::Always => Some(true),
        Applicability::Never => Some(false),
        Applicability::CallerControlled if !is_of_request => {
            Some(rule.indexed.statement.effect == Effect::Allow)
        }
        Applicability::CallerControlled | Applicability::Unknown => None,
    };
    all([holds, rule.resources.covers(resource)])
}

/// Decides an action on a resource by the rules of the principal's policies.
pub(super) fn decide(
    rules: &PolicyRules,
    (action, resource): (&str, &str),
    index: &ActionIndex<'_>,
) -> Decision {
    let applies = |rule: &PolicyRule| applies(rule, resource, rules.is_of_request);
    let action = action.to_ascii_lowercase();
    let position = index.position(&action);
    let resources = position.and_then(|position| {
        index.resources(index.resource_types(position, rules.partition)?, rules.partition)
    });
    let is_about = |may| {
        resources
            .is_none_or(|resources| resources.patterns(may).iter().any(|pattern| pattern.matches(resource)))
    };
    if !is_about(true) {
        return Decision::Denied(Vec::new());
    }
    let is_controlled = super::supports_resource_control_policies(&action);
    let about = rules.rules.iter().filter(|rule| {
        (rule.layer != PolicyLayer::ResourceControl || is_controlled) && rule.covers(&action, position)
    });
    let clauses = ActionRules::for_action(rules, about, &action);
    let denies: Vec<(&PolicyRule, OptionalTruth)> =
        clauses.denies.iter().map(|rule| (*rule, applies(rule))).collect();
    let denying =
        statement_ids(denies.iter().filter(|(_, truth)| *truth == Some(true)).map(|(rule, _)| *rule));
    if !denying.is_empty() {
        return Decision::Denied(denying);
    }
    let sources = clauses.allows.iter().map(|rule| applies(rule));
    let allowed = all(std::iter::once(any(sources)).chain(clauses.limits.iter().map(|list| {
        any(list.iter().map(|ally| match ally {
            LimitEntry::Rule(rule) => applies(rule),
            LimitEntry::NotGoverned(_) => Some(ally.resource_set(true).contains(resource)),
        }))
    })));
    let is_denied = any(denies.iter().map(|(_, truth)| *truth));
    match (allowed, is_denied) {
        (Some(false), _) => Decision::Denied(Vec::new()),
        (Some(true), Some(false)) if !is_about(false) => {
            Decision::Conditional(vec![describe::UNLISTED_RESOURCE.into()])
        }
        (Some(true), Some(false)) => Decision::Allowed(statement_ids(
            clauses.allows.iter().copied().filter(|rule| applies(rule) == Some(true)),
        )),
        _ => {
            let open = |rule: &&PolicyRule| applies(rule).is_none();
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
