//! Certificates: a signed statement that a principal only read.
//!
//! Enters: a report about one principal, and the log files that it was made from. Leaves: a [`ReadOnlyCertificate`] in an
//! [`Envelope`] (DSSE, with an in-toto statement). Laws: a certificate says nothing that its report does not say; without
//! complete evidence there is a certificate only if the caller asks for one, and it says what is missing; the bytes that are
//! signed are the bytes that are stored; every number is below 2^53, so that every reader of JSON reads it exactly.

mod envelope;
mod evidence_root;
mod predicate;

pub use self::{
    envelope::{
        Envelope, EnvelopeError, EnvelopeSignature, PAYLOAD_TYPE, Signer, Statement, Subject, ed25519_key_id,
    },
    evidence_root::{EvidenceLeaf, evidence_root},
    predicate::{
        CertificateError, CertifiedCalls, CertifiedCoverage, CertifiedEvidence, PREDICATE_TYPE,
        ReadOnlyCertificate,
    },
};
