//! From policies to grants, and to the decision on one request.
//!
//! Enters: [`PolicySnapshot`], and for a decision an [`AuthorizationRequest`]. Leaves: [`Grants`] or a [`Decision`].
//! Law: an action that a decision can allow, on any resource in any context, is among the grants.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Action, AuthorizationRequest, Decision, Grant, Grants, Policy, PolicySnapshot, RequestContext,
    ResourceBasedPolicy, UnevaluatedPolicyType,
    action_groups::ActionGroups,
    action_index::{ActionIndex, ActionPositions},
    action_rules::ActionRules,
    context::{CallerContext, EvaluationContext},
    decision,
    document::PolicyType,
    document_cache::{DocumentCache, IndexedStatement},
    grant_scope::GroupScopes,
    ineffective,
    rules::{PolicyLayer, PolicyRules},
    statement::Effect,
    trust::{self, TrustedService},
};
use crate::{catalog::Catalog, pattern::CompiledPattern, time::Time};

/// Decisions on requests of one principal, which chooses what it writes into them.
#[derive(Clone, Debug)]
pub struct CallerChoices<'e> {
    rules: PolicyRules,
    index: &'e ActionIndex<'e>,
}

impl CallerChoices<'_> {
    /// The decision on an action and a resource: allowed if the principal can make a request that is allowed whatever the
    /// keys are that it does not choose, denied if it can make no request that is allowed.
    pub fn decide(&self, action: &str, resource: &str) -> Decision {
        decision::decide(&self.rules, (action, resource), self.index)
    }
}

/// Evaluates policies and caches the documents it has parsed.
#[derive(Debug)]
pub struct Evaluator<'c> {
    catalog: &'c Catalog,
    library: DocumentCache<'c>,
    now: Option<Time>,
}

impl<'c> Evaluator<'c> {
    /// An evaluator for a catalog.
    pub fn new(catalog: &'c Catalog) -> Self {
        Self { catalog, library: DocumentCache::new(catalog), now: None }
    }

    /// Evaluates conditions on times as of this time. Without it, they are undecided.
    #[must_use]
    pub fn at(self, now: Time) -> Self {
        Self { now: Some(now), ..self }
    }

    /// The catalog of AWS operations and their classification.
    pub const fn catalog(&self) -> &'c Catalog {
        self.catalog
    }

    /// The rules of a principal's policies, and the actions that they are about.
    pub(super) fn rules_and_index(&self, snapshot: &PolicySnapshot) -> (PolicyRules, &ActionIndex<'c>) {
        (self.rules(snapshot, CallerContext::of(snapshot)), &self.library.action_index)
    }

    /// The decision of the policies on one request.
    pub fn decide(&self, snapshot: &PolicySnapshot, request: &AuthorizationRequest<'_>) -> Decision {
        let caller = CallerContext::of(snapshot);
        let facts = self.context(&caller, Some(request.context));
        let rules = PolicyRules::of(snapshot, &facts, &self.library);
        let index = &self.library.action_index;
        decision::decide(&rules, (request.action, request.resource), index)
    }

    /// Decisions on requests that a principal makes as it chooses, with these values of condition keys.
    pub fn choices(&self, snapshot: &PolicySnapshot, known_keys: &[(&str, &str)]) -> CallerChoices<'_> {
        let keys = known_keys.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]));
        self.choices_with_keys(snapshot, keys)
    }

    /// Decisions on requests that a principal makes as it chooses, with these values of condition keys; of a key without values
    /// it is known that the requests do not have it.
    pub fn choices_with_keys(
        &self,
        snapshot: &PolicySnapshot,
        known_keys: impl IntoIterator<Item = (String, Vec<String>)>,
    ) -> CallerChoices<'_> {
        let caller = known_keys
            .into_iter()
            .fold(CallerContext::of(snapshot), |caller, (key, values)| caller.with_known_key(&key, values));
        CallerChoices { rules: self.rules(snapshot, caller), index: &self.library.action_index }
    }

    /// The services that a trust policy allows to assume its role, in order.
    pub fn trusted_services(&self, role: &str, trust: &Policy) -> Vec<TrustedService> {
        trust::trusted_services(role, &self.library.get_or_index(&trust.text, PolicyType::Resource))
    }

    /// What a principal's policies allow.
    pub fn grants(&self, snapshot: &PolicySnapshot) -> Grants {
        self.grants_of(snapshot, CallerContext::of(snapshot))
    }

    /// What a principal's policies allow in requests with these values of a condition key. Without values, the
    /// requests do not have the key.
    pub fn grants_with_key(&self, snapshot: &PolicySnapshot, key: &str, values: Vec<String>) -> Grants {
        self.grants_of(snapshot, CallerContext::of(snapshot).with_known_key(key, values))
    }

    fn context<'a>(
        &self,
        caller: &'a CallerContext,
        request: Option<&'a RequestContext>,
    ) -> EvaluationContext<'a> {
        EvaluationContext { caller, request, absent_keys: &[], now: self.now }
    }

    fn rules(&self, snapshot: &PolicySnapshot, caller: CallerContext) -> PolicyRules {
        let caller = match self.may_federate(snapshot) {
            true => caller.with_federated_sessions(),
            false => caller,
        };
        PolicyRules::of(snapshot, &self.context(&caller, None), &self.library)
    }

    fn grants_of(&self, snapshot: &PolicySnapshot, caller: CallerContext) -> Grants {
        let rules = self.rules(snapshot, caller);
        let index = &self.library.action_index;
        let unknown = self.unknown_actions(&rules);
        let classes =
            ActionGroups::of(index.len() + unknown.len(), &self.positions_per_rule(&rules, &unknown));
        let groups: Vec<GroupScopes<'_>> = classes
            .statements_per_group()
            .map(|about| {
                let about = about.into_iter().filter_map(|at| rules.rules.get(at));
                GroupScopes::of(ActionRules::of(&rules, about))
            })
            .collect();
        let unknown_actions: Vec<&Arc<Action>> = unknown.values().collect();
        let action = |position: u32| {
            let beyond = usize::try_from(position).ok()?.checked_sub(index.len());
            beyond.map_or_else(|| index.action(position), |at| unknown_actions.get(at).copied())
        };
        let mut held: Vec<Grant> = (0..)
            .zip(classes.group_per_action())
            .filter_map(|(position, class)| {
                let (certainty, scope) = groups.get(class)?.scope(position, index, rules.partition)?;
                Some(Grant { action: Arc::clone(action(position)?), certainty, scope })
            })
            .collect();
        if !unknown.is_empty() {
            held.sort_by(|a, b| a.action.key.cmp(&b.action.key));
            held.dedup_by(|a, b| a.action.key == b.action.key);
        }
        let ineffective = ineffective::statements(&rules, index);
        let mut problems = rules.problems;
        problems.extend(ineffective);
        problems.sort_unstable();
        Grants { entries: held, problems, unevaluated: unevaluated_policy_types(snapshot) }
    }

    /// Whether a policy may allow the principal to create sessions of federated users.
    fn may_federate(&self, snapshot: &PolicySnapshot) -> bool {
        let Some(action) = self.library.action_index.position("sts:getfederationtoken") else { return false };
        self.any_allow(snapshot, |entry| entry.actions.binary_search(&action).is_ok())
    }

    /// Whether an identity-based policy has such a statement that allows.
    fn any_allow(&self, snapshot: &PolicySnapshot, is_meant: impl Fn(&IndexedStatement) -> bool) -> bool {
        snapshot.identity_policies.iter().any(|policy| {
            let document = self.library.get_or_index(&policy.text, PolicyType::Identity);
            let mut statements = document.statements.iter();
            statements.any(|entry| entry.statement.effect == Effect::Allow && is_meant(entry))
        })
    }

    // Patterns without an action in the catalog, keyed by lower case, from the statements that can grant.
    fn unknown_actions(&self, rules: &PolicyRules) -> BTreeMap<String, Arc<Action>> {
        let granting = rules.rules.iter().filter(|rule| {
            let statement = &rule.indexed.statement;
            statement.effect == Effect::Allow
                && !statement.actions.is_negated
                && matches!(rule.layer, PolicyLayer::Identity | PolicyLayer::ResourceBased(..))
        });
        granting
            .flat_map(|rule| &rule.indexed.unknown_patterns)
            .map(|pattern| (pattern.to_ascii_lowercase(), Arc::new(Action::unknown(self.catalog, pattern))))
            .collect()
    }

    // The positions each rule covers: actions of the catalog, followed by the unknown ones.
    fn positions_per_rule(
        &self,
        rules: &PolicyRules,
        unknown: &BTreeMap<String, Arc<Action>>,
    ) -> Vec<ActionPositions> {
        let index = &self.library.action_index;
        let count = u32::try_from(index.len()).unwrap_or(u32::MAX);
        let shapes: Vec<(&str, CompiledPattern)> =
            unknown.keys().map(|key| (key.as_str(), CompiledPattern::of(key))).collect();
        let controlled: Option<Vec<bool>> =
            rules.rules.iter().any(|rule| rule.layer == PolicyLayer::ResourceControl).then(|| {
                (0..count).map(|at| super::is_governed_by_resource_control(index.service(at))).collect()
            });
        let about = |rule: &super::rules::PolicyRule| -> ActionPositions {
            let may = |key: &str| {
                rule.layer != PolicyLayer::ResourceControl || super::supports_resource_control_policies(key)
            };
            let also: Vec<u32> = (count..)
                .zip(&shapes)
                .filter(|(_, (key, shape))| {
                    may(key) && rule.covers_unknown && rule.indexed.covers_unknown_pattern(shape)
                })
                .map(|(at, _)| at)
                .collect();
            match &controlled {
                Some(controlled) if rule.layer == PolicyLayer::ResourceControl => {
                    let is_controlled = |at: &u32| {
                        usize::try_from(*at).ok().and_then(|at| controlled.get(at).copied()) == Some(true)
                    };
                    rule.actions.iter().copied().filter(is_controlled).chain(also).collect()
                }
                _ if also.is_empty() => Arc::clone(&rule.actions),
                _ => rule.actions.iter().copied().chain(also).collect(),
            }
        };
        rules.rules.iter().map(about).collect()
    }
}

fn unevaluated_policy_types(snapshot: &PolicySnapshot) -> BTreeSet<UnevaluatedPolicyType> {
    [
        (
            UnevaluatedPolicyType::PermissionsBoundary,
            snapshot.permissions_boundary.is_none() && !snapshot.is_boundary_known,
        ),
        (UnevaluatedPolicyType::ServiceControlPolicies, snapshot.service_control_policies.is_none()),
        (UnevaluatedPolicyType::ResourceControlPolicies, snapshot.resource_control_policies.is_none()),
        (UnevaluatedPolicyType::SessionPolicies, true),
        (UnevaluatedPolicyType::VpcEndpointPolicies, true),
        // A trust policy says nothing about the policies of other resources.
        (
            UnevaluatedPolicyType::ResourceBasedPolicies,
            snapshot.resource_based_policies.iter().all(ResourceBasedPolicy::is_trust_policy),
        ),
    ]
    .into_iter()
    .filter_map(|(unseen, holds)| holds.then_some(unseen))
    .collect()
}
