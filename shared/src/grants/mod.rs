//! What policies allow.
//!
//! Enters: the policies of a principal ([`PolicySnapshot`]) and a catalog. Leaves: [`Grants`], every IAM action they allow, with
//! the statements that grant it, the resources it covers and what it depends on. Laws: nothing unknown is dropped; what
//! cannot be decided is conditional, never denied; another allow never takes a grant away, another deny never gives one.

mod action;
mod action_groups;
mod action_index;
mod action_rules;
mod condition;
mod context;
mod decision;
mod describe;
mod document;
mod document_cache;
mod evaluator;
mod grant_scope;
mod json;
mod operator;
mod principal_match;
mod request;
mod resource_set;
mod rules;
mod snapshot;
mod statement;
mod variable;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    action::Action,
    evaluator::Evaluator,
    request::{AuthorizationRequest, Decision, RequestContext},
    snapshot::{DatedSnapshot, Policy, PolicyHistory, PolicyOrigin, PolicySnapshot, ResourceBasedPolicy},
};

/// Whether resource control policies bind an action: those of the first five services, that all lists agree on.
///
/// Source: Organizations User Guide, "Resource control policies", and Control Tower, "Controls implemented with RCPs",
/// read 2026-11. Services that came later are left out: their grants stay, which errs to the careful side.
fn supports_resource_control_policies(action: &str) -> bool {
    const SERVICES: [&str; 5] = ["kms", "s3", "secretsmanager", "sqs", "sts"];
    action
        .split_once(':')
        .is_some_and(|(service, _)| SERVICES.iter().any(|own| own.eq_ignore_ascii_case(service)))
}

/// How sure a grant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Allowed if conditions hold whose outcome policies alone do not tell.
    Conditional,
    /// Allowed, on some resource at least.
    Unconditional,
}

/// Where a statement stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct StatementId {
    /// Name or ARN of the policy.
    pub policy: Arc<str>,
    /// `Sid`, or `#` and its position counted from one.
    pub statement: Arc<str>,
}

/// What several grants have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct GrantScope {
    /// Statements that grant, in order.
    pub statements: Vec<StatementId>,
    /// Resources covered, as the statements write them (`not:` before each of a `NotResource`), in order.
    pub resources: Vec<Arc<str>>,
    /// Resources of those that are denied again, in order.
    pub denied_resources: Vec<Arc<str>>,
    /// What it depends on, in words; for a grant that is sure, what narrows it.
    pub conditions: Vec<Arc<str>>,
}

/// One action that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The action.
    pub action: Arc<Action>,
    /// How sure it is.
    pub certainty: Certainty,
    /// By what, on what, and if what.
    pub scope: Arc<GrantScope>,
}

/// What is wrong with a policy, or not understood.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct PolicyProblem {
    /// Name or ARN of the policy.
    pub policy: Arc<str>,
    /// Statement, when it is about one.
    pub statement: Option<Arc<str>>,
    /// Which kind of problem.
    pub kind: PolicyProblemKind,
    /// What it is, in a sentence.
    pub message: String,
}

/// Kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyProblemKind {
    /// An action the catalog does not know, or a pattern that matches none it knows.
    UnknownAction,
    /// A document or statement that is no policy of IAM's grammar: nobody can say what it grants.
    Malformed,
    /// An element, operator or variable that is not evaluated; what depends on it is conditional.
    Unsupported,
}

/// What was not given, and so was not looked at. Each can only narrow what is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnevaluatedPolicyType {
    /// Whether the principal has a permissions boundary.
    PermissionsBoundary,
    /// Service control policies of the organization.
    ServiceControlPolicies,
    /// Resource control policies of the organization.
    ResourceControlPolicies,
    /// Policies passed when a session was begun.
    SessionPolicies,
    /// Policies of VPC endpoints.
    VpcEndpointPolicies,
    /// Policies of resources, which can grant to the principal as well.
    ResourceBasedPolicies,
}

/// What the policies of one principal allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Grants, in order of their actions, each action once.
    pub entries: Vec<Grant>,
    /// What is wrong with the policies, in order.
    pub problems: Vec<PolicyProblem>,
    /// What was not given.
    pub unevaluated: BTreeSet<UnevaluatedPolicyType>,
}

impl Grants {
    /// The grant of an action, `service:Name` as the catalog spells it.
    pub fn get(&self, action: &str) -> Option<&Grant> {
        let position = self.entries.binary_search_by(|grant| grant.action.key.as_ref().cmp(action)).ok()?;
        self.entries.get(position)
    }

    /// Grants that a read-only principal may not have.
    pub fn excessive(&self) -> impl Iterator<Item = &Grant> {
        self.entries.iter().filter(|grant| !grant.action.is_read_only())
    }

    /// What either allows: of policies that were in force one after the other.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let mut all = BTreeMap::new();
        for grant in self.entries.into_iter().chain(other.entries) {
            all.entry(Arc::clone(&grant.action.key))
                .and_modify(|held: &mut Grant| *held = Grant::merge(held.clone(), grant.clone()))
                .or_insert(grant);
        }
        let problems: BTreeSet<PolicyProblem> = self.problems.into_iter().chain(other.problems).collect();
        Self {
            entries: all.into_values().collect(),
            problems: problems.into_iter().collect(),
            unevaluated: self.unevaluated.union(&other.unevaluated).copied().collect(),
        }
    }
}

impl Grant {
    /// Two grants of one action as one: as sure as the surer, and of all that either covers. Nothing narrows it if
    /// nothing narrows one that makes it that sure.
    fn merge(a: Self, b: Self) -> Self {
        if a == b {
            return a;
        }
        let (a, b) = if b.certainty > a.certainty { (b, a) } else { (a, b) };
        let both = |list: fn(&GrantScope) -> &Vec<Arc<str>>| -> Vec<Arc<str>> {
            let all: BTreeSet<_> = list(&a.scope).iter().chain(list(&b.scope)).cloned().collect();
            all.into_iter().collect()
        };
        let statements: BTreeSet<_> = a.scope.statements.iter().chain(&b.scope.statements).cloned().collect();
        // Denied in both only: what one of them leaves is granted.
        let except = a.scope.denied_resources.iter().filter(|one| b.scope.denied_resources.contains(one));
        let is_free = |grant: &Self| grant.certainty == a.certainty && grant.scope.conditions.is_empty();
        let reach = GrantScope {
            statements: statements.into_iter().collect(),
            resources: both(|reach| &reach.resources),
            denied_resources: except.cloned().collect(),
            conditions: if is_free(&a) || is_free(&b) { Vec::new() } else { both(|reach| &reach.conditions) },
        };
        Self { scope: Arc::new(reach), ..a }
    }
}
