//! The key that a command signs with.
//!
//! Enters: the file of a private key, or the ARN of a key in AWS KMS. Leaves: a [`Signer`]. Law: a key in AWS KMS never leaves it;
//! AWS is asked to sign.

use std::path::{Path, PathBuf};

use clap::Args;
use onlooker_core::attestation::Signer;
use onlooker_local::signing_key::PrivateKey;

use crate::{args, aws::AwsConnection, exit::CommandError};

/// Options of commands that can sign what they store.
#[derive(Debug, Args)]
pub struct SigningKeyArgs {
    /// Sign with this Ed25519 private key in PEM
    #[arg(long, value_name = "FILE", conflicts_with = "kms", help_heading = "Signature")]
    sign: Option<PathBuf>,
    /// Sign with this key of AWS KMS (ECC_NIST_P256, for signing); needs `cargo install --path . --features aws`
    #[arg(long, value_name = "KEY_ARN", value_parser = args::arn, help_heading = "Signature")]
    kms: Option<String>,
}

impl SigningKeyArgs {
    /// The key, if one was given.
    pub fn open(&self) -> Result<Option<SigningKey>, CommandError> {
        SigningKey::open(self.sign.as_deref(), self.kms.as_deref())
    }
}

/// A key that signs.
pub struct SigningKey {
    signer: Box<dyn Signer>,
    /// Keeps the connection of the key.
    _cloud: Option<AwsConnection>,
}

impl SigningKey {
    /// The key in a file, or that of AWS KMS; `None` if neither was given.
    pub fn open(file: Option<&Path>, kms: Option<&str>) -> Result<Option<Self>, CommandError> {
        match (file, kms) {
            (Some(path), _) => Ok(Some(Self { signer: Box::new(PrivateKey::read(path)?), _cloud: None })),
            (None, Some(arn)) => {
                let cloud = AwsConnection::connect("--kms")?;
                Ok(Some(Self { signer: cloud.kms_key(arn)?, _cloud: Some(cloud) }))
            }
            (None, None) => Ok(None),
        }
    }

    /// What signs.
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }
}
