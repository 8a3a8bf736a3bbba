//! Conditions, evaluated with the known context.
//!
//! Enters: a statement and the known context. Leaves: an [`Applicability`]. Laws: a condition that cannot be decided
//! is `Unknown`; a condition on a value that the caller chooses does not stop an allow, and the caller can avoid a
//! deny.

use super::{
    context::{ContextValue, EvaluationContext},
    operator::OptionalTruth,
    statement::{Condition, Effect, PolicyStatement},
    variable::ResolvedPattern,
};
use crate::pattern::CompiledPattern;

/// Whether the conditions of a statement are met in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Applicability {
    /// The statement does not apply.
    Never,
    /// Whether the statement applies cannot be determined.
    Unknown,
    /// The caller chooses whether the statement applies: it can use an allow and avoid a deny.
    CallerControlled,
    /// The statement applies.
    Always,
}

impl Applicability {
    fn of(truth: OptionalTruth) -> Self {
        match truth {
            Some(true) => Self::Always,
            Some(false) => Self::Never,
            None => Self::Unknown,
        }
    }

    /// Whether both of two sets of conditions apply.
    pub fn and(self, other: Self, effect: Effect) -> Self {
        // The value that weakens the effect most decides. For a deny, that is a caller that can avoid it.
        let rank = |outcome| match (effect, outcome) {
            (_, Self::Never) => 0,
            (Effect::Allow, Self::Unknown) | (Effect::Deny, Self::CallerControlled) => 1,
            (Effect::Allow, Self::CallerControlled) | (Effect::Deny, Self::Unknown) => 2,
            (_, Self::Always) => 3,
        };
        if rank(self) <= rank(other) { self } else { other }
    }
}

/// Whether the conditions of a statement hold in all requests of the context.
pub(super) fn applicability(statement: &PolicyStatement, facts: &EvaluationContext<'_>) -> Applicability {
    let start = if statement.unevaluated.is_empty() { Applicability::Always } else { Applicability::Unknown };
    statement
        .conditions
        .iter()
        .map(|condition| condition_applicability(condition, statement, facts))
        .fold(start, |so_far, one| so_far.and(one, statement.effect))
}

fn condition_applicability(
    condition: &Condition,
    statement: &PolicyStatement,
    facts: &EvaluationContext<'_>,
) -> Applicability {
    let wanted = || -> Vec<ResolvedPattern> {
        let is_wild = condition.operator.allows_wildcards();
        let values = condition.values.iter();
        values.map(|value| ResolvedPattern::of(value, statement.has_variables, is_wild, facts)).collect()
    };
    match facts.lookup(&condition.lowercase_key) {
        ContextValue::Known(values) => Applicability::of(condition.operator.test(values, &wanted())),
        ContextValue::Unknown => Applicability::Unknown,
        ContextValue::CallerControlled => Applicability::CallerControlled,
        ContextValue::Typical(values) => {
            let mut wanted = wanted();
            // The account of the resource is that of the principal, even if it is not known.
            let own = values.first().filter(|own| own.starts_with("${"));
            for (wanted, written) in wanted.iter_mut().zip(&condition.values) {
                if own.is_some_and(|own| own.eq_ignore_ascii_case(written)) {
                    wanted.text = own.cloned();
                    wanted.certain = own.map(|own| CompiledPattern::literal(own)).unwrap_or_default();
                }
            }
            match (condition.operator.test(values, &wanted), statement.effect) {
                (Some(true), Effect::Allow) | (Some(false), Effect::Deny) => Applicability::CallerControlled,
                _ => Applicability::Unknown,
            }
        }
    }
}
