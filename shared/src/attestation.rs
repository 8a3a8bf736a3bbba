//! Signed statements: an in-toto statement in a DSSE envelope.
//!
//! Enters: what is stated, and a key. Leaves: an [`Envelope`]. Laws: the bytes that are signed are the bytes that are stored; a
//! statement is read only if a trusted key signed it, unless the caller says that signatures are not checked.

mod envelope;
mod key_id;
mod merkle_tree;

pub use self::{
    envelope::{
        Envelope, EnvelopeError, EnvelopeSignature, PAYLOAD_TYPE, Signer, SigningError, Statement,
        StatementCheck, Subject,
    },
    key_id::{ecdsa_p256_key_id, ed25519_key_id, p256_point},
    merkle_tree::merkle_root,
};
