//! One hash for many things.
//!
//! Enters: things, each of which has a form as JSON. Leaves: the root of their Merkle tree, as RFC 6962 (section 2.1) defines it: a
//! leaf is hashed with the prefix 0, a node with the prefix 1. Laws: equal things in equal order have an equal root; a thing that is
//! changed, added or removed changes the root.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// The root over these leaves, in hex. A leaf is hashed as compact JSON.
pub fn merkle_root<L: Serialize>(leaves: impl IntoIterator<Item = L>) -> String {
    let hash = |leaf: L| {
        // Leaves have only strings and numbers, so writing them cannot fail.
        let text = serde_json::to_vec(&leaf).unwrap_or_default();
        Sha256::new().chain_update([0]).chain_update(text).finalize().into()
    };
    let hashes: Vec<[u8; 32]> = leaves.into_iter().map(hash).collect();
    hex(&root(&hashes))
}

fn root(hashes: &[[u8; 32]]) -> [u8; 32] {
    match hashes {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        _ => {
            // The largest power of two below the number of leaves.
            let split = hashes.len().next_power_of_two() / 2;
            let (left, right) = hashes.split_at_checked(split).unwrap_or((hashes, &[]));
            Sha256::new()
                .chain_update([1])
                .chain_update(root(left))
                .chain_update(root(right))
                .finalize()
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Roots of RFC 6962 for the leaves of the reference implementation of Certificate Transparency.
    #[test]
    fn roots_are_those_of_the_reference_implementation() {
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaf = |input: &[u8]| Sha256::new().chain_update([0]).chain_update(input).finalize().into();
        let hashes: Vec<[u8; 32]> = inputs.into_iter().map(leaf).collect();
        let of = |count: usize| hex(&root(&hashes[..count]));
        assert_eq!(of(0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(of(1), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(of(2), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
        assert_eq!(of(3), "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
        assert_eq!(of(8), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }
}
