//! A least-privilege policy that allows the used actions.
//!
//! Enters: a [`GuardrailPlan`]. Leaves: identity-based policies that replace those of the principal. Laws: each
//! statement that allows is one of the principal's own with fewer actions, so its resources and conditions stay;
//! statements that deny stay unchanged; no pattern matches a known action that was not used; what is kept through AWS
//! services only has their condition beside those of the statement.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    ActionPattern, CoverTarget, GuardrailDraft, GuardrailError, GuardrailKind, GuardrailPlan,
    GuardrailRequest, PolicyQuota, WildcardScope,
    action_patterns::cover_actions,
    document::{GuardrailStatement, split_documents},
    open_wildcards, quotas, through_services,
};
use crate::pattern::matches;

/// The resources and conditions of a statement, as it writes them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct StatementScope {
    /// `Resource`, `NotResource` and `Condition` as JSON text; empty if absent.
    elements: [String; 3],
}

/// The policies, before their proof.
pub fn draft(
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
) -> Result<GuardrailDraft, GuardrailError> {
    let refuse = |why: &str| Err(GuardrailError::new(GuardrailKind::Allow, why.to_owned()));
    let Some(used) = request.usage else {
        return refuse(&GuardrailKind::Allow.missing_input(request).unwrap_or_default());
    };
    let is_kept = |key: &&Arc<str>| {
        plan.used_reads.contains(*key) || plan.keeps(key) || plan.keeps_through_services(key)
    };
    let wanted: BTreeSet<Arc<str>> = used
        .actions
        .keys()
        .filter(is_kept)
        .filter(|key| plan.current_grants.get(key).is_some())
        .cloned()
        .collect();
    if wanted.is_empty() {
        return refuse("no used action is both granted and kept");
    }
    let mut places: BTreeMap<StatementScope, BTreeSet<Arc<str>>> = BTreeMap::new();
    let mut denials: Vec<Value> = Vec::new();
    for policy in &request.snapshot.identity_policies {
        let document: Value = serde_json::from_str(&policy.text).unwrap_or_default();
        let is_modern = document.get("Version").and_then(Value::as_str) == Some("2012-10-17");
        for statement in one_or_many(document.get("Statement")) {
            let actions = StatementActions::of(statement);
            let is_own = |key: &&Arc<str>| actions.as_ref().is_some_and(|actions| actions.cover(key));
            let own: BTreeSet<Arc<str>> = wanted.iter().filter(is_own).cloned().collect();
            if own.is_empty() {
                continue;
            }
            if !is_modern && statement.to_string().contains("${") {
                return refuse(
                    "a statement with `${` is in a policy of an old version, which has no policy variables",
                );
            }
            match statement.get("Effect").and_then(Value::as_str) {
                Some("Allow") => places.entry(StatementScope::of(statement)).or_default().extend(own),
                Some("Deny") => denials.push(with_new_sid(statement, denials.len())),
                _ => {}
            }
        }
    }
    // An action that is allowed on all resources without a condition is not repeated in other statements.
    let anywhere = StatementScope { elements: ["\"*\"".to_owned(), String::new(), String::new()] };
    let everywhere = places.get(&anywhere).cloned().unwrap_or_default();
    let nothing = BTreeSet::new();
    let mut statements: Vec<GuardrailStatement> = Vec::new();
    let mut patterns: Vec<ActionPattern> = Vec::new();
    for (place, own) in &places {
        let own: BTreeSet<Arc<str>> =
            if *place == anywhere { own.clone() } else { own.difference(&everywhere).cloned().collect() };
        let (forwarded, own): (BTreeSet<_>, BTreeSet<_>) =
            own.into_iter().partition(|key| plan.keeps_through_services(key));
        let (reads, others): (BTreeSet<_>, BTreeSet<_>) =
            own.into_iter().partition(|key| request.known_actions.is_read_only(key));
        // Actions that are not read-only are listed without wildcards.
        for (own, openness) in
            [(reads, request.options.wildcard_scope()), (others, WildcardScope::NoWildcards)]
        {
            let covered = cover_actions(
                request.known_actions,
                CoverTarget { required: &own, permitted: &nothing, wildcards: openness },
            );
            if covered.is_empty() {
                continue;
            }
            let sid = format!("OnlookerUsed{}", statements.len() + 1);
            statements.push(
                place.apply_to(GuardrailStatement::on_all_resources(&sid, "Allow").with_actions(&covered)),
            );
            patterns.extend(covered);
        }
        let forwarded = forwarded.into_iter().filter_map(|key| plan.through_services.get_key_value(&key));
        let forwarded = forwarded.map(|(key, services)| (Arc::clone(key), services.clone())).collect();
        let base = place.apply_to(GuardrailStatement::on_all_resources("", "Allow"));
        for statement in through_services::statements(&base, &forwarded) {
            let sid = format!("OnlookerUsed{}", statements.len() + 1);
            statements.push(GuardrailStatement { sid, ..statement });
        }
    }
    let Some(documents) =
        split_documents(GuardrailKind::Allow.as_str(), &denials, &statements, PolicyQuota::ManagedPolicy)
    else {
        return refuse("a statement of the principal is larger than a policy may be");
    };
    let mut notes = vec![
        "Attach this policy in place of all current identity-based policies of the principal, including those of the principal's groups."
            .to_owned(),
    ];
    if documents.len() > quotas::ATTACHED_MANAGED_POLICIES {
        let most = quotas::ATTACHED_MANAGED_POLICIES;
        notes.push(format!(
            "This guardrail needs {} managed policies; a principal can have {most} unless AWS raises the quota.",
            documents.len()
        ));
    }
    Ok(GuardrailDraft {
        documents,
        allowed_actions: wanted,
        covers_future_policies: true,
        notes,
        open_wildcards: open_wildcards(&patterns),
        ..GuardrailDraft::default()
    })
}

impl StatementScope {
    fn of(statement: &Value) -> Self {
        let written = |key: &str| match statement.get(key) {
            None => String::new(),
            // A list of one element equals the element.
            Some(Value::Array(items)) if items.len() == 1 => {
                items.first().map(Value::to_string).unwrap_or_default()
            }
            Some(value) => value.to_string(),
        };
        Self { elements: ["Resource", "NotResource", "Condition"].map(written) }
    }

    fn apply_to(&self, statement: GuardrailStatement) -> GuardrailStatement {
        let [resource, not_resource, condition] =
            self.elements.clone().map(|text| serde_json::from_str(&text).unwrap_or(Value::Null));
        GuardrailStatement { resource, not_resource, condition, ..statement }
    }
}

/// The actions of a statement, as patterns in lower case. An element that is not a string or a list of strings has
/// none.
pub(super) struct StatementActions {
    patterns: Vec<String>,
    /// Whether the statement covers all other actions (`NotAction`).
    are_excluded: bool,
}

impl StatementActions {
    /// The actions of a statement; none without exactly one of `Action` and `NotAction`.
    pub(super) fn of(statement: &Value) -> Option<Self> {
        let (list, are_excluded) = match (statement.get("Action"), statement.get("NotAction")) {
            (Some(list), None) => (list, false),
            (None, Some(list)) => (list, true),
            _ => return None,
        };
        let patterns = one_or_many(Some(list)).into_iter().filter_map(Value::as_str);
        Some(Self { patterns: patterns.map(str::to_ascii_lowercase).collect(), are_excluded })
    }

    /// Whether they include this action.
    pub(super) fn cover(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.patterns.iter().any(|pattern| matches(pattern, &action)) != self.are_excluded
    }
}

pub(super) fn one_or_many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// The statement with a new `Sid`, which is unique within the policy.
fn with_new_sid(statement: &Value, n: usize) -> Value {
    let mut statement = statement.clone();
    if let Some(object) = statement.as_object_mut() {
        object.insert("Sid".to_owned(), format!("OnlookerDeny{}", n + 1).into());
    }
    statement
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statement_covers_what_its_actions_match() {
        let covers_action = |statement: &Value, action: &str| {
            StatementActions::of(statement).is_some_and(|actions| actions.cover(action))
        };
        assert!(covers_action(&json!({ "Action": "s3:get*" }), "s3:GetObject"));
        assert!(covers_action(&json!({ "Action": ["ec2:*", "*"] }), "s3:GetObject"));
        assert!(!covers_action(&json!({ "NotAction": ["S3:Get*"] }), "s3:GetObject"));
        assert!(covers_action(&json!({ "NotAction": ["s3:Put*"] }), "s3:GetObject"));
        assert!(!covers_action(&json!({ "Action": "*", "NotAction": "ec2:*" }), "s3:GetObject"));
        assert!(!covers_action(&json!({ "Action": [7, null] }), "s3:GetObject"));
    }
}
