//! Ids of keys in the form of securesystemslib: SHA-256 of the key's canonical JSON.
//!
//! Enters: a public key. Leaves: its id, in hex. Law: the id is the one that securesystemslib 1.6.0 computes for the same key, so
//! that it finds the key of a signature.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// The beginning of an ECDSA public key on the curve P-256 in DER (RFC 5480): algorithm, curve, and that a point of 65 bytes
/// follows.
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Number of characters in a line of PEM (RFC 7468).
const PEM_LINE: usize = 64;

/// Id of an Ed25519 key, given as its 32 bytes.
pub fn ed25519_key_id(public_key: &[u8]) -> String {
    canonical_json_sha256("ed25519", &hex(public_key), "ed25519")
}

/// Id of an ECDSA key on the curve P-256, given as its SubjectPublicKeyInfo in DER.
pub fn ecdsa_p256_key_id(public_key_info: &[u8]) -> String {
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    for (number, character) in BASE64_STANDARD.encode(public_key_info).chars().enumerate() {
        if number > 0 && number % PEM_LINE == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END PUBLIC KEY-----\n");
    canonical_json_sha256("ecdsa", &pem, "ecdsa-sha2-nistp256")
}

/// The point of an ECDSA key on the curve P-256, uncompressed, from its SubjectPublicKeyInfo in DER; `None` for another key.
pub fn p256_point(public_key_info: &[u8]) -> Option<&[u8]> {
    public_key_info.strip_prefix(&P256_HEAD).filter(|point| point.len() == 65 && point.first() == Some(&0x04))
}

/// The hash of the canonical JSON of a key. It escapes quotation marks and backslashes alone, which no key has.
fn canonical_json_sha256(keytype: &str, public: &str, scheme: &str) -> String {
    let json = format!(
        "{{\"keytype\":\"{keytype}\",\"keyval\":{{\"public\":\"{public}\"}},\"scheme\":\"{scheme}\"}}"
    );
    hex(&Sha256::digest(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key on the curve P-256, and the id that `SSlibKey.from_crypto` of securesystemslib 1.6.0 gives it.
    #[test]
    fn ids_of_p256_keys_are_those_of_securesystemslib() {
        let base64 = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHhhTL9R1TALzBB2cdc6zO4P/2BrH\
                      zk/ogsyxyYvFiW6kbDEcTi/0DdlqNlPm5FRF0y3+SG7O11x6kMahiIHAow==";
        let der = BASE64_STANDARD.decode(base64).unwrap();
        assert_eq!(
            ecdsa_p256_key_id(&der),
            "0848f460d8c5fe8f1dc1d7e832cffe2a8e23b3009527bfc60b26e569840c39c0"
        );
        assert_eq!(p256_point(&der).map(<[u8]>::len), Some(65));
        assert_eq!(p256_point(&der[..90]), None);
    }
}
