//! Removes old batches from the audit trail.
//!
//! Enters: the time before which batches are removed, and the legal hold. Leaves: an [`AuditPruning`]. Laws: a chain loses only its
//! first batches, and none from a held one on; the pruning is stored before the first batch is removed, so a run that is killed leaves a
//! trail that verifies, and the next one continues; a trail with a problem is not pruned; nothing is removed before the time for which
//! the store itself keeps each object; a removal that the store refuses ends the pruning of its chain and of no other.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    attestation::{Signer, SigningError},
    audit::{AuditBatch, AuditPruning, AuditVerification, BatchKey, ChainHead, PREFIX, TrailRecord as _},
    config::AuditSettings,
    hex::hex,
    ports::{ObjectRemover, ObjectStore, PortError, PortErrorKind},
    record::Inflater,
    time::Time,
};
use sha2::{Digest, Sha256};

const DAY_SECONDS: u32 = 86_400;

/// What would be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrunePlan {
    /// The pruning, as it is stored.
    pub pruning: AuditPruning,
    /// Keys of the batches, oldest first.
    pub keys: Vec<String>,
    /// Bytes of the batches.
    pub bytes: u64,
    /// Number of chains that lose fewer batches, or none, because of the legal hold.
    pub held_chains: u64,
}

/// What was removed.
#[derive(Debug, Default)]
pub struct PruneOutcome {
    /// Number of batches that were removed.
    pub removed: u64,
    /// The first batch of each chain that the store did not let go, and why: Object Lock, or a missing permission.
    pub refused: Vec<(String, PortError)>,
}

/// Why a trail is not pruned or sealed.
#[derive(Debug, thiserror::Error)]
pub enum TrailChangeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
    /// The key did not sign. Nothing was changed.
    #[error("cannot sign: {0}")]
    Signing(#[from] SigningError),
    /// Object Lock keeps each object for longer than the retention of the trail, so a removal would only hide it.
    #[error(
        "Object Lock of the bucket keeps each object for {locked_days} days, and batches from before {older_than} were to be \
         removed: set the retention of the audit trail to {locked_days} days or more (`audit.retention_days`, in a stack the \
         parameter AuditDays), or shorten that of Object Lock"
    )]
    Locked {
        /// Days of Object Lock.
        locked_days: u32,
        /// Time before which batches were to be removed.
        older_than: Time,
    },
    /// The trail does not verify.
    #[error(
        "the audit trail has {} problems and is left as it is, so that they can be examined: `onlooker audit verify` \
         names them",
        .0.problems.len()
    )]
    NotIntact(Box<AuditVerification>),
}

/// What is to be removed: the batches at the beginning of each chain that were written before a time, up to the first one that the
/// legal hold of the settings keeps.
///
/// # Errors
/// [`TrailChangeError`].
pub fn plan_pruning(
    store: &dyn ObjectStore,
    older_than: Time,
    settings: &AuditSettings,
    now: Time,
) -> Result<PrunePlan, TrailChangeError> {
    let verification = super::verify_trail(store, None, &|_, _| ())?;
    if !verification.problems.is_empty() {
        return Err(TrailChangeError::NotIntact(Box::new(verification)));
    }
    let mut chains: BTreeMap<String, BTreeMap<u64, (String, u64)>> = BTreeMap::new();
    for object in store.list(PREFIX)? {
        if let Some(key) = BatchKey::parse(&object.name) {
            chains.entry(key.chain).or_default().insert(key.sequence, (object.name, object.size));
        }
    }
    let mut pruning = AuditPruning {
        version: AuditPruning::VERSION,
        pruned_at: now,
        older_than,
        batches: 0,
        entries: 0,
        chains: BTreeMap::new(),
    };
    let (mut keys, mut total, mut held_chains, mut inflater) = (Vec::new(), 0, 0, Inflater::default());
    for (chain, batches) in chains {
        for (sequence, (key, size)) in batches {
            let stored = store.read(&key, None)?;
            // Verified above; a batch that was damaged since ends the pruning of its chain.
            let Ok(batch) = AuditBatch::decode(&stored, &mut inflater) else { break };
            if batch.header.written_at >= older_than {
                break;
            }
            if settings.is_held(batch.header.counts.principals.keys().map(|principal| &**principal)) {
                held_chains += 1;
                break;
            }
            pruning.batches += 1;
            pruning.entries += batch.header.counts.entries;
            pruning
                .chains
                .insert(chain.clone(), ChainHead { sequence, sha256: hex(&Sha256::digest(&stored)) });
            keys.push(key);
            total += size;
        }
    }
    Ok(PrunePlan { pruning, keys, bytes: total, held_chains })
}

/// Removes what a plan names. The record of the pruning is signed if there is a signer.
///
/// # Errors
/// [`TrailChangeError`]: the store itself keeps each object for longer, the pruning cannot be signed or stored, or a batch cannot be
/// removed for another reason than that the store refuses it.
pub fn prune(
    store: &dyn ObjectStore,
    remover: &dyn ObjectRemover,
    plan: &PrunePlan,
    run_id: &str,
    signer: Option<&dyn Signer>,
) -> Result<PruneOutcome, TrailChangeError> {
    let AuditPruning { pruned_at, older_than, .. } = plan.pruning;
    if let Some(locked_days) = remover.locked_days()?
        && older_than.0.saturating_add(locked_days.saturating_mul(DAY_SECONDS)) > pruned_at.0
    {
        return Err(TrailChangeError::Locked { locked_days, older_than });
    }
    let mut outcome = PruneOutcome::default();
    if plan.keys.is_empty() {
        return Ok(outcome);
    }
    let text = plan.pruning.to_object(signer)?;
    store.create(&plan.pruning.key(run_id), text.as_bytes(), "application/json")?;
    // The chain of a batch that stays keeps its later batches too, or it would have a gap.
    let mut refusing: BTreeSet<String> = BTreeSet::new();
    for key in &plan.keys {
        let Some(chain) = BatchKey::parse(key).map(|key| key.chain) else { continue };
        if refusing.contains(&chain) {
            continue;
        }
        match remover.remove(key) {
            Ok(()) => outcome.removed += 1,
            Err(error) if error.kind == PortErrorKind::AccessDenied => {
                refusing.insert(chain);
                outcome.refused.push((key.clone(), error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(outcome)
}
