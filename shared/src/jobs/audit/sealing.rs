//! Seals the audit trail.
//!
//! Enters: the trail, perhaps a key. Leaves: a stored [`AuditSeal`], which follows the newest one, signed if there is a key. Law: a trail with a problem is not sealed,
//! so that a seal never makes a change look intact.

use sha2::{Digest, Sha256};

use super::prune::TrailChangeError;
use crate::{
    attestation::Signer,
    audit::{AuditSeal, SEALS_PREFIX, TrailRecord as _},
    hex::hex,
    ports::{ObjectStore, PortError, PortErrorKind},
    time::Time,
};

/// Seals the trail. Returns the seal and its text, as it is stored.
///
/// # Errors
/// [`TrailChangeError`]: the trail has problems, the key does not sign, or the store fails.
pub fn seal_trail(
    store: &dyn ObjectStore,
    signer: Option<&dyn Signer>,
    now: Time,
) -> Result<(AuditSeal, String), TrailChangeError> {
    let found = super::verify_trail(store, None, &|_, _| ())?;
    if !found.problems.is_empty() {
        return Err(TrailChangeError::NotIntact(Box::new(found)));
    }
    let newest = match store.list(SEALS_PREFIX)?.last() {
        None => None,
        Some(object) => {
            let bytes = store.read(&object.name, None)?;
            let (seal, _) = AuditSeal::from_object(&bytes, None).map_err(|cause| PortError {
                operation: "read the seal",
                name: object.name.clone(),
                kind: PortErrorKind::Other,
                cause: Box::new(cause),
            })?;
            Some((seal, hex(&Sha256::digest(&bytes))))
        }
    };
    let seal = found.seal(now, newest.as_ref().map(|(seal, sha256)| (seal, sha256.as_str())));
    let text = seal.to_object(signer)?;
    if store.create(&seal.key(), text.as_bytes(), "application/json")? {
        return Ok((seal, text));
    }
    Err(TrailChangeError::Store(PortError {
        operation: "write",
        name: seal.key(),
        kind: PortErrorKind::Other,
        cause: "another run has just sealed the trail: try again".into(),
    }))
}
