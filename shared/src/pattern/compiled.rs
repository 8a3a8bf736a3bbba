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
    /// Any run of letters without a colon, also an empty one: a field of an ARN.
    AnyField,
    /// Any run of letters without a slash, also an empty one: a segment of a path.
    AnySegment,
    /// Any run of letters without a colon and without a slash, also an empty one: a name.
    AnyName,
}

impl PatternPart {
    /// The letters that a run does not have; none for every other part.
    const fn excluded_letters(self) -> Option<&'static [char]> {
        match self {
            Self::Char(_) | Self::AnyChar => None,
            Self::AnyRun => Some(&[]),
            Self::AnyField => Some(&[':']),
            Self::AnySegment => Some(&['/']),
            Self::AnyName => Some(&[':', '/']),
        }
    }

    const fn is_run(self) -> bool {
        self.excluded_letters().is_some()
    }

    /// Whether it is a run that may not have every letter.
    fn is_limited_run(self) -> bool {
        self.excluded_letters().is_some_and(|letters| !letters.is_empty())
    }

    /// Whether a run may have a letter. `None` stands for a letter that no pattern names.
    fn runs_over(self, letter: Option<char>) -> bool {
        let excluded = self.excluded_letters();
        excluded.is_some_and(|excluded| letter.is_none_or(|letter| !excluded.contains(&letter)))
    }
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

    /// An ARN pattern in which each `*` before the fifth colon stands for one field, and each `*` after it for the part that
    /// the function names; the function gets the pattern up to this `*`.
    pub fn of_arn(pattern: &str, mut part_after: impl FnMut(&str) -> PatternPart) -> Self {
        let mut compiled = Self::default();
        let mut colons = 0;
        for (at, letter) in pattern.char_indices() {
            colons += usize::from(letter == ':');
            compiled.push(match letter {
                '*' if colons < 5 => PatternPart::AnyField,
                '*' => part_after(pattern.get(..at).unwrap_or_default()),
                letter => PatternPart::Char(letter),
            });
        }
        compiled
    }

    /// The pattern with each wildcard in the first five fields of an ARN limited to its field. None if the pattern does not
    /// have six fields, or if what it has in place of a Region or an account is none.
    pub fn within_fields(&self) -> Option<Self> {
        let fields: Vec<&[PatternPart]> = self.0.splitn(6, |part| *part == PatternPart::Char(':')).collect();
        let [scheme, _, _, region, account, resource] = *fields.as_slice() else { return None };
        let is_text = |parts: &[PatternPart], text: &str| {
            parts.len() == text.len()
                && parts.iter().zip(text.chars()).all(|(part, letter)| *part == PatternPart::Char(letter))
        };
        let may_be = |parts: &[PatternPart], is_allowed: fn(char) -> bool| {
            parts.starts_with(&[PatternPart::Char('$')])
                || parts.iter().all(|part| match part {
                    PatternPart::Char(letter) => is_allowed(*letter),
                    _ => true,
                })
        };
        let is_arn = is_text(scheme, "arn")
            && may_be(region, |letter| letter.is_ascii_alphanumeric() || letter == '-')
            && (may_be(account, |letter| letter.is_ascii_digit()) || is_text(account, "aws"));
        is_arn.then(|| {
            let mut limited = Self::default();
            for part in self.0.iter().take(self.0.len() - resource.len()) {
                limited.push(if *part == PatternPart::AnyRun { PatternPart::AnyField } else { *part });
            }
            limited.0.extend_from_slice(resource);
            limited
        })
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
            if part.is_run() && positions.contains(at) {
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
                Some(part) if part.runs_over(letter) => next.insert(at),
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

    /// The characters that the pattern names next at these positions: those it accepts literally, and those that a run
    /// does not have.
    pub fn next_chars(&self, positions: &PatternPositions) -> impl Iterator<Item = char> {
        positions.iter().filter_map(|at| self.0.get(at)).flat_map(|part| {
            let literal = match part {
                PatternPart::Char(letter) => Some(*letter),
                _ => None,
            };
            literal.into_iter().chain(part.excluded_letters().unwrap_or_default().iter().copied())
        })
    }

    /// Whether the pattern matches the whole of a text.
    pub fn matches(&self, text: &str) -> bool {
        let mut letters = text.chars();
        let is_next = |part: &&PatternPart| matches!(part, PatternPart::Char(_));
        let literal = self.0.iter().take_while(is_next).count();
        let (literal, rest) = self.0.split_at(literal);
        if !literal.iter().all(|part| letters.next().map(PatternPart::Char) == Some(*part)) {
            return false;
        }
        match rest {
            [] => letters.as_str().is_empty(),
            [PatternPart::AnyRun] => true,
            _ if rest.len() < 128 => matches_short(rest, letters),
            _ => self.matches_long(text),
        }
    }

    fn matches_long(&self, text: &str) -> bool {
        let end = text.chars().try_fold(self.start(), |positions, letter| {
            let next = self.step(&positions, Some(letter));
            (!next.is_empty()).then_some(next)
        });
        end.is_some_and(|positions| self.accepts(&positions))
    }

    /// Whether the pattern matches every text that `narrow` matches. `true` is certain; `false` may also mean that the
    /// comparison takes too long.
    pub fn covers(&self, narrow: &Self) -> bool {
        if self.0.iter().any(|part| part.is_limited_run()) {
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
                PatternPart::AnyRun
                | PatternPart::AnyField
                | PatternPart::AnySegment
                | PatternPart::AnyName => {
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
                (Some(run), None) if run.is_run() => ahead.push((a + 1, b)),
                (None, Some(run)) if run.is_run() => ahead.push((a, b + 1)),
                (Some(run), Some(PatternPart::Char(letter))) if run.is_run() => {
                    ahead.push((a + 1, b));
                    if run.runs_over(Some(*letter)) {
                        ahead.push((a, b + 1));
                    }
                }
                (Some(PatternPart::Char(letter)), Some(run)) if run.is_run() => {
                    ahead.push((a, b + 1));
                    if run.runs_over(Some(*letter)) {
                        ahead.push((a + 1, b));
                    }
                }
                (Some(one), Some(other)) if one.is_run() || other.is_run() => {
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

/// Whether fewer than 128 parts match the whole of a text: as [`CompiledPattern::matches`], with the positions in one number.
fn matches_short(parts: &[PatternPart], letters: std::str::Chars<'_>) -> bool {
    let runs = parts.iter().enumerate().filter(|(_, part)| part.is_run());
    let runs = runs.fold(0_u128, |runs, (at, _)| runs | 1 << at);
    let skip_empty_runs = |mut positions: u128| loop {
        let more = positions | (positions & runs) << 1;
        if more == positions {
            return positions;
        }
        positions = more;
    };
    let mut positions = skip_empty_runs(1);
    for letter in letters {
        let (mut next, mut left) = (0_u128, positions);
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left - 1;
            next |= match usize::try_from(at).ok().and_then(|at| parts.get(at)) {
                Some(PatternPart::AnyChar) => 2 << at,
                Some(PatternPart::Char(wanted)) if *wanted == letter => 2 << at,
                Some(part) if part.runs_over(Some(letter)) => 1 << at,
                _ => 0,
            };
        }
        if next == 0 {
            return false;
        }
        positions = skip_empty_runs(next);
    }
    positions >> parts.len() & 1 == 1
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    fn part() -> impl Strategy<Value = PatternPart> {
        select(vec![
            PatternPart::Char('a'),
            PatternPart::Char(':'),
            PatternPart::Char('/'),
            PatternPart::AnyChar,
            PatternPart::AnyRun,
            PatternPart::AnyField,
            PatternPart::AnySegment,
            PatternPart::AnyName,
        ])
    }

    fn compiled(parts: Vec<PatternPart>) -> CompiledPattern {
        let mut compiled = CompiledPattern::default();
        parts.into_iter().for_each(|part| compiled.push(part));
        compiled
    }

    /// The recursive definition. It is slow, but simple to verify.
    fn matches_by_definition(pattern: &[PatternPart], text: &[char]) -> bool {
        let Some((part, after)) = pattern.split_first() else { return text.is_empty() };
        let excluded: &[char] = match part {
            PatternPart::Char(letter) => {
                return text.first() == Some(letter) && matches_by_definition(after, &text[1..]);
            }
            PatternPart::AnyChar => return !text.is_empty() && matches_by_definition(after, &text[1..]),
            PatternPart::AnyRun => &[],
            PatternPart::AnyField => &[':'],
            PatternPart::AnySegment => &['/'],
            PatternPart::AnyName => &[':', '/'],
        };
        (0..=text.len()).any(|end| {
            text[..end].iter().all(|letter| !excluded.contains(letter))
                && matches_by_definition(after, &text[end..])
        })
    }

    /// All texts of up to five letters. `b` stands for every letter that no pattern names.
    fn texts() -> Vec<Vec<char>> {
        let mut texts = vec![Vec::new()];
        let mut from = 0;
        for _ in 0..5 {
            let to = texts.len();
            for at in from..to {
                for letter in ['a', 'b', ':', '/'] {
                    let mut text: Vec<char> = texts[at].clone();
                    text.push(letter);
                    texts.push(text);
                }
            }
            from = to;
        }
        texts
    }

    proptest! {
        #[test]
        fn limited_run_matches_by_definition(parts in vec(part(), 0..5), text in "[ab:/]{0,6}") {
            let pattern = compiled(parts);
            let letters: Vec<char> = text.chars().collect();
            prop_assert_eq!(pattern.matches(&text), matches_by_definition(&pattern.0, &letters));
            prop_assert_eq!(pattern.matches_long(&text), matches_by_definition(&pattern.0, &letters));
        }

        #[test]
        fn patterns_overlap_if_they_share_a_text(one in vec(part(), 0..4), other in vec(part(), 0..3)) {
            let (one, other) = (compiled(one), compiled(other));
            let shares = |text: &Vec<char>| matches_by_definition(&one.0, text) && matches_by_definition(&other.0, text);
            prop_assert_eq!(one.overlaps(&other), texts().iter().any(shares));
        }

        #[test]
        fn wildcard_within_its_field_matches_less(pattern in "arn:(aws|\\*):s3:[a*]{0,2}:[1*]{0,2}:[a:*]{0,3}", text in "arn:aws:s3:[a:]{0,2}:[1:]{0,2}:[a:]{0,3}") {
            let whole = CompiledPattern::of(&pattern);
            let limited = whole.within_fields().unwrap();
            prop_assert!(!limited.matches(&text) || whole.matches(&text));
            let fields = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
            let (own, wanted) = (fields(&text), fields(&pattern));
            let each = own.iter().zip(&wanted).all(|(own, wanted)| CompiledPattern::of(wanted).matches(own));
            prop_assert_eq!(limited.matches(&text), each);
        }
    }

    #[test]
    fn pattern_without_six_fields_has_none() {
        for pattern in ["*", "arn:aws:s3", "arn:aws:ec2:*:*", "arn:aws:logs:*:log-group:g:*", "a:b:c:d:1:f"] {
            assert_eq!(CompiledPattern::of(pattern).within_fields(), None, "{pattern}");
        }
    }
}
