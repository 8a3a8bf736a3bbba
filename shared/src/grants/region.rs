//! Sets of resources, put together from patterns.
//!
//! Enters: what has to cover a resource and what must not. Leaves: whether any resource is left. Laws: found means that
//! there is one; nothing means that there is none; anything that takes too long to tell is said to be so.

use std::collections::HashSet;

use crate::pattern::{Places, Shape};

/// Resources that any of some patterns describes, or none of them does; within others, if so said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region<'a> {
    pub shapes: Vec<&'a Shape>,
    pub is_not: bool,
    pub within: Option<&'a [Shape]>,
}

impl Region<'_> {
    /// Whether it is all there is.
    fn is_everything(&self) -> bool {
        let all = self.shapes.iter().any(|shape| shape.is_everything());
        self.within.is_none() && if self.is_not { self.shapes.is_empty() } else { all }
    }

    /// Whether it holds a resource.
    pub fn holds(&self, resource: &str) -> bool {
        self.within.is_none_or(|within| within.iter().any(|shape| shape.matches(resource)))
            && self.shapes.iter().any(|shape| shape.matches(resource)) != self.is_not
    }
}

/// Whether any resource is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Some,
    None,
    Unknown,
}

/// Ways through the patterns that are followed before the answer is given up.
const MOST: usize = 4_096;

/// Whether a resource is in a region of each list, and in none of `denied`.
pub(super) fn left(lists: &[Vec<Region<'_>>], denied: &[Region<'_>]) -> Left {
    if denied.iter().any(Region::is_everything) || lists.iter().any(Vec::is_empty) {
        return Left::None;
    }
    let mut walk = Walk::default();
    for list in lists.iter().filter(|list| !list.iter().any(Region::is_everything)) {
        let terms = list.iter().map(|region| walk.term(region)).collect();
        walk.lists.push(terms);
    }
    walk.denied = denied.iter().map(|region| walk.term(region)).collect();
    walk.run()
}

struct Term {
    shapes: Vec<usize>,
    is_not: bool,
    within: Option<Vec<usize>>,
}

#[derive(Default)]
struct Walk<'a> {
    shapes: Vec<&'a Shape>,
    lists: Vec<Vec<Term>>,
    denied: Vec<Term>,
}

type State = Vec<Places>;

impl<'a> Walk<'a> {
    fn term(&mut self, region: &Region<'a>) -> Term {
        let mut place = |shape: &'a Shape| {
            self.shapes.iter().position(|known| *known == shape).unwrap_or_else(|| {
                self.shapes.push(shape);
                self.shapes.len() - 1
            })
        };
        Term {
            shapes: region.shapes.iter().map(|shape| place(shape)).collect(),
            is_not: region.is_not,
            within: region.within.map(|within| within.iter().map(place).collect()),
        }
    }

    fn any(&self, shapes: &[usize], state: &State, test: fn(&Shape, &Places) -> bool) -> bool {
        shapes.iter().any(|at| match (self.shapes.get(*at), state.get(*at)) {
            (Some(shape), Some(places)) => test(shape, places),
            _ => false,
        })
    }

    fn holds(&self, term: &Term, state: &State) -> bool {
        term.within.as_ref().is_none_or(|within| self.any(within, state, Shape::accepts))
            && self.any(&term.shapes, state, Shape::accepts) != term.is_not
    }

    fn is_dead(&self, term: &Term, state: &State) -> bool {
        let gone = |shapes: &[usize]| !self.any(shapes, state, |_, places| !places.is_empty());
        let taken = |shapes: &[usize]| self.any(shapes, state, Shape::accepts_all_after);
        term.within.as_ref().is_some_and(|within| gone(within))
            || if term.is_not { taken(&term.shapes) } else { gone(&term.shapes) }
    }

    fn is_lost(&self, state: &State) -> bool {
        self.lists.iter().any(|list| list.iter().all(|term| self.is_dead(term, state)))
            || self.denied.iter().any(|term| {
                !term.is_not
                    && term.within.is_none()
                    && self.any(&term.shapes, state, Shape::accepts_all_after)
            })
    }

    fn run(&self) -> Left {
        let start: State = self.shapes.iter().map(|shape| shape.start()).collect();
        let mut seen: HashSet<State> = HashSet::new();
        let mut ahead = vec![start];
        while let Some(state) = ahead.pop() {
            if self.is_lost(&state) || seen.contains(&state) {
                continue;
            }
            if seen.len() == MOST {
                return Left::Unknown;
            }
            let is_allowed = self.lists.iter().all(|list| list.iter().any(|term| self.holds(term, &state)));
            if is_allowed && !self.denied.iter().any(|term| self.holds(term, &state)) {
                return Left::Some;
            }
            let named = self.shapes.iter().zip(&state).flat_map(|(shape, places)| shape.letters(places));
            let mut letters: Vec<Option<char>> = named.map(Some).collect();
            letters.sort_unstable();
            letters.dedup();
            // Taken from the end: a letter no pattern names, which fewest patterns deny, is tried first.
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
        Left::None
    }
}
