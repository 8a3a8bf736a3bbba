//! One statement of a policy.
//!
//! Enters: nothing. Leaves: the types of a parsed statement. The modules that evaluate them state the laws.

use std::sync::Arc;

use super::operator::Operator;

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// A list of patterns. If negated, it covers everything that they do not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PatternList {
    pub is_negated: bool,
    pub patterns: Vec<Arc<str>>,
}

/// `Principal` or `NotPrincipal` of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PrincipalElement {
    pub is_negated: bool,
    /// `*`, account ids, ARNs and unique ids.
    pub aws: Vec<Arc<str>>,
    /// Names of AWS services.
    pub services: Vec<Arc<str>>,
    /// Names and ARNs of identity providers.
    pub providers: Vec<Arc<str>>,
    /// Whether an account is named by its canonical user id.
    pub has_canonical_user: bool,
}

/// One key of one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub operator: Operator,
    /// The operator as the policy writes it.
    pub operator_name: Arc<str>,
    /// The key as the policy writes it.
    pub key: Arc<str>,
    /// The key in lower case; IAM ignores its case.
    pub lowercase_key: String,
    pub values: Vec<Arc<str>>,
}

impl Condition {
    /// The condition as text: key, operator, values.
    pub fn describe(&self) -> String {
        const MOST: usize = 10;
        let shown = self.values.iter().take(MOST).map(|value| value.chars().take(256).collect::<String>());
        let mut words =
            format!("{} {} {}", self.key, self.operator_name, shown.collect::<Vec<_>>().join(", "));
        if let Some(more) = self.values.len().checked_sub(MOST).filter(|more| *more > 0) {
            words.push_str(&format!(" and {more} more"));
        }
        words
    }
}

/// A policy statement as parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PolicyStatement {
    pub label: Arc<str>,
    pub effect: Effect,
    pub actions: PatternList,
    /// Absent if a resource-based policy names none: then the resource itself.
    pub resources: Option<PatternList>,
    pub principals: Option<PrincipalElement>,
    pub conditions: Vec<Condition>,
    /// Parts of the statement that are not evaluated, in words.
    pub unevaluated: Vec<Arc<str>>,
    /// Whether `${...}` is a variable in the document: not so before version 2012-10-17.
    pub has_variables: bool,
}
