//! The root of the evidence: one hash for all log files.
//!
//! Enters: the log files. Leaves: the root of their Merkle tree. Laws: the order of the log files does not matter; a log file that
//! is changed, added or removed changes the root.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::attestation::merkle_root;

/// A log file as a leaf of the tree: its JSON, without spaces and in this order of fields, is what is hashed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EvidenceLeaf {
    /// SHA-256 of the log file as it was stored, in hex.
    pub sha256: String,
    /// Name of the log file.
    pub file: String,
    /// Number of records.
    pub records: u64,
}

/// The root over these log files, in hex.
pub fn evidence_root(leaves: &BTreeSet<EvidenceLeaf>) -> String {
    merkle_root(leaves)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_a_log_file_changes_the_root() {
        let leaf = |number: u64| EvidenceLeaf {
            sha256: format!("{number:064x}"),
            file: format!("log-{number}.json.gz"),
            records: number,
        };
        let all: BTreeSet<EvidenceLeaf> = (0..7).map(leaf).collect();
        let mut roots = BTreeSet::from([evidence_root(&all)]);
        for number in 0..7 {
            let mut other = all.clone();
            other.remove(&leaf(number));
            assert!(roots.insert(evidence_root(&other)));
            other.insert(EvidenceLeaf { records: 99, ..leaf(number) });
            assert!(roots.insert(evidence_root(&other)));
            other.insert(leaf(number));
            assert!(roots.insert(evidence_root(&other)));
        }
    }
}
