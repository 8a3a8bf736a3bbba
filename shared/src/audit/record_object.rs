//! Seals and prunings as they are stored.
//!
//! Enters: a seal or a pruning, or the bytes of an object with one. Leaves: the bytes, or the record and what is known of its
//! signature. Laws: without a signature the object is the record as JSON, and with one the record is the predicate of an in-toto
//! statement in a DSSE envelope, about the Merkle root over the chain heads that the record names; a signature that was not checked
//! never counts as valid.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use super::seal::ChainHead;
use crate::attestation::{
    Envelope, EnvelopeError, Signer, SigningError, Statement, StatementCheck, merkle_root,
};

/// Name of what the statement is about.
const SUBJECT: &str = "audit-trail";

/// A seal or a pruning.
pub trait TrailRecord: Serialize + DeserializeOwned + Clone {
    /// Type of the predicate of the signed statement.
    const PREDICATE_TYPE: &'static str;

    /// Batches that the record names, by the id of the chain.
    fn heads(&self) -> &BTreeMap<String, ChainHead>;

    /// The root over the batches that the record names: a Merkle tree as RFC 6962 (section 2.1) defines it, the leaves of which
    /// are `{"chain":…,"sequence":…,"sha256":…}` in the order of the chains.
    fn root(&self) -> String {
        let leaf = |(chain, head): (&String, &ChainHead)| Leaf {
            chain: chain.clone(),
            sequence: head.sequence,
            sha256: head.sha256.clone(),
        };
        merkle_root(self.heads().iter().map(leaf))
    }

    /// The record as it is stored, signed if there is a signer.
    ///
    /// # Errors
    /// [`SigningError`].
    fn to_object(&self, signer: Option<&dyn Signer>) -> Result<String, SigningError> {
        let Some(signer) = signer else { return Ok(serde_json::to_string(self)?) };
        let statement = Statement::new(Self::PREDICATE_TYPE, &[(SUBJECT, &self.root())], self.clone());
        Ok(serde_json::to_string(&statement.sign(signer)?)?)
    }

    /// Reads an object, and checks its signature if there is a check.
    ///
    /// # Errors
    /// When the object is no record of this type; never because of its signature.
    fn from_object(
        stored: &[u8],
        check: Option<&StatementCheck<'_>>,
    ) -> Result<(Self, RecordSignature), EnvelopeError> {
        let Ok(envelope) = serde_json::from_slice::<Envelope>(stored) else {
            let record = serde_json::from_slice(stored);
            let other = |cause: serde_json::Error| EnvelopeError::OtherStatement(cause.to_string());
            return Ok((record.map_err(other)?, RecordSignature::default()));
        };
        let open = |check: &StatementCheck<'_>| Statement::<Self>::open(stored, Self::PREDICATE_TYPE, check);
        let (statement, state) = match check {
            None => (open(&|_, _| true)?, SignatureState::NotChecked),
            Some(check) => match open(check) {
                Ok(statement) => (statement, SignatureState::Valid),
                Err(EnvelopeError::NotSigned(_)) => (open(&|_, _| true)?, SignatureState::Invalid),
                Err(error) => return Err(error),
            },
        };
        let root = statement.predicate.root();
        if !statement.subject.iter().any(|subject| subject.digest.get("sha256") == Some(&root)) {
            return Err(EnvelopeError::OtherStatement(
                "it is not about the batches that it names".to_owned(),
            ));
        }
        let key_ids = envelope.signatures.into_iter().map(|one| one.keyid).collect();
        Ok((statement.predicate, RecordSignature { state, key_ids }))
    }
}

#[derive(Serialize)]
struct Leaf {
    chain: String,
    sequence: u64,
    sha256: String,
}

/// What is known of the signature of a seal or a pruning.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct RecordSignature {
    /// Whether there is a signature, and whether it is valid.
    pub state: SignatureState,
    /// Ids of the keys that the signatures name.
    pub key_ids: Vec<String>,
}

/// Whether a record is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureState {
    /// There is no signature.
    #[default]
    Unsigned,
    /// There is a signature, and no key to check it with was given.
    NotChecked,
    /// A given key made a signature of the record.
    Valid,
    /// No given key made a signature of the record.
    Invalid,
}

impl SignatureState {
    /// The kebab-case word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::NotChecked => "not-checked",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }
}
