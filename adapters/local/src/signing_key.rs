//! Keys for signatures, in PEM files.
//!
//! Enters: an Ed25519 private key in PKCS #8, as `openssl genpkey` writes it, or the public key of an Ed25519 or ECDSA P-256 key, as
//! `openssl pkey -pubout` writes it. Leaves: signatures, and whether a signature belongs to a text. Law: a file with anything else
//! is an error that says how to make one.

use std::{fs, io, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use onlooker_core::attestation::{Signer, SigningError, ecdsa_p256_key_id, ed25519_key_id, p256_point};
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// The beginning of an Ed25519 public key in DER (RFC 8410): the algorithm, and that 32 bytes follow.
const ED25519_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

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
    #[error("`{path}` is not {kind} key in PEM\n  help: {remedy}")]
    OtherContent {
        /// Path of the file.
        path: String,
        /// Kind of key that is expected, with its article.
        kind: &'static str,
        /// How to make one.
        remedy: &'static str,
    },
}

/// A private key.
pub struct PrivateKey(Ed25519KeyPair);

/// A public key.
pub enum PublicKey {
    /// An Ed25519 key.
    Ed25519(Vec<u8>),
    /// An ECDSA key on the curve P-256, as its SubjectPublicKeyInfo in DER. Signatures are those of SHA-256 hashes, in DER.
    EcdsaP256(Vec<u8>),
}

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
            kind: "an Ed25519 private",
            remedy: "make one with `openssl genpkey -algorithm ed25519 -out key.pem`",
        })
    }
}

impl Signer for PrivateKey {
    fn key_id(&self) -> String {
        ed25519_key_id(self.0.public_key().as_ref())
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SigningError> {
        Ok(self.0.sign(bytes).as_ref().to_vec())
    }
}

impl PublicKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let der = read_pem(path, "PUBLIC KEY")?;
        der.and_then(Self::from_der).ok_or_else(|| KeyError::OtherContent {
            path: path.display().to_string(),
            kind: "an Ed25519 or ECDSA P-256 public",
            remedy: "write the public key of `key.pem` with `openssl pkey -in key.pem -pubout -out public.pem`",
        })
    }

    /// A key from its SubjectPublicKeyInfo in DER; `None` if it is of another kind.
    pub fn from_der(der: Vec<u8>) -> Option<Self> {
        if p256_point(&der).is_some() {
            return Some(Self::EcdsaP256(der));
        }
        der.strip_prefix(&ED25519_HEAD).filter(|key| key.len() == 32).map(|key| Self::Ed25519(key.to_vec()))
    }

    /// Whether `signature` is the signature of `text` by the owner of the key.
    pub fn is_signature(&self, text: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(text, signature).is_ok(),
            Self::EcdsaP256(der) => p256_point(der).is_some_and(|point| {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(text, signature).is_ok()
            }),
        }
    }

    /// Id of the key, as signatures name it.
    pub fn id(&self) -> String {
        match self {
            Self::Ed25519(key) => ed25519_key_id(key),
            Self::EcdsaP256(der) => ecdsa_p256_key_id(der),
        }
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
