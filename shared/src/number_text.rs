//! Numbers as readers see them.
//!
//! Enters: a number. Leaves: text. Law: digits are in groups of three everywhere, so that a number reads the same in a
//! sentence and in a table.

/// A number with a comma between each three digits: `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 call`, `2 calls`.
pub fn count_noun(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thousands_are_separated_by_commas() {
        let numbers = [0, 999, 1_000, 12_345, 1_234_567, u64::MAX];
        let texts = ["0", "999", "1,000", "12,345", "1,234,567", "18,446,744,073,709,551,615"];
        assert_eq!(numbers.map(thousands), texts);
    }

    #[test]
    fn nouns_agree_with_their_counts() {
        assert_eq!([0, 1, 2].map(|n| count_noun(n, "call")), ["0 calls", "1 call", "2 calls"]);
    }

    proptest! {
        #[test]
        fn thousands_add_only_separators(number: u64) {
            prop_assert_eq!(thousands(number).replace(',', ""), number.to_string());
        }
    }
}
