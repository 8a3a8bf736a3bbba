//! The first words of the operations of a catalog: which of them begin a read.
//!
//! Enters: the entries of a catalog. Leaves: whether a name begins like a read of the catalog. Law: a word with which no
//! operation begins begins no read.

use std::collections::{BTreeMap, BTreeSet};

use super::Catalog;
use crate::operation::OperationType;

/// The words with which operations begin, in lower case: those of reads, and those of no read.
pub(super) struct FirstWords {
    of_reads: BTreeSet<String>,
    without_reads: BTreeSet<String>,
}

impl FirstWords {
    fn of(catalog: &Catalog) -> Self {
        let mut begins_a_read: BTreeMap<String, bool> = BTreeMap::new();
        for entry in catalog.iter().filter(|entry| !entry.facts.is_event_only()) {
            let is_read = entry.facts.operation_type == OperationType::ReadOnly;
            *begins_a_read.entry(first_word(&entry.name).to_ascii_lowercase()).or_default() |= is_read;
        }
        let (of_reads, without_reads): (Vec<_>, Vec<_>) =
            begins_a_read.into_iter().partition(|(_, is_read)| *is_read);
        let words = |of: Vec<(String, bool)>| of.into_iter().map(|(word, _)| word).collect();
        Self { of_reads: words(of_reads), without_reads: words(without_reads) }
    }
}

impl Catalog {
    /// Whether operations of the catalog begin with the same word as this name, and none of them is a read. In a name
    /// without word boundaries the word is matched as a prefix.
    pub fn begins_like_no_read(&self, name: &str) -> bool {
        begins_with_one_of(name, &self.first_words().without_reads, MIN_PREFIX)
    }

    /// Whether a read of the catalog begins with the same word as this name. In a name without word boundaries the word
    /// is matched as a prefix.
    pub fn begins_like_a_read(&self, name: &str) -> bool {
        begins_with_one_of(name, &self.first_words().of_reads, MIN_READ_PREFIX)
    }

    fn first_words(&self) -> &FirstWords {
        self.first_words.get_or_init(|| FirstWords::of(self))
    }
}

fn begins_with_one_of(name: &str, words: &BTreeSet<String>, min_prefix: usize) -> bool {
    let is_without_boundaries = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    match is_without_boundaries {
        true => words.iter().any(|word| word.len() >= min_prefix && name.starts_with(word.as_str())),
        false => words.contains(&first_word(name).to_ascii_lowercase()),
    }
}

/// A shorter word begins many words by chance.
const MIN_PREFIX: usize = 4;

/// `get` begins reads.
const MIN_READ_PREFIX: usize = 3;

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
