//! RSA signatures.
//!
//! Enters: a public key, a text and a signature. Leaves: whether they belong together. Laws: a key of fewer than 2048 bits
//! verifies nothing; no input panics.

use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

/// Whether `signature` is the signature of `text` by the owner of `key`: SHA256withRSA, padded as in PKCS #1 v1.5. The key is an
/// RSAPublicKey in DER.
pub fn is_signature(key: &[u8], text: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(text, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_that_is_no_key_verifies_nothing() {
        for key in [&b""[..], b"\x30\x06\x02\x01\x03\x02\x01\x03", &[0xff; 300]] {
            assert!(!is_signature(key, b"text", &[0; 256]));
        }
    }
}
