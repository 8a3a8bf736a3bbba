//! Seals the audit trail.
//!
//! Enters: the trail. Leaves: a stored [`AuditSeal`], which follows the newest one. Law: a trail with a problem is not sealed,
//! so that a seal never makes a change look intact.

use sha2::{Digest, Sha256};

use super::prune::TrailChangeError;
use crate::{
    audit::{AuditSeal, SEALS_PREFIX},
    hex::hex,
    ports::{ObjectStore, PortError, PortErrorKind},
    time::Time,
};

/// Seals the trail. Returns the seal and its text, as it is stored.
///
/// # Errors
/// [`TrailChangeError`]: the trail has problems, or the store fails.
pub fn seal_trail(store: &dyn ObjectStore, now: Time) -> Result<(AuditSeal, String), TrailChangeError> {
    let found = super::verify_trail(store, &|_, _| ())?;
    if !found.problems.is_empty() {
        return Err(TrailChangeError::NotIntact(Box::new(found)));
    }
    let failed = |name: &str, cause: serde_json::Error| PortError {
        operation: "seal",
        name: name.to_owned(),
        kind: PortErrorKind::Other,
        cause: Box::new(cause),
    };
    let newest = match store.list(SEALS_PREFIX)?.last() {
        None => None,
        Some(object) => {
            let bytes = store.read(&object.name, None)?;
            let seal: AuditSeal =
                serde_json::from_slice(&bytes).map_err(|cause| failed(&object.name, cause))?;
            Some((seal, hex(&Sha256::digest(&bytes))))
        }
    };
    let seal = found.seal(now, newest.as_ref().map(|(seal, sha256)| (seal, sha256.as_str())));
    let text = serde_json::to_string(&seal).map_err(|cause| failed(&seal.key(), cause))?;
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
