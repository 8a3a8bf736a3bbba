//! What a guardrail takes away from the policies that a principal has now.
//!
//! Enters: what the policies grant without and with a guardrail, and its plan. Leaves: [`GuardrailChanges`]. Laws: every
//! granted action is exactly one of: kept, narrowed, removed; the policies are in place only if the proof of the
//! guardrail holds for them as they are.

use std::{collections::BTreeSet, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    GuardrailDraft, GuardrailKind, GuardrailPlan, GuardrailRequest, PolicyQuota,
    allow::{StatementActions, one_or_many},
    document::GuardrailDocument,
    proof::{prove, with_guardrail},
};
use crate::grants::{Grants, Policy};

/// What a guardrail takes away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardrailChanges {
    /// Whether the policies that are attached now already limit the principal as the guardrail would.
    pub is_in_place: bool,
    /// Why they do not, in sentences: the first objections to a proof of the attached policies.
    pub objections: Vec<String>,
    /// Actions that stay granted as they are.
    pub kept: BTreeSet<Arc<str>>,
    /// Actions that stay granted on fewer resources or under more conditions.
    pub narrowed: BTreeSet<Arc<str>>,
    /// Actions, and patterns that match no known action, that are no longer granted.
    pub removed: BTreeSet<Arc<str>>,
    /// The statements of identity-based policies that allow, in order.
    pub statements: Vec<StatementChange>,
}

/// What a guardrail takes away from one statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementChange {
    /// Name or ARN of the policy.
    pub policy: Arc<str>,
    /// `Sid`, or `#` and its position counted from one.
    pub statement: String,
    /// Actions of the statement that stay granted, here or by another statement.
    pub kept: BTreeSet<Arc<str>>,
    /// Actions of the statement that are no longer granted.
    pub removed: BTreeSet<Arc<str>>,
}

impl GuardrailChanges {
    /// The changes of a proven draft.
    pub(super) fn of(
        kind: GuardrailKind,
        request: GuardrailRequest<'_>,
        plan: &GuardrailPlan<'_>,
        draft: &GuardrailDraft,
    ) -> Self {
        let after = request.evaluator.grants(&with_guardrail(kind, request.snapshot, &draft.documents));
        let mut this = Self::default();
        for before in &plan.current_grants.entries {
            let key = Arc::clone(&before.action.key);
            match after.get(&key) {
                None => this.removed.insert(key),
                Some(now) if is_as_wide(plan, before, now) => this.kept.insert(key),
                Some(_) => this.narrowed.insert(key),
            };
        }
        this.statements = statement_changes(request, &plan.current_grants, &after);
        this.objections = objections_to_attached(kind, request, plan, draft);
        this.is_in_place = this.objections.is_empty();
        this
    }
}

/// Whether a grant under the guardrail is as wide as before. A boundary and a service control policy add their statements
/// and conditions to the scope; only resources and certainty count, and what the plan keeps through services.
fn is_as_wide(plan: &GuardrailPlan<'_>, before: &crate::grants::Grant, now: &crate::grants::Grant) -> bool {
    now.certainty == before.certainty
        && now.scope.resources == before.scope.resources
        && now.scope.denied_resources == before.scope.denied_resources
        && !plan.keeps_through_services(&before.action.key)
}

fn statement_changes(request: GuardrailRequest<'_>, before: &Grants, after: &Grants) -> Vec<StatementChange> {
    let mut changes = Vec::new();
    for policy in &request.snapshot.identity_policies {
        let document: Value = serde_json::from_str(&policy.text).unwrap_or_default();
        for (position, statement) in one_or_many(document.get("Statement")).into_iter().enumerate() {
            if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
                continue;
            }
            let Some(actions) = StatementActions::of(statement) else { continue };
            let own = before.entries.iter().map(|grant| &grant.action.key);
            let own = own.filter(|key| actions.cover(key)).cloned();
            let (kept, removed) = own.partition(|key| after.get(key).is_some());
            let sid = statement.get("Sid").and_then(Value::as_str);
            changes.push(StatementChange {
                policy: Arc::clone(&policy.name),
                statement: sid.map_or_else(|| format!("#{}", position + 1), str::to_owned),
                kept,
                removed,
            });
        }
    }
    changes
}

/// The objections to a proof of the policies that are attached now.
fn objections_to_attached(
    kind: GuardrailKind,
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
    draft: &GuardrailDraft,
) -> Vec<String> {
    let snapshot = request.snapshot;
    let attached: Vec<&Policy> = match kind {
        GuardrailKind::Allow => snapshot.identity_policies.iter().collect(),
        GuardrailKind::Boundary => snapshot.permissions_boundary.iter().collect(),
        GuardrailKind::Scp => snapshot.service_control_policies.iter().flatten().flatten().collect(),
    };
    if attached.is_empty() {
        return vec![match kind {
            GuardrailKind::Allow => "no identity-based policy was given".to_owned(),
            GuardrailKind::Boundary => "no permissions boundary was given".to_owned(),
            GuardrailKind::Scp => "no service control policy was given".to_owned(),
        }];
    }
    let quota = match kind {
        GuardrailKind::Scp => PolicyQuota::ServiceControlPolicy,
        _ => PolicyQuota::ManagedPolicy,
    };
    // Every read may stay within a limit, also one that the generated documents have no room for.
    let reads = request.known_actions.actions().filter(|(_, is_read)| *is_read).map(|(key, _)| key);
    let kept = plan.kept.keys().chain(plan.through_services.keys());
    let allowed_actions = match kind {
        GuardrailKind::Allow => draft.allowed_actions.clone(),
        _ => reads.chain(kept).cloned().collect(),
    };
    let documents = attached.into_iter().map(|policy| GuardrailDocument::of_policy(policy, quota)).collect();
    let draft = GuardrailDraft { documents, allowed_actions, ..draft.clone() };
    prove(kind, request, plan, &draft).err().map(|error| error.objections).unwrap_or_default()
}
