//! Sets of resources, built from patterns.
//!
//! Enters: lists of sets, each of which has to cover a resource, and denied sets. Leaves: whether any resource
//! remains. Laws: `NonEmpty` means that a resource remains; `Empty` means that none does; a search over the limit is
//! `Unknown`.

use std::collections::HashSet;

use crate::pattern::{CompiledPattern, PatternPositions};

/// Resources that any of the patterns matches, or, if negated, that none matches; optionally only those within
/// others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResourceSet<'a> {
    pub shapes: Vec<&'a CompiledPattern>,
    pub is_negated: bool,
    pub within: Option<&'a [CompiledPattern]>,
}

impl ResourceSet<'_> {
    /// Whether the set covers every resource.
    pub fn is_everything(&self) -> bool {
        let all = self.shapes.iter().any(|shape| shape.matches_everything());
        self.within.is_none() && if self.is_negated { self.shapes.is_empty() } else { all }
    }

    /// Whether a resource that one of these patterns matches may be in the set. `false` is certain.
    pub fn may_meet(&self, patterns: &[CompiledPattern]) -> bool {
        self.is_negated
            || self.shapes.iter().any(|shape| patterns.iter().any(|pattern| shape.overlaps(pattern)))
    }

    /// Whether the set contains a resource.
    pub fn contains(&self, resource: &str) -> bool {
        self.within.is_none_or(|within| within.iter().any(|shape| shape.matches(resource)))
            && self.shapes.iter().any(|shape| shape.matches(resource)) != self.is_negated
    }
}

/// Whether any resource of an allow remains after limits and denies; unknown if the search was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remainder {
    NonEmpty,
    Empty,
    Unknown,
}

/// States of the search after which the result is `Unknown`.
const MAX_STATES: usize = 4_096;

/// Whether a resource is in a set of each list, and in no set of `denied`.
pub(super) fn remainder(lists: &[Vec<ResourceSet<'_>>], denied: &[ResourceSet<'_>]) -> Remainder {
    if denied.iter().any(ResourceSet::is_everything) || lists.iter().any(Vec::is_empty) {
        return Remainder::Empty;
    }
    let mut walk = SetSearch::default();
    for list in lists.iter().filter(|list| !list.iter().any(ResourceSet::is_everything)) {
        let terms = list.iter().map(|set| walk.add_term(set)).collect();
        walk.lists.push(terms);
    }
    walk.denied = denied.iter().map(|set| walk.add_term(set)).collect();
    walk.run()
}

struct SetTerm {
    shapes: Vec<usize>,
    is_negated: bool,
    within: Option<Vec<usize>>,
}

#[derive(Default)]
struct SetSearch<'a> {
    shapes: Vec<&'a CompiledPattern>,
    lists: Vec<Vec<SetTerm>>,
    denied: Vec<SetTerm>,
}

type SearchState = Vec<PatternPositions>;

impl<'a> SetSearch<'a> {
    fn add_term(&mut self, set: &ResourceSet<'a>) -> SetTerm {
        let mut place = |shape: &'a CompiledPattern| {
            self.shapes.iter().position(|known| *known == shape).unwrap_or_else(|| {
                self.shapes.push(shape);
                self.shapes.len() - 1
            })
        };
        SetTerm {
            shapes: set.shapes.iter().map(|shape| place(shape)).collect(),
            is_negated: set.is_negated,
            within: set.within.map(|within| within.iter().map(place).collect()),
        }
    }

    fn any(
        &self,
        shapes: &[usize],
        state: &SearchState,
        test: fn(&CompiledPattern, &PatternPositions) -> bool,
    ) -> bool {
        shapes.iter().any(|at| match (self.shapes.get(*at), state.get(*at)) {
            (Some(shape), Some(places)) => test(shape, places),
            _ => false,
        })
    }

    fn holds(&self, term: &SetTerm, state: &SearchState) -> bool {
        term.within.as_ref().is_none_or(|within| self.any(within, state, CompiledPattern::accepts))
            && self.any(&term.shapes, state, CompiledPattern::accepts) != term.is_negated
    }

    fn can_never_hold(&self, term: &SetTerm, state: &SearchState) -> bool {
        let gone = |shapes: &[usize]| !self.any(shapes, state, |_, places| !places.is_empty());
        let taken = |shapes: &[usize]| self.any(shapes, state, CompiledPattern::accepts_all_after);
        term.within.as_ref().is_some_and(|within| gone(within))
            || if term.is_negated { taken(&term.shapes) } else { gone(&term.shapes) }
    }

    fn cannot_match(&self, state: &SearchState) -> bool {
        self.lists.iter().any(|list| list.iter().all(|term| self.can_never_hold(term, state)))
            || self.denied.iter().any(|term| {
                !term.is_negated
                    && term.within.is_none()
                    && self.any(&term.shapes, state, CompiledPattern::accepts_all_after)
            })
    }

    fn run(&self) -> Remainder {
        let start: SearchState = self.shapes.iter().map(|shape| shape.start()).collect();
        let mut seen: HashSet<SearchState> = HashSet::new();
        let mut ahead = vec![start];
        while let Some(state) = ahead.pop() {
            if self.cannot_match(&state) || seen.contains(&state) {
                continue;
            }
            if seen.len() == MAX_STATES {
                return Remainder::Unknown;
            }
            let is_allowed = self.lists.iter().all(|list| list.iter().any(|term| self.holds(term, &state)));
            if is_allowed && !self.denied.iter().any(|term| self.holds(term, &state)) {
                return Remainder::NonEmpty;
            }
            let named = self.shapes.iter().zip(&state).flat_map(|(shape, places)| shape.next_chars(places));
            let mut letters: Vec<Option<char>> = named.map(Some).collect();
            letters.sort_unstable();
            letters.dedup();
            // The search takes the last entry first: a character that no pattern names, which is least likely denied.
            letters.push(None);
            for letter in letters {
                ahead.push(
                    self.shapes
                        .iter()
                        .zip(&state)
                        .map(|(shape, places)| shape.step(places, letter))
                        .collect(),
                );
            }
            seen.insert(state);
        }
        Remainder::Empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::PatternPart;

    #[test]
    fn letter_that_a_limited_run_does_not_have_is_tried() {
        let set = |shape| ResourceSet { shapes: vec![shape], is_negated: false, within: None };
        let listed = CompiledPattern::of("?x");
        // Any field, then `x`: of the listed texts it lacks `:x` only.
        let denied = CompiledPattern::of_arn("*x", |_| PatternPart::AnyRun);
        assert!(denied.matches("ax") && !denied.matches(":x"));
        assert_eq!(remainder(&[vec![set(&listed)]], &[set(&denied)]), Remainder::NonEmpty);
        let both = CompiledPattern::of("?x");
        assert_eq!(remainder(&[vec![set(&listed)]], &[set(&both)]), Remainder::Empty);
    }
}
