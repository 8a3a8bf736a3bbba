//! The envelope of a signed statement.
//!
//! Enters: an in-toto statement. Leaves: a DSSE envelope (Dead Simple Signing Envelope, protocol v1) with one signature. Laws: what
//! is signed is the pre-authentication encoding of the payload's bytes, which the envelope stores; an envelope with another type
//! of payload, without a signature of the key, or with a payload that is not the statement, is refused.

use std::{collections::BTreeMap, error::Error};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Type of the payload: an in-toto statement as JSON.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Type of an in-toto statement.
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// Signs statements.
pub trait Signer {
    /// Id of the key, in the form of securesystemslib.
    fn key_id(&self) -> String;

    /// The signature of these bytes.
    ///
    /// # Errors
    /// When the key cannot sign, such as one in a service that does not answer.
    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SigningError>;
}

/// Why a statement is not signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The key did not sign.
    #[error(transparent)]
    Key(Box<dyn Error + Send + Sync>),
    /// The statement cannot be written as JSON; no statement is known to cause this.
    #[error("cannot write the statement as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Whether the second text is a signature of the first one by a trusted key.
pub type StatementCheck<'a> = dyn Fn(&[u8], &[u8]) -> bool + 'a;

/// A DSSE envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Type of the payload.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// The payload, in Base64.
    pub payload: String,
    /// The signatures.
    pub signatures: Vec<EnvelopeSignature>,
}

/// A signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    /// Id of the key, in the form of securesystemslib.
    pub keyid: String,
    /// The signature, in Base64.
    pub sig: String,
}

/// An in-toto statement, version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statement<P> {
    /// Type of the statement.
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// What the statement is about.
    pub subject: Vec<Subject>,
    /// Type of the predicate.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What is stated.
    pub predicate: P,
}

/// What a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// Name of the artifact.
    pub name: String,
    /// Its hashes, by algorithm.
    pub digest: BTreeMap<String, String>,
}

/// Why an envelope is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// The text is not an envelope.
    #[error("not a DSSE envelope: {0}")]
    NotAnEnvelope(#[source] serde_json::Error),
    /// The payload is of another type.
    #[error("the payload has the type `{0}`, and not `{PAYLOAD_TYPE}`")]
    OtherPayload(String),
    /// Payload or signature are not Base64.
    #[error("the {0} is not Base64")]
    NotBase64(&'static str),
    /// No signature was made with the key.
    #[error(
        "no signature was made with the given key: the statement was changed, or signed with another key ({0})"
    )]
    NotSigned(String),
    /// The payload is not a statement of the expected type.
    #[error("the payload is not the expected statement: {0}")]
    OtherStatement(String),
}

impl<P: Serialize + DeserializeOwned> Statement<P> {
    /// A statement about artifacts, given by name and SHA-256.
    pub fn new(predicate_type: &str, subjects: &[(&str, &str)], predicate: P) -> Self {
        let subject = |(name, sha256): &(&str, &str)| Subject {
            name: (*name).to_owned(),
            digest: [("sha256".to_owned(), (*sha256).to_owned())].into(),
        };
        Self {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: subjects.iter().map(subject).collect(),
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    /// The statement in a signed envelope.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn sign(&self, signer: &dyn Signer) -> Result<Envelope, SigningError> {
        let payload = serde_json::to_vec(self)?;
        let sig = signer.sign(&pre_authentication_encoding(PAYLOAD_TYPE, &payload))?;
        Ok(Envelope {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: BASE64_STANDARD.encode(payload),
            signatures: vec![EnvelopeSignature { keyid: signer.key_id(), sig: BASE64_STANDARD.encode(sig) }],
        })
    }

    /// The statement in an envelope, if `is_signature` accepts one of its signatures.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn open(
        envelope: &[u8],
        predicate_type: &str,
        is_signature: &StatementCheck<'_>,
    ) -> Result<Self, EnvelopeError> {
        let envelope: Envelope = serde_json::from_slice(envelope).map_err(EnvelopeError::NotAnEnvelope)?;
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(EnvelopeError::OtherPayload(envelope.payload_type));
        }
        let payload =
            BASE64_STANDARD.decode(&envelope.payload).map_err(|_| EnvelopeError::NotBase64("payload"))?;
        let signed = pre_authentication_encoding(PAYLOAD_TYPE, &payload);
        let mut is_signed = false;
        for one in &envelope.signatures {
            let sig = BASE64_STANDARD.decode(&one.sig).map_err(|_| EnvelopeError::NotBase64("signature"))?;
            is_signed |= is_signature(&signed, &sig);
        }
        if !is_signed {
            let keys: Vec<&str> = envelope.signatures.iter().map(|one| one.keyid.as_str()).collect();
            return Err(EnvelopeError::NotSigned(format!("key ids: {}", keys.join(", "))));
        }
        let other = |cause: String| EnvelopeError::OtherStatement(cause);
        let statement: Self = serde_json::from_slice(&payload).map_err(|cause| other(cause.to_string()))?;
        if statement.statement_type != STATEMENT_TYPE || statement.predicate_type != predicate_type {
            return Err(other(format!(
                "it has the types `{}` and `{}`",
                statement.statement_type, statement.predicate_type
            )));
        }
        Ok(statement)
    }
}

/// What is signed.
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}
