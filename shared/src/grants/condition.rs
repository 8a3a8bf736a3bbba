//! Conditions, as far as their outcome can be known.
//!
//! Enters: a statement and what is known. Leaves: an [`Outcome`]. Laws: a condition that cannot be told is open; a
//! choice of the caller opens an allow and does not close it, and lets him step out of the way of a deny.

use super::{
    context::{Facts, Found},
    operator::Truth,
    statement::{Condition, Effect, Statement},
    variable::Resolved,
};
use crate::pattern::Shape;

/// Whether a statement applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Outcome {
    /// It does not.
    Never,
    /// Nobody can tell.
    Open,
    /// It does, or does not, as the caller chooses: an allow he can use, a deny he can avoid.
    Chosen,
    /// It does.
    Always,
}

impl Outcome {
    fn of(truth: Truth) -> Self {
        match truth {
            Some(true) => Self::Always,
            Some(false) => Self::Never,
            None => Self::Open,
        }
    }

    /// Both.
    pub fn and(self, other: Self, effect: Effect) -> Self {
        // What weakens the effect most decides: for a deny, that the caller can avoid it.
        let rank = |outcome| match (effect, outcome) {
            (_, Self::Never) => 0,
            (Effect::Allow, Self::Open) | (Effect::Deny, Self::Chosen) => 1,
            (Effect::Allow, Self::Chosen) | (Effect::Deny, Self::Open) => 2,
            (_, Self::Always) => 3,
        };
        if rank(self) <= rank(other) { self } else { other }
    }
}

/// Whether the conditions of a statement hold, in all requests that are meant.
pub(super) fn outcome(statement: &Statement, facts: &Facts<'_>) -> Outcome {
    let start = if statement.open.is_empty() { Outcome::Always } else { Outcome::Open };
    statement
        .conditions
        .iter()
        .map(|condition| one(condition, statement, facts))
        .fold(start, |so_far, one| so_far.and(one, statement.effect))
}

fn one(condition: &Condition, statement: &Statement, facts: &Facts<'_>) -> Outcome {
    let wanted = || -> Vec<Resolved> {
        let is_wild = condition.operator.is_wild();
        let values = condition.values.iter();
        values.map(|value| Resolved::of(value, statement.has_variables, is_wild, facts)).collect()
    };
    match facts.find(&condition.lower) {
        Found::Known(values) => Outcome::of(condition.operator.test(values, &wanted())),
        Found::Unknown => Outcome::Open,
        Found::Chosen => Outcome::Chosen,
        Found::Usual(values) => {
            let mut wanted = wanted();
            // The account of the resource is that of the principal, whichever that is.
            let own = values.first().filter(|own| own.starts_with("${"));
            for (wanted, written) in wanted.iter_mut().zip(&condition.values) {
                if own.is_some_and(|own| own.eq_ignore_ascii_case(written)) {
                    wanted.text = own.cloned();
                    wanted.sure = own.map(|own| Shape::literal(own)).unwrap_or_default();
                }
            }
            match (condition.operator.test(values, &wanted), statement.effect) {
                (Some(true), Effect::Allow) | (Some(false), Effect::Deny) => Outcome::Chosen,
                _ => Outcome::Open,
            }
        }
    }
}
