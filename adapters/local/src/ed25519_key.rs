//! Ed25519 keys in PEM files.
//!
//! Enters: a private key in PKCS #8 or a public key, as `openssl genpkey` and `openssl pkey -pubout` write them. Leaves:
//! signatures, and whether a signature belongs to a text. Law: a file with anything else is an error that says how to make one.

use std::{fs, io, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use onlooker_core::certificate::{Signer, ed25519_key_id};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// The beginning of a public key in DER (RFC 8410): the algorithm, and that 32 bytes follow.
const PUBLIC_KEY_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the key `{path}`: {cause}")]
    Unreadable {
        /// Path of the file.
        path: String,
        /// Why it cannot be read.
        #[source]
        cause: io::Error,
    },
    /// The file has no key of this kind.
    #[error("`{path}` is not an Ed25519 {kind} key in PEM\n  help: {remedy}")]
    OtherContent {
        /// Path of the file.
        path: String,
        /// `private` or `public`.
        kind: &'static str,
        /// How to make one.
        remedy: &'static str,
    },
}

/// A private key.
pub struct PrivateKey(Ed25519KeyPair);

/// A public key.
pub struct PublicKey(Vec<u8>);

impl PrivateKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let der = read_pem(path, "PRIVATE KEY")?;
        let pair = der.and_then(|der| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok());
        pair.map(Self).ok_or_else(|| KeyError::OtherContent {
            path: path.display().to_string(),
            kind: "private",
            remedy: "make one with `openssl genpkey -algorithm ed25519 -out key.pem`",
        })
    }
}

impl Signer for PrivateKey {
    fn key_id(&self) -> String {
        ed25519_key_id(self.0.public_key().as_ref())
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }
}

impl PublicKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let der = read_pem(path, "PUBLIC KEY")?;
        let key = der.and_then(|der| Some(der.strip_prefix(&PUBLIC_KEY_HEAD)?.to_vec()));
        key.filter(|key| key.len() == 32).map(Self).ok_or_else(|| KeyError::OtherContent {
            path: path.display().to_string(),
            kind: "public",
            remedy: "write the public key of `key.pem` with `openssl pkey -in key.pem -pubout -out public.pem`",
        })
    }

    /// Whether `signature` is the signature of `text` by the owner of the key.
    pub fn is_signature(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(text, signature).is_ok()
    }

    /// Id of the key, as signatures name it.
    pub fn id(&self) -> String {
        ed25519_key_id(&self.0)
    }
}

/// The first block of a PEM file with this label; `None` without one.
fn read_pem(path: &Path, label: &str) -> Result<Option<Vec<u8>>, KeyError> {
    let unreadable = |cause| KeyError::Unreadable { path: path.display().to_string(), cause };
    let text = fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8_lossy(&text);
    let begin = format!("-----BEGIN {label}-----");
    let block = text.split_once(&begin).and_then(|(_, rest)| rest.split_once("-----END "));
    let base64: Option<String> = block.map(|(inner, _)| inner.split_whitespace().collect());
    Ok(base64.and_then(|base64| BASE64_STANDARD.decode(base64).ok()))
}
