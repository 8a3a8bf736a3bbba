//! GetPublicKey and Sign of AWS KMS, with keys on the curve P-256 that sign nothing else.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use p256::ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner as _};
use serde_json::json;

use super::{FakeAwsState, HttpRequest, HttpResponse};

/// The beginning of a public key on the curve P-256 in DER (RFC 5480).
const P256_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key of a fake AWS KMS.
pub struct FakeKmsKey {
    pub key: SigningKey,
    /// What GetPublicKey says of it.
    pub key_spec: &'static str,
    /// What GetPublicKey says of it.
    pub key_usage: &'static str,
}

impl FakeKmsKey {
    /// The key with this number, which is not 0, for signing.
    pub fn new(number: u8) -> Self {
        let key = SigningKey::from_slice(&[number; 32]).unwrap();
        Self { key, key_spec: "ECC_NIST_P256", key_usage: "SIGN_VERIFY" }
    }

    /// The public key as SubjectPublicKeyInfo in DER.
    pub fn public_der(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        [&P256_HEAD, point.as_bytes()].concat()
    }

    /// The public key in PEM.
    pub fn public_pem(&self) -> String {
        let base64 = BASE64_STANDARD.encode(self.public_der());
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n",
            &base64[..64],
            &base64[64..]
        )
    }

    fn sign(&self, digest: &[u8]) -> Vec<u8> {
        let signature: Signature = self.key.sign_prehash(digest).unwrap();
        signature.to_der().as_bytes().to_vec()
    }
}

pub fn serve(state: &FakeAwsState, operation: &str, request: &HttpRequest) -> HttpResponse {
    let asked = request.json();
    let arn = asked["KeyId"].as_str().expect("a key id");
    assert_eq!(arn.split(':').nth(3), Some(request.region().as_str()), "asked in the Region of the key");
    let Some(key) = state.kms_keys.get(arn) else {
        return HttpResponse::error(400, "NotFoundException", &format!("Key '{arn}' does not exist"));
    };
    if operation == "GetPublicKey" {
        return HttpResponse::json(
            200,
            &json!({
                "KeyId": arn, "KeySpec": key.key_spec, "KeyUsage": key.key_usage,
                "PublicKey": BASE64_STANDARD.encode(key.public_der()), "SigningAlgorithms": ["ECDSA_SHA_256"],
            }),
        );
    }
    assert_eq!(
        (&asked["MessageType"], &asked["SigningAlgorithm"]),
        (&json!("DIGEST"), &json!("ECDSA_SHA_256"))
    );
    let digest = BASE64_STANDARD.decode(asked["Message"].as_str().expect("a message")).expect("Base64");
    assert_eq!(digest.len(), 32, "a SHA-256 hash");
    let signature = BASE64_STANDARD.encode(key.sign(&digest));
    HttpResponse::json(
        200,
        &json!({ "KeyId": arn, "Signature": signature, "SigningAlgorithm": "ECDSA_SHA_256" }),
    )
}
