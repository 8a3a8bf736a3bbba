//! Patterns taken apart, to be walked letter by letter.
//!
//! Enters: a pattern. Leaves: [`Shape`], and the [`PatternPositions`] in it a text can lead to. Law: a letter that no pattern
//! names leads to the fewest places, so what holds for it at a wildcard holds for every letter.

use std::collections::HashSet;

/// One part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PatternPart {
    /// This letter.
    Char(char),
    /// Any one letter.
    AnyChar,
    /// Any run of letters, also none.
    AnyRun,
}

/// A pattern, or a text in which no letter is a wildcard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct CompiledPattern(Vec<PatternPart>);

/// Places between the parts of a shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PatternPositions(Vec<u64>);

impl PatternPositions {
    fn empty(parts: usize) -> Self {
        Self(vec![0; parts / 64 + 1])
    }

    fn insert(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    fn contains(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(n, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.checked_sub(1)?;
                Some(n * 64 + usize::try_from(bit).unwrap_or_default())
            })
        })
    }

    /// Whether nothing can lead to a match any more.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & !b == 0)
    }
}

impl CompiledPattern {
    /// Sets of places kept for one place of the narrower pattern before a comparison is given up.
    const MAX_POSITION_SETS: usize = 256;

    /// A pattern with `*` and `?`.
    pub fn of(pattern: &str) -> Self {
        let mut shape = Self::default();
        for letter in pattern.chars() {
            shape.push(match letter {
                '*' => PatternPart::AnyRun,
                '?' => PatternPart::AnyChar,
                letter => PatternPart::Char(letter),
            });
        }
        shape
    }

    /// A text in which nothing is a wildcard.
    pub fn literal(text: &str) -> Self {
        Self(text.chars().map(PatternPart::Char).collect())
    }

    /// Adds a part.
    pub fn push(&mut self, part: PatternPart) {
        if !(part == PatternPart::AnyRun && self.0.last() == Some(&PatternPart::AnyRun)) {
            self.0.push(part);
        }
    }

    /// Adds a text as it is.
    pub fn push_text(&mut self, text: &str) {
        self.0.extend(Self::literal(text).0);
    }

    /// Whether it describes every text.
    pub fn matches_everything(&self) -> bool {
        self.0 == [PatternPart::AnyRun]
    }

    /// Where a text begins.
    pub fn start(&self) -> PatternPositions {
        let mut places = PatternPositions::empty(self.0.len());
        places.insert(0);
        self.skip_empty_runs(places)
    }

    // A run may be of no letter: a place before it is also the place behind it.
    fn skip_empty_runs(&self, mut places: PatternPositions) -> PatternPositions {
        for (at, part) in self.0.iter().enumerate() {
            if *part == PatternPart::AnyRun && places.contains(at) {
                places.insert(at + 1);
            }
        }
        places
    }

    /// Where a letter leads; none stands for a letter that no pattern names.
    pub fn step(&self, places: &PatternPositions, letter: Option<char>) -> PatternPositions {
        let mut next = PatternPositions::empty(self.0.len());
        for at in places.iter() {
            match self.0.get(at) {
                Some(PatternPart::AnyRun) => next.insert(at),
                Some(PatternPart::AnyChar) => next.insert(at + 1),
                Some(PatternPart::Char(wanted)) if letter == Some(*wanted) => next.insert(at + 1),
                _ => {}
            }
        }
        self.skip_empty_runs(next)
    }

    /// Whether a text may end here.
    pub fn accepts(&self, places: &PatternPositions) -> bool {
        places.contains(self.0.len())
    }

    /// Whether any text may follow.
    pub fn accepts_all_after(&self, places: &PatternPositions) -> bool {
        self.0.last() == Some(&PatternPart::AnyRun) && places.contains(self.0.len() - 1)
    }

    /// Letters that lead somewhere no other letter leads.
    pub fn next_chars(&self, places: &PatternPositions) -> impl Iterator<Item = char> {
        places.iter().filter_map(|at| match self.0.get(at) {
            Some(PatternPart::Char(letter)) => Some(*letter),
            _ => None,
        })
    }

    /// Whether it describes the whole of a text.
    pub fn matches(&self, text: &str) -> bool {
        let end = text.chars().try_fold(self.start(), |places, letter| {
            let next = self.step(&places, Some(letter));
            (!next.is_empty()).then_some(next)
        });
        end.is_some_and(|places| self.accepts(&places))
    }

    /// Whether it describes all that another one describes. A yes is certain; a no is given when it takes too long.
    pub fn covers(&self, narrow: &Self) -> bool {
        let mut ahead = HashSet::from([self.start()]);
        for part in &narrow.0 {
            let mut next = HashSet::new();
            match part {
                PatternPart::Char(letter) => {
                    next.extend(ahead.iter().map(|places| self.step(places, Some(*letter))))
                }
                PatternPart::AnyChar => next.extend(ahead.iter().map(|places| self.step(places, None))),
                PatternPart::AnyRun => {
                    for mut places in ahead {
                        // As many letters as make a difference.
                        while !next.contains(&places) {
                            let then = self.step(&places, None);
                            next.insert(places);
                            places = then;
                        }
                    }
                }
            }
            // Where fewer places can be reached and still all is described, it is from more places as well.
            let all: Vec<PatternPositions> = next.into_iter().collect();
            ahead = all
                .iter()
                .filter(|one| !all.iter().any(|other| other != *one && other.is_subset(one)))
                .cloned()
                .collect();
            if ahead.len() > Self::MAX_POSITION_SETS || ahead.iter().any(PatternPositions::is_empty) {
                return false;
            }
        }
        ahead.iter().all(|places| self.accepts(places))
    }

    /// Whether there is a text that both describe.
    pub fn overlaps(&self, other: &Self) -> bool {
        let mut seen = HashSet::new();
        let mut ahead = vec![(0, 0)];
        while let Some((a, b)) = ahead.pop() {
            if !seen.insert((a, b)) {
                continue;
            }
            match (self.0.get(a), other.0.get(b)) {
                (None, None) => return true,
                (Some(PatternPart::AnyRun), Some(_)) | (Some(_), Some(PatternPart::AnyRun)) => {
                    ahead.extend([(a + 1, b), (a, b + 1)])
                }
                (Some(PatternPart::AnyRun), None) => ahead.push((a + 1, b)),
                (None, Some(PatternPart::AnyRun)) => ahead.push((a, b + 1)),
                (Some(PatternPart::Char(one)), Some(PatternPart::Char(two))) if one != two => {}
                (Some(_), Some(_)) => ahead.push((a + 1, b + 1)),
                _ => {}
            }
        }
        false
    }
}
