//! What a change of policies grants and takes away.
//!
//! Enters: the principals before and after a change, with their grants. Leaves: [`PermissionsDiff`]. Laws: an action
//! that the new policies grant and the old ones do not is listed; the result is `NO_NEW_ACCESS` only if every action
//! that is not read-only is granted on no more resources, and on no other conditions, than before; equal policies give
//! `NO_NEW_ACCESS`; what cannot be compared is INDETERMINATE.

mod pairing;
mod policy_version;
#[cfg(test)]
pub(crate) mod tests;
mod widening;

use std::{collections::BTreeSet, sync::Arc};

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

pub use self::pairing::{PrincipalPair, pair};
use self::widening::Widening;
use super::{
    UnreadDeclaration, UnreadPart, excessive, granted_action::in_reading_order,
    toleration::tolerating_override,
};
use crate::{
    config::Config,
    grants::{
        Certainty, DecidingStatements, Evaluator, Grant, Grants, MISSING_DOCUMENT, Policy, PolicyProblem,
        PolicyProblemKind, PolicySnapshot, StatementId,
    },
    operation::{AccessLevel, Capabilities, OperationType, RiskLevel},
    time::Time,
};

/// Version of the shape of a [`PermissionsDiff`]; the first number changes if a field loses its meaning.
pub const DIFF_SCHEMA_VERSION: &str = "1.1";

/// Whether a change grants more than reads. The order is that of severity.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccessChange {
    /// The change grants nothing more that is not read-only.
    #[default]
    NoNewAccess,
    /// It cannot be decided whether the change grants more that is not read-only.
    Indeterminate,
    /// The change grants something more that is not read-only.
    NewAccess,
}

/// What happened to a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalChange {
    /// Only the new policies have the principal.
    Added,
    /// Only the old policies have the principal.
    Removed,
    /// Both have it, and its grants or its problems differ.
    Changed,
    /// Both have it, with the same grants.
    Unchanged,
}

/// How an action is granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantState {
    /// Whether the grant depends on conditions.
    pub certainty: Certainty,
    /// All conditions of the grant, in words.
    pub conditions: Vec<Arc<str>>,
    /// Resources covered, as the statements write them.
    pub resources: Vec<Arc<str>>,
    /// Those of the resources that a statement denies.
    pub denied_resources: Vec<Arc<str>>,
    /// Statements that grant it.
    pub statements: Vec<StatementId>,
}

/// An action with another grant than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionChange {
    /// The IAM action as the catalog spells it, or the pattern as the policy writes it.
    pub action: Arc<str>,
    /// Operation type of the action.
    pub operation_type: OperationType,
    /// Access level, when known.
    pub access_level: Option<AccessLevel>,
    /// What the action allows its caller to do.
    pub capabilities: Capabilities,
    /// Risk level of the action.
    pub risk_level: RiskLevel,
    /// Whether this grants more that is not read-only.
    pub access_change: AccessChange,
    /// Id of the override that tolerates the new grant.
    pub tolerated_by: Option<String>,
    /// The old grant; absent if there was none.
    pub old: Option<GrantState>,
    /// The new grant; absent if there is none.
    pub new: Option<GrantState>,
}

/// The changes of one principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalDiff {
    /// ARN of the principal, or the name given to policies without a principal.
    pub principal: Arc<str>,
    /// What happened to the principal.
    pub change: PrincipalChange,
    /// The most severe change.
    pub access_change: AccessChange,
    /// Actions that only the new policies grant, in order.
    pub granted: Vec<ActionChange>,
    /// Actions that only the old policies grant, in order.
    pub revoked: Vec<ActionChange>,
    /// Actions that both grant, with other conditions, resources or certainty, in order.
    pub changed: Vec<ActionChange>,
    /// Problems in the new policies because of which the changes cannot be decided.
    pub undecided: Vec<PolicyProblem>,
}

/// The changes of all principals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionsDiff {
    /// Version of this shape.
    pub schema_version: String,
    /// The most severe change of all; absent if neither side has a principal.
    pub access_change: Option<AccessChange>,
    /// Number of principals with unchanged grants.
    pub unchanged: u64,
    /// Principals that were added, removed or changed, the most severe change first.
    pub principals: Vec<PrincipalDiff>,
    /// Parts of the new file that were not read, may declare principals or policies, and may have changed. With any of
    /// them, it cannot be decided that the change grants nothing more.
    #[serde(default)]
    pub unread: Vec<UnreadPart>,
    /// What else the files do not say, in sentences.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Version of the catalog.
    pub catalog_version: String,
}

/// A principal before or after the change.
#[derive(Clone, Debug)]
pub struct DiffSide<'e> {
    /// Its policies.
    pub snapshot: PolicySnapshot,
    /// What they grant.
    pub grants: Grants,
    /// Their statements.
    pub statements: DecidingStatements<'e>,
}

impl<'e> DiffSide<'e> {
    /// Evaluates the policies of a principal.
    pub fn of(evaluator: &'e Evaluator<'_>, snapshot: PolicySnapshot) -> Self {
        let snapshot = policy_version::in_one_version(snapshot);
        let (grants, statements) = (evaluator.grants(&snapshot), evaluator.deciding_statements(&snapshot));
        Self { snapshot, grants, statements }
    }
}

impl PermissionsDiff {
    /// Sorts the changes and determines the most severe one.
    pub fn of(all: Vec<PrincipalDiff>, catalog_version: &str) -> Self {
        let access_change = all.iter().map(|one| one.access_change).max();
        let (same, mut principals): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|one| one.change == PrincipalChange::Unchanged);
        principals.sort_by(|a, b| {
            b.access_change.cmp(&a.access_change).then_with(|| a.principal.cmp(&b.principal))
        });
        Self {
            schema_version: DIFF_SCHEMA_VERSION.to_owned(),
            access_change,
            unchanged: same.len() as u64,
            principals,
            unread: Vec::new(),
            notes: Vec::new(),
            catalog_version: catalog_version.to_owned(),
        }
    }

    /// The changes with what the files do not hold. A part that neither file has and that both declare in the same way
    /// did not change.
    #[must_use]
    pub fn with_unread(
        mut self,
        old: &[UnreadDeclaration],
        new: &[UnreadDeclaration],
        mut notes: Vec<String>,
    ) -> Self {
        let (same, changed): (Vec<_>, Vec<_>) =
            new.iter().partition(|one| old.iter().any(|older| one.is_same(older)));
        if !changed.is_empty() {
            self.access_change = self.access_change.max(Some(AccessChange::Indeterminate));
        }
        let is_unchanged = |one: &&UnreadDeclaration| {
            format!("{} is not read, and its declaration did not change", one.part.name)
        };
        notes.extend(same.iter().map(is_unchanged));
        self.unread = changed.into_iter().map(|one| one.part.clone()).collect();
        self.notes = notes;
        self
    }

    /// The published JSON schema of the changes.
    pub fn schema() -> Schema {
        schemars::schema_for!(Self)
    }
}

/// Compares the grants of one principal. `principal` is its ARN for the overrides.
pub fn compare(
    principal: &Arc<str>,
    old: Option<&DiffSide<'_>>,
    new: Option<&DiffSide<'_>>,
    config: &Config,
    at: Time,
) -> PrincipalDiff {
    let nothing = Grants::default();
    let (before, after) =
        (old.map_or(&nothing, |side| &side.grants), new.map_or(&nothing, |side| &side.grants));
    let keys: BTreeSet<&Arc<str>> =
        before.entries.iter().chain(&after.entries).map(|grant| &grant.action.key).collect();
    let has_same_policies = old.zip(new).is_some_and(|(old, new)| old.snapshot == new.snapshot);
    let (mut granted, mut revoked, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        let own = |a, b| ActionChange::of(principal, (a, old), (b, new), config, at);
        match (before.get(key), after.get(key)) {
            (None, Some(grant)) => granted.extend(own(None, Some(grant))),
            (Some(grant), None) => revoked.extend(own(Some(grant), None)),
            (Some(a), Some(b)) if is_same(a, b) => {
                // Which resources are granted on which condition may have changed.
                let change = (!has_same_policies).then(|| own(Some(a), Some(b))).flatten();
                changed.extend(change.filter(|one| one.access_change != AccessChange::NoNewAccess));
            }
            (a, b) => changed.extend(own(a, b)),
        }
    }
    let undecided = undecided(old, new);
    let is_same = granted.is_empty() && revoked.is_empty() && changed.is_empty() && undecided.is_empty();
    let access_change = granted.iter().chain(&changed).map(|change: &ActionChange| change.access_change);
    let open = if undecided.is_empty() { AccessChange::NoNewAccess } else { AccessChange::Indeterminate };
    PrincipalDiff {
        principal: Arc::clone(principal),
        change: match (old, new) {
            (None, _) => PrincipalChange::Added,
            (_, None) => PrincipalChange::Removed,
            _ if is_same => PrincipalChange::Unchanged,
            _ => PrincipalChange::Changed,
        },
        access_change: access_change.max().unwrap_or_default().max(open),
        granted,
        revoked,
        changed,
        undecided,
    }
}

/// Whether two grants differ in nothing but the statements that grant.
fn is_same(a: &Grant, b: &Grant) -> bool {
    let of = |grant: &Grant| {
        let scope = &grant.scope;
        (grant.certainty, scope.conditions.clone(), scope.resources.clone(), scope.denied_resources.clone())
    };
    of(a) == of(b)
}

/// Problems of the new policies because of which a grant may be missing. A managed policy without a document on either
/// side is the same policy on both.
fn undecided(old: Option<&DiffSide<'_>>, new: Option<&DiffSide<'_>>) -> Vec<PolicyProblem> {
    let Some(new) = new else { return Vec::new() };
    let is_on_both_sides = |problem: &PolicyProblem| {
        problem.message == MISSING_DOCUMENT
            && old.is_some_and(|old| {
                let texts = |side: &DiffSide<'_>| -> BTreeSet<Arc<str>> {
                    let held = policies(&side.snapshot).filter(|policy| policy.name == problem.policy);
                    held.map(|policy| Arc::clone(&policy.text)).collect()
                };
                texts(old) == texts(new)
            })
    };
    let malformed = new.grants.problems.iter().filter(|one| one.kind == PolicyProblemKind::Malformed);
    malformed.filter(|problem| !is_on_both_sides(problem)).cloned().collect()
}

fn policies(snapshot: &PolicySnapshot) -> impl Iterator<Item = &Policy> {
    snapshot.identity_policies.iter().chain(&snapshot.permissions_boundary)
}

impl ActionChange {
    fn of(
        principal: &str,
        (old, before): (Option<&Grant>, Option<&DiffSide<'_>>),
        (new, after): (Option<&Grant>, Option<&DiffSide<'_>>),
        config: &Config,
        at: Time,
    ) -> Option<Self> {
        let action = &new.or(old)?.action;
        let tolerated = new
            .filter(|new| !new.gives_only_reads())
            .and_then(|grant| tolerating_override(config, principal, grant, at));
        let access_change = match (old, new) {
            _ if new.is_some_and(Grant::gives_only_reads) || tolerated.is_some() => AccessChange::NoNewAccess,
            (_, None) => AccessChange::NoNewAccess,
            (None, Some(new)) => added(new),
            (Some(old), Some(new)) => {
                let widening = before.zip(after).map(|(before, after)| widening::of(old, new, before, after));
                match widening {
                    Some(Widening::No) => AccessChange::NoNewAccess,
                    Some(Widening::Undecided) | None => AccessChange::Indeterminate,
                    Some(Widening::Yes) => added(new),
                }
            }
        };
        Some(Self {
            action: Arc::clone(&action.key),
            operation_type: action.operation_type,
            access_level: action.access_level,
            capabilities: action.capabilities,
            risk_level: action.risk_level,
            access_change,
            tolerated_by: tolerated.map(|entry| entry.id.clone()),
            old: old.map(GrantState::of),
            new: new.map(GrantState::of),
        })
    }
}

fn added(new: &Grant) -> AccessChange {
    match excessive::is_unconditional(new) {
        true => AccessChange::NewAccess,
        false => AccessChange::Indeterminate,
    }
}

impl GrantState {
    fn of(grant: &Grant) -> Self {
        let scope = &grant.scope;
        Self {
            certainty: grant.certainty,
            conditions: in_reading_order(&scope.conditions),
            resources: scope.resources.clone(),
            denied_resources: scope.denied_resources.clone(),
            statements: scope.statements.clone(),
        }
    }
}
