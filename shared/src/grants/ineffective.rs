//! Statements that allow and grant nothing by themselves.
//!
//! Enters: the rules of a principal's identity-based policies. Leaves: a [`PolicyProblem`] for each statement of which no
//! action can be about its resources. Laws: denies and limits are left out; a statement counts as effective
//! if it has an unknown action, or one of a service with a reference that may be incomplete.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    PolicyProblem, PolicyProblemKind, StatementId,
    action_index::{ActionIndex, Partition},
    rules::{PolicyLayer, PolicyRule, PolicyRules},
    statement::Effect,
};

/// The problems of statements that grant nothing.
pub(super) fn statements(rules: &PolicyRules, index: &ActionIndex<'_>) -> Vec<PolicyProblem> {
    let partition = rules.partition;
    let mut effective: BTreeMap<&StatementId, bool> = BTreeMap::new();
    let allows = rules
        .rules
        .iter()
        .filter(|rule| rule.layer == PolicyLayer::Identity && rule.indexed.statement.effect == Effect::Allow);
    for rule in allows {
        let known = effective.entry(&rule.id).or_default();
        *known = *known || is_effective(rule, index, partition);
    }
    let ineffective = effective.into_iter().filter(|(_, is_effective)| !is_effective);
    ineffective
        .map(|(id, _)| PolicyProblem {
            policy: Arc::clone(&id.policy),
            statement: Some(Arc::clone(&id.statement)),
            kind: PolicyProblemKind::Ineffective,
            message: "no action of the statement is about the resources that it names, so it grants nothing"
                .to_owned(),
        })
        .collect()
}

/// Whether an action of the rule can be about its resources.
fn is_effective(rule: &PolicyRule, index: &ActionIndex<'_>, partition: Partition) -> bool {
    let is_undecided = !rule.indexed.unknown_patterns.is_empty() || rule.actions.is_empty();
    if is_undecided || rule.resources.is_everything() {
        return true;
    }
    if !rule.actions.iter().all(|position| index.has_complete_reference(*position)) {
        return true;
    }
    let set = rule.resources.resource_set(true, None);
    let mut seen = BTreeSet::new();
    rule.actions
        .iter()
        .map(|position| index.resource_types(*position, partition))
        .filter(|types| seen.insert(*types))
        .any(|types| {
            let resources = types.and_then(|types| index.resources(types, partition));
            resources.is_none_or(|resources| set.may_meet(resources.patterns(true)))
        })
}
