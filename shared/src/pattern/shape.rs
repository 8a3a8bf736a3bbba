//! Patterns taken apart, to be walked letter by letter.
//!
//! Enters: a pattern. Leaves: [`Shape`], and the [`Places`] in it a text can lead to. Law: a letter that no pattern
//! names leads to the fewest places, so what holds for it at a wildcard holds for every letter.

use std::collections::HashSet;

/// One part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// This letter.
    Letter(char),
    /// Any one letter.
    One,
    /// Any run of letters, also none.
    Any,
}

/// A pattern, or a text in which no letter is a wildcard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Shape(Vec<Part>);

/// Places between the parts of a shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Places(Vec<u64>);

impl Places {
    fn none(parts: usize) -> Self {
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

    fn is_within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & !b == 0)
    }
}

impl Shape {
    /// Sets of places kept for one place of the narrower pattern before a comparison is given up.
    const MOST: usize = 256;

    /// A pattern with `*` and `?`.
    pub fn of(pattern: &str) -> Self {
        let mut shape = Self::default();
        for letter in pattern.chars() {
            shape.push(match letter {
                '*' => Part::Any,
                '?' => Part::One,
                letter => Part::Letter(letter),
            });
        }
        shape
    }

    /// A text in which nothing is a wildcard.
    pub fn literal(text: &str) -> Self {
        Self(text.chars().map(Part::Letter).collect())
    }

    /// Adds a part.
    pub fn push(&mut self, part: Part) {
        if !(part == Part::Any && self.0.last() == Some(&Part::Any)) {
            self.0.push(part);
        }
    }

    /// Adds a text as it is.
    pub fn push_text(&mut self, text: &str) {
        self.0.extend(Self::literal(text).0);
    }

    /// Whether it describes every text.
    pub fn is_everything(&self) -> bool {
        self.0 == [Part::Any]
    }

    /// Where a text begins.
    pub fn start(&self) -> Places {
        let mut places = Places::none(self.0.len());
        places.insert(0);
        self.close(places)
    }

    // A run may be of no letter: a place before it is also the place behind it.
    fn close(&self, mut places: Places) -> Places {
        for (at, part) in self.0.iter().enumerate() {
            if *part == Part::Any && places.contains(at) {
                places.insert(at + 1);
            }
        }
        places
    }

    /// Where a letter leads; none stands for a letter that no pattern names.
    pub fn step(&self, places: &Places, letter: Option<char>) -> Places {
        let mut next = Places::none(self.0.len());
        for at in places.iter() {
            match self.0.get(at) {
                Some(Part::Any) => next.insert(at),
                Some(Part::One) => next.insert(at + 1),
                Some(Part::Letter(wanted)) if letter == Some(*wanted) => next.insert(at + 1),
                _ => {}
            }
        }
        self.close(next)
    }

    /// Whether a text may end here.
    pub fn accepts(&self, places: &Places) -> bool {
        places.contains(self.0.len())
    }

    /// Whether any text may follow.
    pub fn accepts_all_after(&self, places: &Places) -> bool {
        self.0.last() == Some(&Part::Any) && places.contains(self.0.len() - 1)
    }

    /// Letters that lead somewhere no other letter leads.
    pub fn letters(&self, places: &Places) -> impl Iterator<Item = char> {
        places.iter().filter_map(|at| match self.0.get(at) {
            Some(Part::Letter(letter)) => Some(*letter),
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
                Part::Letter(letter) => {
                    next.extend(ahead.iter().map(|places| self.step(places, Some(*letter))))
                }
                Part::One => next.extend(ahead.iter().map(|places| self.step(places, None))),
                Part::Any => {
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
            let all: Vec<Places> = next.into_iter().collect();
            ahead = all
                .iter()
                .filter(|one| !all.iter().any(|other| other != *one && other.is_within(one)))
                .cloned()
                .collect();
            if ahead.len() > Self::MOST || ahead.iter().any(Places::is_empty) {
                return false;
            }
        }
        ahead.iter().all(|places| self.accepts(places))
    }

    /// Whether there is a text that both describe.
    pub fn meets(&self, other: &Self) -> bool {
        let mut seen = HashSet::new();
        let mut ahead = vec![(0, 0)];
        while let Some((a, b)) = ahead.pop() {
            if !seen.insert((a, b)) {
                continue;
            }
            match (self.0.get(a), other.0.get(b)) {
                (None, None) => return true,
                (Some(Part::Any), Some(_)) | (Some(_), Some(Part::Any)) => {
                    ahead.extend([(a + 1, b), (a, b + 1)])
                }
                (Some(Part::Any), None) => ahead.push((a + 1, b)),
                (None, Some(Part::Any)) => ahead.push((a, b + 1)),
                (Some(Part::Letter(one)), Some(Part::Letter(two))) if one != two => {}
                (Some(_), Some(_)) => ahead.push((a + 1, b + 1)),
                _ => {}
            }
        }
        false
    }
}
