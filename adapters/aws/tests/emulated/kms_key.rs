//! Signatures with keys of AWS KMS.

use onlooker_core::{
    attestation::{Signer as _, Statement},
    ports::PortErrorKind,
};
use onlooker_local::signing_key::PublicKey;
use serde_json::{Value, json};

use super::{AwsFixture, fake_aws::kms::FakeKmsKey};

/// In another Region than the session.
const ARN: &str = "arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn with_key(key: FakeKmsKey) -> AwsFixture {
    let fixture = AwsFixture::new();
    fixture.fake_aws.state().kms_keys.insert(ARN.to_owned(), key);
    fixture
}

#[test]
fn a_statement_that_the_key_signed_verifies_with_its_public_key_alone() {
    let fixture = with_key(FakeKmsKey::new(7));
    let key = fixture.aws.kms_key(ARN).unwrap();
    let public = |number| PublicKey::from_der(FakeKmsKey::new(number).public_der()).unwrap();
    assert_eq!(key.key_id(), public(7).id());
    // Longer than the 4,096 bytes that the service signs as they are.
    let statement = Statement::new("urn:test", &[("subject", "00")], json!({ "text": "x".repeat(5_000) }));
    let envelope = statement.sign(&key).unwrap();
    assert_eq!(envelope.signatures[0].keyid, public(7).id());
    let text = serde_json::to_vec(&envelope).unwrap();
    let open = |number| {
        Statement::<Value>::open(&text, "urn:test", &|text, signature| {
            public(number).is_signature(text, signature)
        })
    };
    assert_eq!(open(7).unwrap(), statement);
    assert!(open(8).unwrap_err().to_string().contains("no signature was made with the given key"));
    assert_eq!(
        (fixture.fake_aws.request_count("GetPublicKey"), fixture.fake_aws.request_count("Sign")),
        (1, 1)
    );
}

#[test]
fn a_key_of_another_kind_is_refused_before_anything_is_signed() {
    for key in [
        FakeKmsKey { key_spec: "ECC_NIST_P384", ..FakeKmsKey::new(7) },
        FakeKmsKey { key_usage: "KEY_AGREEMENT", ..FakeKmsKey::new(7) },
    ] {
        let error = with_key(key).aws.kms_key(ARN).unwrap_err();
        assert!(error.to_string().contains("--key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY"), "{error}");
    }
}

#[test]
fn a_missing_key_or_permission_is_named() {
    let missing = AwsFixture::new().aws.kms_key(ARN).unwrap_err();
    assert_eq!(missing.kind, PortErrorKind::NotFound, "{missing}");
    let fixture = with_key(FakeKmsKey::new(7));
    let key = fixture.aws.kms_key(ARN).unwrap();
    let said = fixture.fake_aws.deny("kms:Sign");
    let error = key.sign(b"text").unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot sign (kms:Sign) with `{ARN}`: ")) && error.contains(&said),
        "{error}"
    );
    let said = fixture.fake_aws.deny("kms:GetPublicKey");
    let denied = fixture.aws.kms_key(ARN).unwrap_err();
    assert_eq!(denied.kind, PortErrorKind::AccessDenied);
    assert!(
        denied.to_string().contains("(kms:GetPublicKey)") && denied.to_string().contains(&said),
        "{denied}"
    );
}
