//! Every action that a principal is granted.
//!
//! Enters: [`Grants`], the overrides. Leaves: [`GrantedAction`]s, the lines of `onlooker permissions --list --json`.
//! Laws: each grant is one action, in order; every statement, resource and condition of a grant is told.

use std::sync::Arc;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use super::toleration::tolerating_override;
use crate::{
    config::Config,
    grants::{Certainty, Grant, Grants, StatementId},
    operation::{AccessLevel, Capabilities, OperationType, RiskLevel},
    time::Time,
};

/// Version of the shape of a [`GrantedAction`]; the first number changes if a field loses its meaning.
pub const GRANTED_ACTION_SCHEMA_VERSION: &str = "1.0";

/// One action that a principal is granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantedAction {
    /// Version of this shape.
    pub schema_version: String,
    /// ARN of the principal, or the name given to policies without a principal.
    pub principal: Arc<str>,
    /// The IAM action as the catalog spells it, or the pattern as the policy writes it.
    pub action: Arc<str>,
    /// Whether the action is in the catalog.
    pub is_known: bool,
    /// Operation type of the action.
    pub operation_type: OperationType,
    /// Access level, when known.
    pub access_level: Option<AccessLevel>,
    /// What the action allows its caller to do.
    pub capabilities: Capabilities,
    /// Risk level of the action.
    pub risk_level: RiskLevel,
    /// Whether the grant depends on conditions.
    pub certainty: Certainty,
    /// All conditions that the grant depends on, in words; of an unconditional grant, what narrows it.
    pub conditions: Vec<Arc<str>>,
    /// All statements that grant it, in order.
    pub statements: Vec<StatementId>,
    /// Resources covered, as the statements write them (`not:` before each of a `NotResource`), in order.
    pub resources: Vec<Arc<str>>,
    /// Those of the resources that a statement denies, in order.
    pub denied_resources: Vec<Arc<str>>,
    /// Id of the override that tolerates the grant.
    pub tolerated_by: Option<String>,
}

impl GrantedAction {
    /// One grant of a principal.
    pub fn of(principal: &Arc<str>, grant: &Grant, config: &Config, at: Time) -> Self {
        let (action, scope) = (&grant.action, &grant.scope);
        let tolerated =
            (!grant.gives_only_reads()).then(|| tolerating_override(config, principal, grant, at));
        Self {
            schema_version: GRANTED_ACTION_SCHEMA_VERSION.to_owned(),
            principal: Arc::clone(principal),
            action: Arc::clone(&action.key),
            is_known: action.is_known,
            operation_type: action.operation_type,
            access_level: action.access_level,
            capabilities: action.capabilities,
            risk_level: action.risk_level,
            certainty: grant.certainty,
            conditions: in_reading_order(&scope.conditions),
            statements: scope.statements.clone(),
            resources: scope.resources.clone(),
            denied_resources: scope.denied_resources.clone(),
            tolerated_by: tolerated.flatten().map(|entry| entry.id.clone()),
        }
    }

    /// The published JSON schema of a granted action.
    pub fn schema() -> Schema {
        schemars::schema_for!(Self)
    }
}

/// All granted actions of a principal, in order.
pub fn granted_actions<'g>(
    principal: &'g Arc<str>,
    grants: &'g Grants,
    config: &'g Config,
    at: Time,
) -> impl Iterator<Item = GrantedAction> + 'g {
    grants.entries.iter().map(move |grant| GrantedAction::of(principal, grant, config, at))
}

/// Conditions in the order in which they read well: what has to hold, then where (`only on`), then what must not hold
/// (`unless`).
pub(super) fn in_reading_order(conditions: &[Arc<str>]) -> Vec<Arc<str>> {
    let mut all = conditions.to_vec();
    all.sort_by_cached_key(|condition| (condition_rank(condition), Arc::clone(condition)));
    all.dedup();
    all
}

fn condition_rank(condition: &str) -> u8 {
    match condition {
        limit if limit.starts_with("only on ") => 1,
        exception if exception.starts_with("unless ") => 2,
        _ => 0,
    }
}

/// Whether a condition narrows what other statements grant: a limit, or a deny.
pub(super) fn only_narrows(condition: &str) -> bool {
    condition_rank(condition) > 0
}

/// Largest number of conditions in a sentence.
const MAX_IN_SENTENCE: usize = 10;

/// `granted if A; B; only on C; unless D`: all conditions of some grants of similar actions.
pub(super) fn granted_on_conditions<'g>(grants: impl IntoIterator<Item = &'g Grant>) -> String {
    let all: Vec<Arc<str>> =
        grants.into_iter().flat_map(|grant| grant.scope.conditions.iter().cloned()).collect();
    let all = in_reading_order(&all);
    let Some(first) = all.first() else {
        return "granted on conditions that the policies do not decide".to_owned();
    };
    let lead = if only_narrows(first) { "granted" } else { "granted if" };
    let told = all.iter().take(MAX_IN_SENTENCE).map(|one| &**one).collect::<Vec<_>>().join("; ");
    match all.len().saturating_sub(MAX_IN_SENTENCE) {
        0 => format!("{lead} {told}"),
        1 => format!("{lead} {told}; and 1 more condition (--list tells all)"),
        more => format!("{lead} {told}; and {more} more conditions (--list tells all)"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        catalog::Catalog,
        grants::{Evaluator, Policy, PolicyOrigin, PolicySnapshot},
    };

    fn grants(statements: &serde_json::Value) -> Grants {
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let policy = Policy { name: "p".into(), origin: PolicyOrigin::Given, text: text.into() };
        let snapshot = PolicySnapshot { identity_policies: vec![policy], ..PolicySnapshot::default() };
        Evaluator::new(Catalog::embedded()).grants(&snapshot)
    }

    fn conditional() -> Grants {
        let tag = |value: &str| json!({ "StringEquals": { "aws:PrincipalTag/team": value } });
        grants(&json!([
            { "Sid": "A", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": tag("a") },
            { "Sid": "B", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": tag("b") },
            { "Sid": "C", "Effect": "Deny", "Action": "s3:PutObject", "Resource": "*", "Condition": tag("c") },
        ]))
    }

    #[test]
    fn every_condition_and_statement_of_a_grant_is_told() {
        let granted = conditional();
        let action =
            GrantedAction::of(&"x".into(), granted.get("s3:PutObject").unwrap(), &Config::default(), Time(0));
        let conditions: Vec<&str> = action.conditions.iter().map(|one| &**one).collect();
        assert_eq!(
            conditions,
            [
                "aws:PrincipalTag/team StringEquals a",
                "aws:PrincipalTag/team StringEquals b",
                "unless aws:PrincipalTag/team StringEquals c, by p C",
            ]
        );
        let statements: Vec<&str> = action.statements.iter().map(|one| &*one.statement).collect();
        assert_eq!((action.certainty, statements), (Certainty::Conditional, vec!["A", "B"]));
    }

    #[test]
    fn a_sentence_names_all_conditions_and_never_says_if_unless() {
        let sentence = granted_on_conditions(conditional().get("s3:PutObject"));
        assert_eq!(
            sentence,
            "granted if aws:PrincipalTag/team StringEquals a; aws:PrincipalTag/team StringEquals b; \
             unless aws:PrincipalTag/team StringEquals c, by p C"
        );
        let denied = grants(&json!([
            { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*" },
            {
                "Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
                "Condition": { "StringEquals": { "aws:PrincipalTag/team": "c" } },
            },
        ]));
        let sentence = granted_on_conditions(denied.get("s3:PutObject"));
        assert_eq!(sentence, "granted unless aws:PrincipalTag/team StringEquals c, by p #2");
    }

    #[test]
    fn every_grant_is_one_action_in_order() {
        let granted =
            grants(&json!([{ "Effect": "Allow", "Action": ["s3:*", "new:Thing"], "Resource": "*" }]));
        let principal = "x".into();
        let config = Config::default();
        let all: Vec<GrantedAction> = granted_actions(&principal, &granted, &config, Time(0)).collect();
        let names: Vec<&str> = all.iter().map(|one| &*one.action).collect();
        let wanted: Vec<&str> = granted.entries.iter().map(|grant| &*grant.action.key).collect();
        assert_eq!(names, wanted);
        assert!(all.iter().any(|one| !one.is_known && &*one.action == "new:Thing"));
    }
}
