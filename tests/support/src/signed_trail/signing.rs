//! Keys that sign digest files in tests. They sign nothing else.

use onlooker_core::{hex::hex, log_integrity::PublicKeys, time::Time};
use ring::{
    rand::SystemRandom,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use sha2::{Digest as _, Sha256};

/// A key pair in the place of one of CloudTrail.
#[derive(Debug)]
pub struct TestKey(RsaKeyPair);

impl TestKey {
    /// The key that the tests take for CloudTrail's.
    pub fn cloudtrail() -> Self {
        Self::read(include_bytes!("../../../data/log_integrity/test-key.pkcs8"))
    }

    /// A key that is not CloudTrail's.
    pub fn other() -> Self {
        Self::read(include_bytes!("../../../data/log_integrity/other-test-key.pkcs8"))
    }

    fn read(pkcs8: &[u8]) -> Self {
        Self(RsaKeyPair::from_pkcs8(pkcs8).unwrap())
    }

    /// RSAPublicKey in DER (PKCS#1).
    pub fn public_der(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    pub fn fingerprint(&self) -> String {
        hex(&Sha256::digest(self.public_der())[..16])
    }

    /// A signature in hex: SHA256withRSA.
    pub fn sign(&self, text: &[u8]) -> String {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
        hex(&signature)
    }

    /// The key as `ListPublicKeys` returns it, valid from October 2026 for a year.
    pub fn published(&self) -> PublicKeys {
        self.published_from(super::time("2026-10-01T00:00:00Z"))
    }

    /// The same, valid for a year from this time.
    pub fn published_from(&self, from: Time) -> PublicKeys {
        let mut keys = PublicKeys::default();
        let validity = (Some(from), Some(Time(from.0 + 365 * 86_400)));
        keys.insert_der(&self.fingerprint(), self.public_der(), validity).unwrap();
        keys
    }
}
