//! Conditions of one statement that contradict each other.
//!
//! Enters: a statement and the known context. Leaves: whether no request meets all of its conditions. Laws: a
//! contradiction is certain; keys that can have several values, one for each condition, are left out.

use super::resolved_values;
use crate::{
    grants::{
        context::EvaluationContext,
        operator::{TextComparison, parse_number},
        statement::{Condition, PolicyStatement},
        variable::ResolvedPattern,
    },
    pattern::CompiledPattern,
};

/// Whether two conditions of the statement on one key exclude each other.
pub(super) fn is_contradictory(statement: &PolicyStatement, facts: &EvaluationContext<'_>) -> bool {
    let conditions = &statement.conditions;
    conditions.iter().enumerate().any(|(at, one)| {
        // It is met only by requests that have the key.
        if one.operator.is_met_without_the_key()
            || one.operator.is_set()
            || may_have_several_values(&one.lowercase_key)
        {
            return false;
        }
        let others = conditions.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other);
        others
            .filter(|other| other.lowercase_key == one.lowercase_key && !other.operator.is_set())
            .any(|other| excludes(one, other, statement, facts))
    })
}

/// Whether a request may have several values of a key, given in lower case: AWS names such keys in the plural, with one
/// exception. A single-valued key with such a name is left out too.
fn may_have_several_values(key: &str) -> bool {
    key.ends_with('s') || key == "aws:calledvia"
}

/// Whether no value of the key meets both conditions; `one` is met only by requests with the key.
fn excludes(
    one: &Condition,
    other: &Condition,
    statement: &PolicyStatement,
    facts: &EvaluationContext<'_>,
) -> bool {
    let (wanted, others) = (resolved_values(one, statement, facts), resolved_values(other, statement, facts));
    if other.operator.tests_presence() {
        let wants_absence = |value: &ResolvedPattern| {
            value.text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("true"))
        };
        return others.iter().all(wants_absence);
    }
    if let (Some(a), Some(b)) = (one.operator.text_comparison(), other.operator.text_comparison()) {
        return wanted.iter().all(|value| match other.operator.is_negated() {
            false => !others.iter().any(|other| meets(value, other, a, b)),
            true => {
                a == b && a != TextComparison::Arn && others.iter().any(|other| is_within(value, other, a))
            }
        });
    }
    let (Some(a), Some(b)) = (numbers(one, &wanted), numbers(other, &others)) else { return false };
    // The truth changes only at the numbers of the policy: they are tested, and one number between each two.
    let mut tested: Vec<f64> =
        a.into_iter().chain(b).flat_map(|number| [number - 1.0, number, number + 1.0]).collect();
    tested.sort_by(f64::total_cmp);
    let between: Vec<f64> =
        tested.windows(2).filter_map(|pair| Some((pair.first()? + pair.last()?) / 2.0)).collect();
    tested.into_iter().chain(between).all(|number| {
        let found = [number.to_string()];
        one.operator.test(&found, &wanted) == Some(false)
            || other.operator.test(&found, &others) == Some(false)
    })
}

/// Whether a text may match both values.
fn meets(value: &ResolvedPattern, other: &ResolvedPattern, a: TextComparison, b: TextComparison) -> bool {
    let folds = a == TextComparison::IgnoringCase || b == TextComparison::IgnoringCase;
    shape(value, folds).overlaps(&shape(other, folds))
}

/// Whether every text that matches a value matches the other too.
fn is_within(value: &ResolvedPattern, other: &ResolvedPattern, comparison: TextComparison) -> bool {
    let folds = comparison == TextComparison::IgnoringCase;
    other.text.is_some() && shape(other, folds).covers(&shape(value, folds))
}

/// The pattern of a value, in which an unknown variable stands for any text; in lower case if case is ignored.
fn shape(value: &ResolvedPattern, ignores_case: bool) -> CompiledPattern {
    if ignores_case { value.possible.to_lowercase() } else { value.possible.clone() }
}

/// The values of a comparison of numbers; none for other comparisons.
fn numbers(condition: &Condition, values: &[ResolvedPattern]) -> Option<Vec<f64>> {
    let is_number = condition.operator.is_number();
    values.iter().map(|value| parse_number(value.text.as_deref()?).filter(|_| is_number)).collect()
}
