//! Conditions, evaluated with the known context.
//!
//! Enters: a statement and the known context. Leaves: an [`Applicability`]. Laws: a condition that cannot be decided
//! is `Unknown`; a condition on a value that the caller chooses does not stop an allow, and the caller can avoid a
//! deny; conditions on one key that no value meets make a statement apply never.

mod contradiction;
mod moment;

use super::{
    context::{ContextValue, EvaluationContext, OWN_ORGANIZATION, is_always_present},
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

    /// Whether a statement applies if the key of a condition can have several values: the truth for each, with whether the
    /// caller can always have the value.
    fn of_choice(truths: impl IntoIterator<Item = (OptionalTruth, bool)>, effect: Effect) -> Self {
        let truths: Vec<(OptionalTruth, bool)> = truths.into_iter().collect();
        let mut each = truths.iter().map(|(truth, _)| *truth);
        if let Some(Some(first)) = each.next()
            && each.all(|truth| truth == Some(first))
        {
            return Self::of(Some(first));
        }
        let wanted = Some(effect == Effect::Allow);
        if truths.contains(&(wanted, true)) { Self::CallerControlled } else { Self::Unknown }
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
    if contradiction::is_contradictory(statement, facts) {
        return Applicability::Never;
    }
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
    let wanted = || resolved_values(condition, statement, facts);
    let value = facts.lookup(&condition.lowercase_key);
    if condition.operator.tests_presence()
        && !matches!(value, ContextValue::Known(_))
        && is_always_present(&condition.lowercase_key)
    {
        return Applicability::of(condition.operator.test(&[String::new()], &wanted()));
    }
    match value {
        ContextValue::Known(values) => Applicability::of(condition.operator.test(values, &wanted())),
        ContextValue::Unknown if names_every_network(condition) => {
            // The caller can call over IPv4 or IPv6, and not through a VPC endpoint.
            let is_inside = !condition.operator.is_negated();
            Applicability::of_choice([(Some(is_inside), true), (None, false)], statement.effect)
        }
        ContextValue::Unknown => Applicability::Unknown,
        ContextValue::Choice(lists) => {
            let wanted = wanted();
            let truths = lists.iter().map(|values| (condition.operator.test(values, &wanted), true));
            Applicability::of_choice(truths, statement.effect)
        }
        ContextValue::Moment(range) => {
            Applicability::of_choice(moment::truths(range, condition.operator, &wanted()), statement.effect)
        }
        ContextValue::CallerControlled if no_value_meets(condition, &wanted()) => Applicability::Never,
        ContextValue::CallerControlled => Applicability::CallerControlled,
        ContextValue::Typical(values) => {
            let mut wanted = wanted();
            // The account of the resource is that of the principal, even if it is not known.
            let own = values.first().filter(|own| own.starts_with("${"));
            for (wanted, written) in wanted.iter_mut().zip(&condition.values) {
                if own
                    .is_some_and(|own| own.eq_ignore_ascii_case(written) || is_organization_of(own, written))
                {
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

/// Whether every value of the condition has a variable that requests of the principal do not have, so that whatever the
/// caller chooses equals none.
fn no_value_meets(condition: &Condition, wanted: &[ResolvedPattern]) -> bool {
    let Condition { operator, .. } = condition;
    operator.text_comparison().is_some()
        && !operator.is_negated()
        && !operator.is_met_without_the_key()
        && !wanted.is_empty()
        && wanted.iter().all(|wanted| wanted.matches_nothing)
}

/// The values of a condition, with the known variables replaced.
fn resolved_values(
    condition: &Condition,
    statement: &PolicyStatement,
    facts: &EvaluationContext<'_>,
) -> Vec<ResolvedPattern> {
    let is_wild = condition.operator.allows_wildcards();
    let values = condition.values.iter();
    values.map(|value| ResolvedPattern::of(value, statement.has_variables, is_wild, facts)).collect()
}

/// Whether a written organization id is taken for the principal's own organization. Policies name no other organization
/// for the resources of their own accounts.
fn is_organization_of(own: &str, written: &str) -> bool {
    own == OWN_ORGANIZATION && written.starts_with("o-")
}

/// Whether a condition on the caller's address names all addresses of IPv4 or of IPv6.
fn names_every_network(condition: &Condition) -> bool {
    condition.operator.is_network()
        && condition.lowercase_key == "aws:sourceip"
        && condition.values.iter().any(|value| matches!(&**value, "0.0.0.0/0" | "::/0"))
}
