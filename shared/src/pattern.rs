//! Wildcard patterns with the syntax of IAM policies.
//!
//! Enters: a pattern and a text. Leaves: whether they match. `*` matches any run of characters, also an empty one and
//! also across `:` and `/`. `?` matches exactly one character. Every other character matches itself; case matters.
//! Laws: [`matches()`] agrees with the recursive definition, in at most pattern × text steps and without allocating;
//! when [`covers`] returns `true`, it is correct.

mod compiled;

pub(crate) use self::compiled::{CompiledPattern, PatternPart, PatternPositions};

/// Whether `pattern` matches the whole of `text`.
///
/// `arn:aws:iam::*:role/Auditor` does not match a role `Auditor` under the path `/team/`, because its ARN ends in
/// `role/team/Auditor`. `role/*Auditor` matches both, and also `role/NotAnAuditor`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut wanted, mut rest) = (pattern.chars(), text.chars());
    // The pattern after the last `*`, and the text that this `*` has not consumed yet. An earlier `*` never needs to
    // consume more: the last one can consume the same text.
    let mut last_star = None;
    loop {
        let before = rest.clone();
        match (wanted.next(), rest.next()) {
            (Some('*'), _) => {
                rest = before;
                last_star = Some((wanted.clone(), rest.clone()));
            }
            (None, None) => return true,
            (Some('?'), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => {
                let Some((after, mut given)) = last_star.take() else { return false };
                if given.next().is_none() {
                    return false;
                }
                (wanted, rest) = (after.clone(), given.clone());
                last_star = Some((after, given));
            }
        }
    }
}

/// Whether every text that the pattern `narrow` matches is also matched by the pattern `wide`.
///
/// `true` is certain. `false` may be wrong only for patterns with so many wildcards that comparing them takes too
/// long.
pub fn covers(wide: &str, narrow: &str) -> bool {
    wide == narrow || CompiledPattern::of(wide).covers(&CompiledPattern::of(narrow))
}

/// Whether `text` has a wildcard.
pub fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The recursive definition, one clause on each line. It is slow, but simple to verify.
    fn matches_by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', after @ ..], _) => {
                matches_by_definition(after, text)
                    || text.split_first().is_some_and(|(_, rest)| matches_by_definition(pattern, rest))
            }
            (['?', after @ ..], [_, rest @ ..]) => matches_by_definition(after, rest),
            ([a, after @ ..], [b, rest @ ..]) => a == b && matches_by_definition(after, rest),
            _ => false,
        }
    }

    #[test]
    fn a_role_matches_as_its_arn_is_written() {
        let role = "arn:aws:iam::111122223333:role/Auditor";
        assert!(matches(role, role));
        assert!(matches("arn:aws:iam::*:role/Auditor", role));
        assert!(matches("arn:*:iam::1111????3333:role/*", role));
        assert!(!matches("arn:aws:iam::*:role/auditor", role));
        assert!(!matches("arn:aws:iam::*:role/Auditor", "arn:aws:iam::111122223333:role/team/Auditor"));
        assert!(matches("arn:aws:iam::*:role/*/Auditor", "arn:aws:iam::111122223333:role/team/Auditor"));
        assert!(!matches("arn:aws:iam::*:role/Auditor", "arn:aws:iam::111122223333:role/Auditor2"));
    }

    #[test]
    fn a_question_mark_is_one_character_not_one_byte() {
        assert!(matches("?", "é") && !matches("??", "é") && !matches("?", ""));
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one() {
        for (wide, narrow) in [
            ("*", ""),
            ("*", "arn:aws:s3:::a"),
            ("a*", "a*b"),
            ("arn:aws:s3:::a/*", "arn:aws:s3:::a/b/*"),
            ("?*", "*a"),
            ("*?", "?*"),
            ("*a*", "?a?"),
        ] {
            assert!(covers(wide, narrow), "{wide} covers {narrow}");
        }
        for (wide, narrow) in
            [("a", "*"), ("a*b", "a*"), ("?", "*"), ("arn:aws:s3:::a/*", "arn:aws:s3:::*"), ("??*", "*a")]
        {
            assert!(!covers(wide, narrow), "{wide} does not cover {narrow}");
        }
        assert!(
            covers(&"*a".repeat(300), &"*a".repeat(300)) && !covers(&"*a".repeat(300), &"*a".repeat(299))
        );
    }

    #[test]
    fn many_stars_take_linear_steps() {
        let pattern = "*a".repeat(200);
        assert!(!matches(&pattern, &"a".repeat(199)));
        assert!(matches(&pattern, &"a".repeat(5_000)));
        assert!(!matches(&format!("{pattern}b"), &"a".repeat(5_000)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]
        #[test]
        fn matching_agrees_with_the_recursive_definition(pattern in "[ab?*é]{0,8}", text in "[abé*]{0,10}") {
            let (p, t): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), matches_by_definition(&p, &t));
        }

        #[test]
        fn a_covering_pattern_matches_all_the_other_matches(wide in "[ab?*]{0,6}", narrow in "[ab?*]{0,5}") {
            // `c` stands for every letter that no pattern names. Six pattern parts cannot distinguish texts of more
            // letters.
            let mut texts = vec![String::new()];
            let mut from = 0;
            for _ in 0..7 {
                let to = texts.len();
                for at in from..to {
                    texts.extend(["a", "b", "c"].map(|letter| format!("{}{letter}", texts[at])));
                }
                from = to;
            }
            let all = texts.iter().filter(|text| matches(&narrow, text)).all(|text| matches(&wide, text));
            prop_assert_eq!(covers(&wide, &narrow), all);
        }

        #[test]
        fn a_compiled_pattern_matches_what_its_text_matches(pattern in "[ab?*é]{0,8}", text in "[abé*]{0,10}") {
            prop_assert_eq!(CompiledPattern::of(&pattern).matches(&text), matches(&pattern, &text));
        }

        #[test]
        fn a_text_without_wildcards_matches_itself_alone(a in "[a-c:/]{0,6}", b in "[a-c:/]{0,6}") {
            prop_assert_eq!(matches(&a, &b), a == b);
        }
    }
}
