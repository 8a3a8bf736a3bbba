//! Certificates: a signed statement that a principal only read.
//!
//! Enters: a report about one principal, and the log files that it was made from. Leaves: a [`ReadOnlyCertificate`] as a
//! [`Statement`](crate::attestation::Statement), to be signed. Laws: a certificate says nothing that its report does not say;
//! without complete evidence there is a certificate only if the caller asks for one, and it says what is missing; every number is
//! below 2^53, so that every reader of JSON reads it exactly.

mod evidence_root;
mod predicate;

pub use self::{
    evidence_root::{EvidenceLeaf, evidence_root},
    predicate::{
        CertificateError, CertifiedCalls, CertifiedCoverage, CertifiedEvidence, PREDICATE_TYPE,
        ReadOnlyCertificate,
    },
};
