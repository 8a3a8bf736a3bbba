//! A key of AWS KMS that signs.
//!
//! Enters: the ARN of an asymmetric key for signing on the curve P-256. Leaves: a [`Signer`] with ECDSA signatures of SHA-256
//! hashes, in DER. Permissions: `kms:GetPublicKey`, once, and `kms:Sign` for each signature. Laws: a key of another kind is refused
//! before anything is signed; AWS KMS gets the hash and never the text, which may be longer than the 4,096 bytes that it takes.

use aws_sdk_kms::{
    config::Region,
    primitives::Blob,
    types::{KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec},
};
use onlooker_core::{
    attestation::{Signer, SigningError, ecdsa_p256_key_id, p256_point},
    ports::{PortError, PortErrorKind},
};
use sha2::{Digest as _, Sha256};

use super::{
    error::{port_error, sdk_error},
    session::AwsSession,
};

const GET_PUBLIC_KEY: &str = "read the public key (kms:GetPublicKey) of";
const SIGN: &str = "sign (kms:Sign) with";

/// A key of AWS KMS.
#[derive(Clone, Debug)]
pub struct KmsKey {
    aws: AwsSession,
    arn: String,
    key_id: String,
}

impl AwsSession {
    /// The key of AWS KMS with this ARN, in the Region that the ARN names. Reads its public key.
    ///
    /// # Errors
    /// If the call fails, or the key is not `ECC_NIST_P256` for signing.
    pub fn kms_key(&self, arn: impl Into<String>) -> Result<KmsKey, PortError> {
        let arn = arn.into();
        let call = self.kms().get_public_key().key_id(&arn).customize().config_override(region_of(&arn));
        let key = self.block_on(call.send()).map_err(|error| sdk_error(GET_PUBLIC_KEY, &arn, &error))?;
        let der = key.public_key.unwrap_or_else(|| Blob::new([])).into_inner();
        let is_for_signing = key.key_usage == Some(KeyUsageType::SignVerify);
        if key.key_spec != Some(KeySpec::EccNistP256) || !is_for_signing || p256_point(&der).is_none() {
            let said = "not a key for signing on the curve P-256; create one with `aws kms create-key --key-spec \
                        ECC_NIST_P256 --key-usage SIGN_VERIFY`";
            return Err(port_error(GET_PUBLIC_KEY, arn, PortErrorKind::Other, said));
        }
        Ok(KmsKey { aws: self.clone(), arn, key_id: ecdsa_p256_key_id(&der) })
    }
}

/// The Region of an ARN, for one call.
fn region_of(arn: &str) -> aws_sdk_kms::config::Builder {
    let region = arn.split(':').nth(3).filter(|region| !region.is_empty()).map(str::to_owned);
    let mut config = aws_sdk_kms::config::Builder::default();
    config.set_region(region.map(Region::new));
    config
}

impl Signer for KmsKey {
    fn key_id(&self) -> String {
        self.key_id.clone()
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SigningError> {
        let call = self.aws.kms().sign().key_id(&self.arn);
        let call = call.message_type(MessageType::Digest).message(Blob::new(Sha256::digest(bytes).to_vec()));
        let call = call.signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let failed = |error: PortError| SigningError::Key(Box::new(error));
        let signed = self.aws.block_on(call.customize().config_override(region_of(&self.arn)).send());
        let signed = signed.map_err(|error| failed(sdk_error(SIGN, &self.arn, &error)))?;
        let missing = || failed(port_error(SIGN, &self.arn, PortErrorKind::Other, "there is no signature"));
        Ok(signed.signature.ok_or_else(missing)?.into_inner())
    }
}
