//! The first words of the operations of a catalog: which of them begin no read.
//!
//! Enters: the entries of a catalog. Leaves: whether a name begins like operations of which none is a read. Law: a word
//! with which a read begins, or no operation at all, says nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::Catalog;
use crate::operation::OperationType;

/// The words with which operations begin, and no read does, in lower case.
pub(super) struct FirstWords {
    without_reads: BTreeSet<String>,
}

impl FirstWords {
    fn of(catalog: &Catalog) -> Self {
        let mut begins_a_read: BTreeMap<String, bool> = BTreeMap::new();
        for entry in catalog.iter().filter(|entry| !entry.facts.is_event_only()) {
            let is_read = entry.facts.operation_type == OperationType::ReadOnly;
            *begins_a_read.entry(first_word(&entry.name).to_ascii_lowercase()).or_default() |= is_read;
        }
        let without_reads = begins_a_read.into_iter().filter(|(_, is_read)| !is_read).map(|(word, _)| word);
        Self { without_reads: without_reads.collect() }
    }
}

impl Catalog {
    /// Whether operations of the catalog begin with the same word as this name, and none of them is a read. In a name
    /// without word boundaries the word is matched as a prefix.
    pub fn begins_like_no_read(&self, name: &str) -> bool {
        let words = &self.first_words.get_or_init(|| FirstWords::of(self)).without_reads;
        let is_without_boundaries =
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        match is_without_boundaries {
            true => words.iter().any(|word| word.len() >= MIN_PREFIX && name.starts_with(word.as_str())),
            false => words.contains(&first_word(name).to_ascii_lowercase()),
        }
    }
}

/// A shorter word begins many words by chance.
const MIN_PREFIX: usize = 4;

/// The first word of a name in Pascal, camel, snake or kebab spelling: `Promote` of `PromoteReadReplica`. A word of two
/// letters counts with the next one, as in `ReEncrypt`.
fn first_word(name: &str) -> &str {
    let end = word_end(name, 0);
    let end = if end == 2 { word_end(name, end) } else { end };
    name.get(..end).unwrap_or(name)
}

/// Where the word ends that begins at a position: before a separator, or a capital letter behind a small one.
fn word_end(name: &str, start: usize) -> usize {
    let bytes = name.as_bytes();
    let is_end = |position: &usize| {
        let before = position.checked_sub(1).and_then(|before| bytes.get(before));
        let is_separator = bytes.get(*position).is_some_and(|byte| matches!(byte, b'_' | b'-'));
        let is_capital = bytes.get(*position).is_some_and(u8::is_ascii_uppercase);
        is_separator || is_capital && before.is_some_and(u8::is_ascii_lowercase)
    };
    (start + 1..bytes.len()).find(is_end).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_ends_where_the_next_begins() {
        for (name, word) in [
            ("PromoteReadReplica", "Promote"),
            ("promote_read_replica", "promote"),
            ("promote-read-replica", "promote"),
            ("ReEncryptFrom", "ReEncrypt"),
            ("GET", "GET"),
            ("X", "X"),
            ("", ""),
        ] {
            assert_eq!(first_word(name), word, "{name}");
        }
    }
}
