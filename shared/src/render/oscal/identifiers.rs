//! UUIDs and tokens of OSCAL.
//!
//! Enters: the id of a run, a path, an id of a standard. Leaves: a UUID, a token. Laws: equal inputs have equal UUIDs, of version 5, because
//! OSCAL takes no version 7; a token is an NCName of ASCII; two ids have one token only if they
//! differ in `:` and `.`, or in a `_` before a digit.

use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use uuid::{Builder, Uuid, uuid};

use crate::hex::hex;

/// Namespace of the UUIDs; made at random, once.
const NAMESPACE: Uuid = uuid!("8b1e4e0a-4c9d-4f57-9a35-0d6c5b7a2e91");

/// Characters of a token.
const MAX_TOKEN: usize = 100;

/// The UUID of a part of a run.
pub(super) fn uuid(run: &str, path: &str) -> String {
    version_5(NAMESPACE, &format!("{run}/{path}")).hyphenated().to_string()
}

/// RFC 9562, section 5.5.
fn version_5(namespace: Uuid, name: &str) -> Uuid {
    let hash = Sha1::new().chain_update(namespace.as_bytes()).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
    Builder::from_sha1_bytes(bytes).into_uuid()
}

/// An id as a token: `s3:PutObject` as `s3.PutObject`. If other characters are replaced, the start of a hash tells it from others.
pub(super) fn token(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    let mut is_exact = text.len() <= MAX_TOKEN;
    for c in text.chars().take(MAX_TOKEN) {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => token.push(c),
            ':' => token.push('.'),
            _ => {
                is_exact = false;
                token.push('_');
            }
        }
    }
    if !token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        token.insert(0, '_');
    }
    if !is_exact {
        token.push('-');
        token.push_str(hex(&Sha256::digest(text)).get(..8).unwrap_or_default());
    }
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uuid_is_the_one_that_the_rfc_and_python_compute() {
        assert_eq!(
            version_5(Uuid::from_u128(0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8), "python.org").to_string(),
            "886313e1-3b8a-5372-9b90-0c9aee199e5d"
        );
        assert_ne!(uuid("run", "a"), uuid("run", "b"));
        assert_ne!(uuid("run", "a"), uuid("other", "a"));
    }

    #[test]
    fn ids_become_tokens_and_stay_different() {
        for (id, expected) in
            [("CC6.1", "CC6.1"), ("s3:PutObject", "s3.PutObject"), ("8.15", "_8.15"), ("", "_")]
        {
            assert_eq!(token(id), expected);
        }
        assert_ne!(token("a b"), token("a/b"));
        assert!(token("a b").starts_with("a_b-"));
        assert_ne!(token(&"x".repeat(101)), token(&"x".repeat(102)));
    }
}
