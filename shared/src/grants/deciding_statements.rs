//! The statements of a principal's own policies that decide about an action, for a comparison of two states.
//!
//! Enters: a [`PolicySnapshot`]. Leaves: for an action its [`DecidingStatement`]s. Laws: a
//! statement that certainly does not apply is left out; two statements have one condition only if it is equal in full.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Evaluator, PolicySnapshot,
    action_index::ActionIndex,
    condition::Applicability,
    rules::{PolicyLayer, PolicyRule, PolicyRules},
    statement::{Condition, Effect},
};

/// What a statement does to an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatementEffect {
    /// It allows the action.
    Allow,
    /// It is of the permissions boundary, and allows the action to be allowed.
    Limit,
    /// It denies the action.
    Deny,
}

/// A statement that covers an action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecidingStatement {
    /// What the statement does.
    pub effect: StatementEffect,
    /// Resources as the statement writes them, with `not:` before each of a `NotResource`.
    pub resources: Vec<Arc<str>>,
    /// Conditions that all have to hold; none if the statement applies to every request.
    pub conditions: BTreeSet<String>,
}

/// The statements of a principal's identity-based policies and permissions boundary.
#[derive(Clone, Debug)]
pub struct DecidingStatements<'e> {
    rules: PolicyRules,
    index: &'e ActionIndex<'e>,
}

impl DecidingStatements<'_> {
    /// Whether the principal has a permissions boundary.
    pub const fn has_boundary(&self) -> bool {
        self.rules.has_boundary
    }

    /// The statements that cover an action, in order, each once.
    pub fn of_action(&self, action: &str) -> Vec<DecidingStatement> {
        let action = action.to_ascii_lowercase();
        let position = self.index.position(&action);
        let covering = self.rules.rules.iter().filter(|rule| rule.covers(&action, position));
        let mut all: Vec<DecidingStatement> = covering.filter_map(DecidingStatement::of).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl DecidingStatement {
    fn of(rule: &PolicyRule) -> Option<Self> {
        let effect = match (rule.indexed.statement.effect, rule.layer) {
            (Effect::Deny, PolicyLayer::Identity | PolicyLayer::Boundary) => StatementEffect::Deny,
            (Effect::Allow, PolicyLayer::Identity) => StatementEffect::Allow,
            (Effect::Allow, PolicyLayer::Boundary) => StatementEffect::Limit,
            _ => return None,
        };
        let statement = &rule.indexed.statement;
        let conditions = match rule.applicability {
            Applicability::Always => BTreeSet::new(),
            _ => statement
                .conditions
                .iter()
                .map(in_full)
                .chain(statement.unevaluated.iter().map(ToString::to_string))
                .collect(),
        };
        Some(Self { effect, resources: rule.resources.as_written.clone(), conditions })
    }
}

/// A condition with all its values.
fn in_full(condition: &Condition) -> String {
    let values: BTreeSet<&str> = condition.values.iter().map(|value| &**value).collect();
    format!("{} {} {values:?}", condition.lowercase_key, condition.operator_name)
}

impl Evaluator<'_> {
    /// The statements of a principal's own policies.
    pub fn deciding_statements(&self, snapshot: &PolicySnapshot) -> DecidingStatements<'_> {
        let (rules, index) = self.rules_and_index(snapshot);
        DecidingStatements { rules, index }
    }
}
