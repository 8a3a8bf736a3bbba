//! What somebody may have meant.
//!
//! Enters: a word that is not known and the words that are. Leaves: the nearest one, when it is near enough that
//! naming it helps more than it misleads. Law: the answer does not depend on the order of equally near words.

/// The known word nearest to `word`, upper and lower case apart; none when all are far from it.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A longer word could only be reached by more edits than are allowed below.
    const MAX_WORD_BYTES: usize = 256;
    if word.len() > MAX_WORD_BYTES {
        return None;
    }
    let lower = word.to_lowercase();
    // A word of which every letter differs is no slip.
    let allowed = (lower.chars().count().saturating_add(1) / 3).min(4);
    known
        .into_iter()
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
