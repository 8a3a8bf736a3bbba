//! The key that a command signs with.
//!
//! Enters: the file of a private key. Leaves: a [`Signer`]. Law: a key that cannot be used is an error before anything changes.

use std::path::{Path, PathBuf};

use clap::Args;
use onlooker_core::attestation::Signer;
use onlooker_local::signing_key::PrivateKey;

use crate::exit::CommandError;

/// Options of commands that can sign what they store.
#[derive(Debug, Args)]
pub struct SigningKeyArgs {
    /// Sign with this Ed25519 private key in PEM
    #[arg(long, value_name = "FILE", help_heading = "Signature")]
    sign: Option<PathBuf>,
}

impl SigningKeyArgs {
    /// The key, if one was given.
    pub fn open(&self) -> Result<Option<SigningKey>, CommandError> {
        SigningKey::open(self.sign.as_deref())
    }
}

/// A key that signs.
pub struct SigningKey {
    signer: Box<dyn Signer>,
}

impl SigningKey {
    /// The key in a file; `None` if none was given.
    pub fn open(file: Option<&Path>) -> Result<Option<Self>, CommandError> {
        let key = file.map(PrivateKey::read).transpose()?;
        Ok(key.map(|key| Self { signer: Box::new(key) }))
    }

    /// What signs.
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }
}
