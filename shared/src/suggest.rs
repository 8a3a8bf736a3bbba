//! Suggests a known word for a misspelled one.
//!
//! Enters: an unknown word and the known words. Leaves: the nearest known word, if it is near enough to be a likely
//! correction. Law: the suggestion does not depend on the order of equally near words.

/// The known word nearest to `word`, ignoring case; `None` when all are too far from it.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A longer word would need more edits than are allowed below.
    const MAX_WORD_BYTES: usize = 256;
    if word.len() > MAX_WORD_BYTES {
        return None;
    }
    let lower = word.to_lowercase();
    // A word in which every letter differs is not a typo.
    let allowed = (lower.chars().count().saturating_add(1) / 3).min(4);
    // Each edit changes the length by at most one character.
    let may_be_near = |candidate: &&str| candidate.chars().count().abs_diff(lower.chars().count()) <= allowed;
    known
        .into_iter()
        .filter(may_be_near)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_recognized_and_a_different_word_is_not() {
        let known = ["watch", "exempt", "coverage", "standard"];
        assert_eq!(suggest("wach", known), Some("watch"));
        assert_eq!(suggest("Standrad", known), Some("standard"));
        assert_eq!(suggest("principals", known), None);
        assert_eq!(suggest("", known), None);
        assert_eq!(suggest("x", ["y"]), None);
        assert_eq!(suggest("ab", ["ac"]), Some("ac"));
        assert_eq!(suggest(&"w".repeat(100_000), known), None);
    }
}
