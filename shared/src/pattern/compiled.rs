//! Compiled patterns, matched letter by letter.
//!
//! Enters: a pattern. Leaves: [`CompiledPattern`], and the [`PatternPositions`] that a text can reach in it. Law: a
//! letter that no pattern names reaches the fewest positions, so what holds for it at a wildcard holds for every
//! letter.

use std::collections::HashSet;

/// One part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PatternPart {
    /// Exactly this character.
    Char(char),
    /// Any one character.
    AnyChar,
    /// Any run of letters, also an empty one.
    AnyRun,
    /// Any run of letters without a colon, also an empty one: a field of an ARN. No text of a policy has it.
    AnyField,
}

/// A pattern, or a text in which no letter is a wildcard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct CompiledPattern(Vec<PatternPart>);

/// A set of positions between the parts of a pattern.
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

    /// Whether the set of positions is empty, so that no match is possible.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & !b == 0)
    }
}

impl CompiledPattern {
    /// A comparison is given up when it has more position sets than this for one position of the narrower pattern.
    const MAX_POSITION_SETS: usize = 256;

    /// A pattern with `*` and `?`.
    pub fn of(pattern: &str) -> Self {
        let mut compiled = Self::default();
        for letter in pattern.chars() {
            compiled.push(match letter {
                '*' => PatternPart::AnyRun,
                '?' => PatternPart::AnyChar,
                letter => PatternPart::Char(letter),
            });
        }
        compiled
    }

    /// An ARN pattern in which each `*` before the fifth colon stands for one field, and every other `*` for any text.
    pub fn of_arn(pattern: &str) -> Self {
        let mut compiled = Self::default();
        let mut colons = 0;
        for letter in pattern.chars() {
            colons += usize::from(letter == ':');
            compiled.push(match letter {
                '*' if colons < 5 => PatternPart::AnyField,
                '*' => PatternPart::AnyRun,
                letter => PatternPart::Char(letter),
            });
        }
        compiled
    }

    /// A text in which no letter is a wildcard.
    pub fn literal(text: &str) -> Self {
        Self(text.chars().map(PatternPart::Char).collect())
    }

    /// The pattern in lower case.
    pub fn to_lowercase(&self) -> Self {
        let mut lower = Self::default();
        for part in &self.0 {
            match part {
                PatternPart::Char(letter) => {
                    letter.to_lowercase().for_each(|letter| lower.push(PatternPart::Char(letter)))
                }
                wildcard => lower.push(*wildcard),
            }
        }
        lower
    }

    /// Adds a part to the end of the pattern.
    pub fn push(&mut self, part: PatternPart) {
        if !(part == PatternPart::AnyRun && self.0.last() == Some(&PatternPart::AnyRun)) {
            self.0.push(part);
        }
    }

    /// Adds a text without wildcards.
    pub fn push_text(&mut self, text: &str) {
        self.0.extend(Self::literal(text).0);
    }

    /// Whether the pattern matches every text.
    pub fn matches_everything(&self) -> bool {
        self.0 == [PatternPart::AnyRun]
    }

    /// The positions at the start of a text.
    pub fn start(&self) -> PatternPositions {
        let mut positions = PatternPositions::empty(self.0.len());
        positions.insert(0);
        self.skip_empty_runs(positions)
    }

    // A run may be empty, so a position before it is also a position after it.
    fn skip_empty_runs(&self, mut positions: PatternPositions) -> PatternPositions {
        for (at, part) in self.0.iter().enumerate() {
            if matches!(part, PatternPart::AnyRun | PatternPart::AnyField) && positions.contains(at) {
                positions.insert(at + 1);
            }
        }
        positions
    }

    /// The positions after a letter. `None` stands for a letter that no pattern names.
    pub fn step(&self, positions: &PatternPositions, letter: Option<char>) -> PatternPositions {
        let mut next = PatternPositions::empty(self.0.len());
        for at in positions.iter() {
            match self.0.get(at) {
                Some(PatternPart::AnyRun) => next.insert(at),
                Some(PatternPart::AnyField) if letter != Some(':') => next.insert(at),
                Some(PatternPart::AnyChar) => next.insert(at + 1),
                Some(PatternPart::Char(wanted)) if letter == Some(*wanted) => next.insert(at + 1),
                _ => {}
            }
        }
        self.skip_empty_runs(next)
    }

    /// Whether a text may end at these positions.
    pub fn accepts(&self, positions: &PatternPositions) -> bool {
        positions.contains(self.0.len())
    }

    /// Whether any text may follow these positions.
    pub fn accepts_all_after(&self, positions: &PatternPositions) -> bool {
        self.0.last() == Some(&PatternPart::AnyRun) && positions.contains(self.0.len() - 1)
    }

    /// Literal characters that the pattern accepts next at these positions; wildcards are left out.
    pub fn next_chars(&self, positions: &PatternPositions) -> impl Iterator<Item = char> {
        positions.iter().filter_map(|at| match self.0.get(at) {
            Some(PatternPart::Char(letter)) => Some(*letter),
            _ => None,
        })
    }

    /// Whether the pattern matches the whole of a text.
    pub fn matches(&self, text: &str) -> bool {
        let end = text.chars().try_fold(self.start(), |positions, letter| {
            let next = self.step(&positions, Some(letter));
            (!next.is_empty()).then_some(next)
        });
        end.is_some_and(|positions| self.accepts(&positions))
    }

    /// Whether the pattern matches every text that `narrow` matches. `true` is certain; `false` may also mean that the
    /// comparison takes too long.
    pub fn covers(&self, narrow: &Self) -> bool {
        if self.0.contains(&PatternPart::AnyField) {
            return self == narrow;
        }
        let mut ahead = HashSet::from([self.start()]);
        for part in &narrow.0 {
            let mut next = HashSet::new();
            match part {
                PatternPart::Char(letter) => {
                    next.extend(ahead.iter().map(|positions| self.step(positions, Some(*letter))))
                }
                PatternPart::AnyChar => next.extend(ahead.iter().map(|positions| self.step(positions, None))),
                PatternPart::AnyRun | PatternPart::AnyField => {
                    for mut positions in ahead {
                        // Until another letter does not give new positions.
                        while !next.contains(&positions) {
                            let then = self.step(&positions, None);
                            next.insert(positions);
                            positions = then;
                        }
                    }
                }
            }
            // If a smaller set of positions leads to a match, every superset of it does too.
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
        ahead.iter().all(|positions| self.accepts(positions))
    }

    /// Whether there is a text that both match.
    pub fn overlaps(&self, other: &Self) -> bool {
        // Most pairs differ in a character before their first wildcards, or after their last ones.
        let same = |(a, b): &(&PatternPart, &PatternPart)| matches!((a, b), (PatternPart::Char(one), PatternPart::Char(two)) if one == two);
        let differ = |pair: Option<(&PatternPart, &PatternPart)>| matches!(pair, Some((PatternPart::Char(one), PatternPart::Char(two))) if one != two);
        let shared = self.0.iter().zip(&other.0).take_while(same).count();
        let mut from_end = self.0.iter().rev().zip(other.0.iter().rev()).skip_while(same);
        if differ(self.0.get(shared).zip(other.0.get(shared))) || differ(from_end.next()) {
            return false;
        }
        let width = other.0.len() + 1;
        let mut seen = PatternPositions::empty((self.0.len() + 1) * width);
        let mut ahead = vec![(shared, shared)];
        while let Some((a, b)) = ahead.pop() {
            let pair = a * width + b;
            if seen.contains(pair) {
                continue;
            }
            seen.insert(pair);
            match (self.0.get(a), other.0.get(b)) {
                (None, None) => return true,
                (Some(PatternPart::AnyRun), Some(_)) | (Some(_), Some(PatternPart::AnyRun)) => {
                    ahead.extend([(a + 1, b), (a, b + 1)])
                }
                (Some(PatternPart::AnyRun | PatternPart::AnyField), None) => ahead.push((a + 1, b)),
                (None, Some(PatternPart::AnyRun | PatternPart::AnyField)) => ahead.push((a, b + 1)),
                (Some(PatternPart::AnyField), Some(PatternPart::Char(':'))) => ahead.push((a + 1, b)),
                (Some(PatternPart::Char(':')), Some(PatternPart::AnyField)) => ahead.push((a, b + 1)),
                (Some(PatternPart::AnyField), Some(_)) | (Some(_), Some(PatternPart::AnyField)) => {
                    ahead.extend([(a + 1, b), (a, b + 1)])
                }
                (Some(PatternPart::Char(one)), Some(PatternPart::Char(two))) if one != two => {}
                (Some(_), Some(_)) => ahead.push((a + 1, b + 1)),
                _ => {}
            }
        }
        false
    }
}
