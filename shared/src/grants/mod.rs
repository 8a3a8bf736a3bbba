//! What policies allow, by AWS's evaluation logic.
//!
//! Enters: the policies of a principal ([`PolicySnapshot`]) and a catalog. Leaves: [`Grants`], every IAM action they
//! allow, with the statements that grant it, the resources it covers and its conditions. Laws: an unknown action is
//! kept; a grant that cannot be decided is conditional, never denied; an added allow never removes a grant; an added
//! deny never adds one.

mod action;
mod action_groups;
mod action_index;
mod action_rules;
mod condition;
mod context;
mod deciding_statements;
mod decision;
mod describe;
mod document;
mod document_cache;
mod evaluator;
mod exception;
mod grant_scope;
mod ineffective;
pub(crate) mod json;
mod operator;
mod principal_match;
mod request;
mod resource_names;
mod resource_set;
mod rules;
mod snapshot;
mod statement;
mod trust;
mod variable;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    action::Action,
    deciding_statements::{DecidingStatement, DecidingStatements, StatementEffect},
    document::undetermined_text,
    evaluator::{CallerChoices, Evaluator},
    exception::GrantException,
    request::{AuthorizationRequest, Decision, RequestContext},
    snapshot::{
        DatedSnapshot, Policy, PolicyHistory, PolicyOrigin, PolicySnapshot, PolicySnapshotRef,
        ResourceBasedPolicy,
    },
    trust::{TrustPolicies, TrustedService},
};
pub(crate) use self::{
    document::MISSING_DOCUMENT,
    trust::{UNKNOWN_TRUST, is_cognito},
};

/// Whether resource control policies apply to an action: true for the first five services, on which all lists agree.
///
/// Source: Organizations User Guide, "Resource control policies", and Control Tower, "Controls implemented with
/// RCPs", read 2026-11. Services added later are left out: their grants stay, which is the careful side.
fn supports_resource_control_policies(action: &str) -> bool {
    action.split_once(':').is_some_and(|(service, _)| is_governed_by_resource_control(service))
}

/// The same of every action of a service.
fn is_governed_by_resource_control(service: &str) -> bool {
    const SERVICES: [&str; 5] = ["kms", "s3", "secretsmanager", "sqs", "sts"];
    SERVICES.iter().any(|own| own.eq_ignore_ascii_case(service))
}

/// Whether a grant depends on conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Allowed if conditions hold that cannot be decided from the policies alone.
    Conditional,
    /// Allowed, on at least one resource.
    Unconditional,
}

/// The position of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct StatementId {
    /// Name or ARN of the policy.
    pub policy: Arc<str>,
    /// `Sid`, or `#` and its position counted from one.
    pub statement: Arc<str>,
}

/// Statements, resources and conditions that several grants share.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct GrantScope {
    /// Statements that grant, in order.
    pub statements: Vec<StatementId>,
    /// Resources covered, as the statements write them (`not:` before each of a `NotResource`), in order.
    pub resources: Vec<Arc<str>>,
    /// Those of the resources that a statement denies, in order.
    pub denied_resources: Vec<Arc<str>>,
    /// Conditions that the grant depends on, in words; for an unconditional grant, what narrows it.
    pub conditions: Vec<Arc<str>>,
}

/// One action that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The granted IAM action.
    pub action: Arc<Action>,
    /// Whether the grant depends on conditions.
    pub certainty: Certainty,
    /// Statements, resources and conditions of the grant.
    pub scope: Arc<GrantScope>,
}

/// An error in a policy, or a part of it that is not supported.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct PolicyProblem {
    /// Name or ARN of the policy.
    pub policy: Arc<str>,
    /// Statement, if the problem is in one.
    pub statement: Option<Arc<str>>,
    /// Kind of the problem.
    pub kind: PolicyProblemKind,
    /// The problem, in a sentence.
    pub message: String,
}

/// Kinds of problems of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyProblemKind {
    /// An action that is not in the catalog, or a pattern that matches no action in it.
    UnknownAction,
    /// A statement that allows, and that none of its actions can be about the resources of.
    Ineffective,
    /// A document or statement that does not follow IAM's policy grammar: what it grants cannot be determined.
    Malformed,
    /// An element, operator or variable that is not evaluated; grants that depend on it are conditional.
    Unsupported,
}

/// Types of policies that were not given and not evaluated. All but resource-based policies can only narrow the
/// grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnevaluatedPolicyType {
    /// The permissions boundary of the principal, if it has one.
    PermissionsBoundary,
    /// Service control policies of the organization.
    ServiceControlPolicies,
    /// Resource control policies of the organization.
    ResourceControlPolicies,
    /// Session policies, passed when a session is created.
    SessionPolicies,
    /// VPC endpoint policies.
    VpcEndpointPolicies,
    /// Resource-based policies, which can also grant to the principal.
    ResourceBasedPolicies,
}

/// What the policies of one principal allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Grants, in order of their actions, each action once.
    pub entries: Vec<Grant>,
    /// Problems in the policies, in order.
    pub problems: Vec<PolicyProblem>,
    /// Types of policies that were not given.
    pub unevaluated: BTreeSet<UnevaluatedPolicyType>,
}

impl Grants {
    /// The grant of an action, given as `service:Name` as the catalog spells it.
    pub fn get(&self, action: &str) -> Option<&Grant> {
        let position = self.entries.binary_search_by(|grant| grant.action.key.as_ref().cmp(action)).ok()?;
        self.entries.get(position)
    }

    /// Grants that a read-only principal may not have.
    pub fn excessive(&self) -> impl Iterator<Item = &Grant> {
        self.entries.iter().filter(|grant| !grant.gives_only_reads())
    }

    /// What either allows, for policies that were in force one after the other.
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
    /// Merges two grants of one action. The result is unconditional if either is, and covers the resources of both.
    /// It has no conditions if one of the grants with the resulting certainty has none.
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
        // A resource counts as denied only if both deny it.
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
