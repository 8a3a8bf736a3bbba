//! Verifies and seals what was written lately, so that the time it takes does not grow with the trail.
//!
//! Enters: the trail, of which seals are made regularly. Leaves: an [`AuditVerification`] of the days since a seal that is a week old or
//! more, and the next seal. Laws: each chain in these days follows the batch that this seal names, or begins in them; what
//! later seals name is there and unchanged; without such a seal, or if a chain or a later seal does not follow it, the whole trail is
//! verified. Signatures of seals are not checked here: `onlooker audit verify --public-key` does.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{
    prune::TrailChangeError,
    reader::{OBJECTS_IN_MEMORY, READERS, in_parallel},
    verify_trail,
};
use crate::{
    attestation::Signer,
    audit::{
        AuditProblemKind, AuditPruning, AuditSeal, AuditVerification, ChainHead, GENESIS, SEALS_PREFIX,
        TrailRecord as _, day_prefixes, verify,
    },
    hex::hex,
    ports::{ObjectStore, PortError, PortErrorKind},
    time::Time,
};

const DAY_SECONDS: u32 = 86_400;

/// Least age of the seal from which a verification begins, in seconds: what was written in the last week is verified.
const BASE_AGE_SECONDS: u32 = 7 * DAY_SECONDS;

/// What was verified.
#[derive(Clone, Debug)]
pub struct RecentVerification {
    /// What was found.
    pub found: AuditVerification,
    /// The time from which batches were read; absent if the whole trail was.
    pub since: Option<Time>,
    /// The newest seal, with the SHA-256 of its object.
    newest: Option<(AuditSeal, String)>,
}

/// Verifies the batches since the newest seal that is a week old or more.
///
/// # Errors
/// When the store cannot be listed or read, or a seal cannot be read.
pub fn verify_recent(store: &dyn ObjectStore, now: Time) -> Result<RecentVerification, PortError> {
    let seals = store.list(SEALS_PREFIX)?;
    let (mut newest, mut base) = (None, None);
    let mut follows = true;
    let mut later: Option<AuditSeal> = None;
    for object in seals.iter().rev() {
        let bytes = store.read(&object.name, None)?;
        let (seal, sha256) = (read_seal(&object.name, &bytes)?, hex(&Sha256::digest(&bytes)));
        let is_base = now.since(seal.sealed_at) >= BASE_AGE_SECONDS;
        follows &= later.is_none_or(|later| later.number == seal.number + 1 && later.previous == sha256);
        if newest.is_none() {
            newest = Some((seal.clone(), sha256));
        }
        later = Some(seal.clone());
        if is_base {
            base = Some(seal);
            break;
        }
    }
    let whole = |newest| -> Result<RecentVerification, PortError> {
        Ok(RecentVerification { found: verify_trail(store, None, &|_, _| ())?, since: None, newest })
    };
    let (Some((newest_seal, _)), Some(base)) = (&newest, base.filter(|_| follows)) else {
        return whole(newest);
    };
    let found = verify_since(store, &base, newest_seal, now)?;
    let is_unexplained =
        |kind| matches!(kind, AuditProblemKind::BeginningMissing | AuditProblemKind::ChainMissing);
    if found.problems.iter().any(|problem| is_unexplained(problem.kind)) {
        // A chain that was quiet for days, or a real problem: the whole trail tells.
        return whole(newest);
    }
    Ok(RecentVerification { found, since: Some(base.sealed_at), newest })
}

/// Verifies the batches of the days since a seal.
fn verify_since(
    store: &dyn ObjectStore,
    base: &AuditSeal,
    newest: &AuditSeal,
    now: Time,
) -> Result<AuditVerification, PortError> {
    let mut keys = Vec::new();
    for prefix in day_prefixes(base.sealed_at, now) {
        keys.extend(store.list(&prefix)?.into_iter().map(|object| object.name));
    }
    // What the seals say, as the objects from which a trail that begins here would be verified.
    let explained = AuditPruning {
        version: AuditPruning::VERSION,
        pruned_at: base.sealed_at,
        older_than: base.sealed_at,
        batches: 0,
        entries: 0,
        chains: base.heads.clone(),
    };
    let is_new = |(chain, head): &(&String, &ChainHead)| base.heads.get(*chain) != Some(head);
    let heads: BTreeMap<String, ChainHead> =
        newest.heads.iter().filter(is_new).map(|(chain, head)| (chain.clone(), head.clone())).collect();
    let sealed = AuditSeal {
        version: AuditSeal::VERSION,
        sealed_at: newest.sealed_at,
        number: 0,
        previous: GENESIS.to_owned(),
        heads,
    };
    let given = [
        (explained.key("base"), serde_json::to_vec(&explained)),
        (sealed.key(), serde_json::to_vec(&sealed)),
    ];
    let given = given.into_iter().map(|(key, text)| match text {
        Ok(text) => Ok((key, text)),
        Err(cause) => Err(failed(&key, cause)),
    });
    let batches = keys.chunks(OBJECTS_IN_MEMORY).flat_map(|some| {
        match in_parallel(READERS, some, |key, _| Ok((key.clone(), store.read(key, None)?))) {
            Ok(read) => read.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    });
    verify(given.chain(batches), None)
}

/// Seals what was verified. The seal names the chains that have a batch since the seal of which the verification began; older
/// seals name the others. It is signed if there is a signer. Returns the seal, and its text as it is stored.
///
/// # Errors
/// [`TrailChangeError`]: the trail has problems, the key does not sign, or the store fails.
pub fn seal_recent(
    store: &dyn ObjectStore,
    recent: RecentVerification,
    signer: Option<&dyn Signer>,
    now: Time,
) -> Result<(AuditSeal, String), TrailChangeError> {
    let RecentVerification { found, newest, .. } = recent;
    if !found.problems.is_empty() {
        return Err(TrailChangeError::NotIntact(Box::new(found)));
    }
    let seal = found.seal(now, newest.as_ref().map(|(seal, sha256)| (seal, sha256.as_str())));
    let text = seal.to_object(signer)?;
    if store.create(&seal.key(), text.as_bytes(), "application/json")? {
        return Ok((seal, text));
    }
    let cause = "another run has just sealed the trail: try again";
    Err(TrailChangeError::Store(PortError {
        operation: "write",
        name: seal.key(),
        kind: PortErrorKind::Other,
        cause: cause.into(),
    }))
}

fn read_seal(key: &str, bytes: &[u8]) -> Result<AuditSeal, PortError> {
    AuditSeal::from_object(bytes, None).map(|(seal, _)| seal).map_err(|cause| failed(key, cause))
}

fn failed(name: &str, cause: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError {
        operation: "read or write the seal",
        name: name.to_owned(),
        kind: PortErrorKind::Other,
        cause: Box::new(cause),
    }
}
