//! Seals and prunings in the verification of an audit trail.
//!
//! Enters: the objects of seals and prunings. Leaves: problems, and what a seal or a pruning says about chains. Laws: with a check of
//! signatures, a pruning needs a valid one, and a seal needs one or is named, by its hash, by the seals after it up to the first that
//! is signed; a record with an invalid signature says nothing.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Link, RecordSummary, SealLink, Verifier};
use crate::{
    attestation::EnvelopeError,
    audit::{
        batch::GENESIS,
        problem::AuditProblemKind,
        pruning::AuditPruning,
        record_object::{RecordSignature, SignatureState, TrailRecord},
        seal::{AuditSeal, ChainHead},
    },
    hex::hex,
};

impl Verifier<'_> {
    pub(super) fn add_seal(&mut self, key: &str, bytes: &[u8]) {
        let Some((seal, state)) = self.read_record::<AuditSeal>(key, bytes) else { return };
        if seal.version != AuditSeal::VERSION || seal.key() != key {
            let detail = format_args!("it says that it is seal {} of version {}", seal.number, seal.version);
            return self.problem(AuditProblemKind::SealUnreadable, key, detail);
        }
        self.found.seals += 1;
        self.seals.insert(seal.number, SealLink { seal, sha256: hex(&Sha256::digest(bytes)), state });
    }

    pub(super) fn add_pruning(&mut self, key: &str, bytes: &[u8]) {
        let Some((pruning, state)) = self.read_record::<AuditPruning>(key, bytes) else { return };
        if pruning.version != AuditPruning::VERSION {
            let detail = format_args!("it says that it is a pruning of version {}", pruning.version);
            return self.problem(AuditProblemKind::SealUnreadable, key, detail);
        }
        self.found.pruned_entries += pruning.entries;
        self.found.pruned_at = self.found.pruned_at.max(Some(pruning.pruned_at));
        if self.check.is_some() && state == SignatureState::Unsigned {
            self.problem(AuditProblemKind::Unsigned, key, "a pruning without a signature explains nothing");
            return;
        }
        for (chain, head) in pruning.chains {
            let last = self.pruned.entry(chain).or_insert_with(|| head.clone());
            if head.sequence > last.sequence {
                *last = head;
            }
        }
    }

    /// A seal or a pruning, unless it cannot be read or no given key made its signature.
    fn read_record<R: TrailRecord>(&mut self, key: &str, bytes: &[u8]) -> Option<(R, SignatureState)> {
        let read: Result<(R, RecordSignature), EnvelopeError> = R::from_object(bytes, self.check);
        let (record, signature) = match read {
            Ok(read) => read,
            Err(cause) => {
                self.problem(AuditProblemKind::SealUnreadable, key, cause);
                return None;
            }
        };
        let state = signature.state;
        if state == SignatureState::Invalid {
            let detail =
                format!("no given key made its signature, which names {}", signature.key_ids.join(", "));
            self.problem(AuditProblemKind::SignatureInvalid, key, detail);
        }
        self.found.records.push(RecordSummary { object: key.to_owned(), signature });
        (state != SignatureState::Invalid).then_some((record, state))
    }

    /// The last batch of each chain, by the newest seal that names the chain.
    pub(super) fn newest_heads(&self) -> BTreeMap<String, ChainHead> {
        let is_trusted = |link: &&SealLink| self.check.is_none() || link.state == SignatureState::Valid;
        self.seals.values().filter(is_trusted).flat_map(|link| link.seal.heads.clone()).collect()
    }

    pub(super) fn check_seals(&mut self, chains: &BTreeMap<String, BTreeMap<u64, Link>>) {
        let seals = std::mem::take(&mut self.seals);
        let first_signed = seals.iter().find(|(_, link)| link.state == SignatureState::Valid);
        let first_signed = first_signed.map_or(u64::MAX, |(number, _)| *number);
        let mut before: Option<(&u64, &str)> = None;
        for (number, SealLink { seal, sha256, state }) in &seals {
            let follows = match before {
                None => *number == 0 && seal.previous == GENESIS,
                Some((last, previous)) => *number == last + 1 && seal.previous == previous,
            };
            if !follows {
                let detail = "it does not follow the seal before it, which is missing or was changed";
                self.problem(AuditProblemKind::SealMissing, &seal.key(), detail);
            }
            // The first signed seal names the hash of the one before it, and so vouches for those before signing began.
            let is_covered = first_signed != u64::MAX && *number < first_signed;
            if self.check.is_some() && *state == SignatureState::Unsigned && !is_covered {
                let detail = "a seal without a signature, which no signed seal follows";
                self.problem(AuditProblemKind::Unsigned, &seal.key(), detail);
            }
            before = Some((number, sha256));
            for (chain, head) in &seal.heads {
                self.check_head(chain, head, chains.get(chain));
            }
        }
        self.seals = seals;
    }

    fn check_head(&mut self, chain: &str, head: &ChainHead, links: Option<&BTreeMap<u64, Link>>) {
        let Some(links) = links else {
            let is_pruned = self.pruned.get(chain).is_some_and(|pruned| pruned.sequence >= head.sequence);
            if is_pruned {
                return;
            }
            return self.problem(AuditProblemKind::ChainMissing, chain, "a seal names it");
        };
        let last = links.last_key_value().map_or(0, |(sequence, _)| *sequence);
        match links.get(&head.sequence) {
            Some(link) if link.sha256 == head.sha256 => {}
            Some(link) => self.problem(
                AuditProblemKind::ChangedAfterSeal,
                &link.key,
                "its hash is not the one that a seal names",
            ),
            None if head.sequence > last => self.problem(
                AuditProblemKind::EndMissing,
                chain,
                format_args!("its last batch is {last}, and a seal names batch {}", head.sequence),
            ),
            // A gap before the last batch is a problem of its own.
            None => {}
        }
    }
}
