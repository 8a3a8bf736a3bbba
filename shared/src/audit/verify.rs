//! Verifies the chains of the audit trail.
//!
//! Enters: the objects of the trail: batches, seals and prunings; perhaps a check of signatures. Leaves: an [`AuditVerification`]
//! with every [`AuditProblem`]. Laws: every object below the prefix is a batch, a seal, a pruning, or a problem; each edit, gap, fork,
//! exchange, lost beginning, lost end and lost chain is a problem of its own kind; with a check, a pruning without a valid signature
//! explains nothing. What nothing follows and no seal names cannot be checked; the verification says how many entries these are.

mod records;

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    batch::{AuditBatch, BatchError, BatchKey, GENESIS},
    problem::{AuditProblem, AuditProblemKind},
    pruning::PRUNINGS_PREFIX,
    record_object::{RecordSignature, SignatureState},
    seal::{AuditSeal, ChainHead, SEALS_PREFIX},
};
use crate::{attestation::StatementCheck, hex::hex, record::Inflater, time::Time};

/// A chain that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChainSummary {
    /// Id of the chain.
    pub chain: String,
    /// Number of batches.
    pub batches: u64,
    /// Number of entries.
    pub entries: u64,
    /// When its first batch was written.
    pub first: Time,
    /// When its last batch was written.
    pub last: Time,
    /// The last batch.
    pub head: ChainHead,
    /// Whether the newest seal names its last batch.
    pub is_sealed: bool,
}

/// A seal or a pruning that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct RecordSummary {
    /// Key of the object.
    pub object: String,
    /// Whether it is signed.
    #[serde(flatten)]
    pub signature: RecordSignature,
}

/// Version of the shape of what `onlooker audit verify --json` prints; the first number changes if a field loses its meaning.
pub const AUDIT_VERIFICATION_SCHEMA_VERSION: &str = "1.0";

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditVerification {
    /// Every chain, by id.
    pub chains: Vec<ChainSummary>,
    /// Number of batches.
    pub batches: u64,
    /// Number of entries.
    pub entries: u64,
    /// Number of seals.
    pub seals: u64,
    /// Number of entries that were pruned.
    pub pruned_entries: u64,
    /// When entries were pruned last.
    pub pruned_at: Option<Time>,
    /// Entries in the last batch of a chain that no seal names: only their own hash protects them.
    pub unprotected_entries: u64,
    /// Every seal and pruning, by key, and what is known of its signature.
    pub records: Vec<RecordSummary>,
    /// Every problem, sorted.
    pub problems: Vec<AuditProblem>,
}

impl AuditVerification {
    /// Whether something was changed.
    pub fn is_tampered(&self) -> bool {
        self.problems.iter().any(|problem| !problem.kind.is_missing())
    }

    /// Whether something is missing.
    pub fn is_incomplete(&self) -> bool {
        self.problems.iter().any(|problem| problem.kind.is_missing())
    }

    /// Number of seals and prunings with a signature in this state.
    pub fn records_with(&self, state: SignatureState) -> u64 {
        self.records.iter().filter(|one| one.signature.state == state).count() as u64
    }

    /// The seal of the chains, which follows the newest seal.
    pub fn seal(&self, now: Time, newest: Option<(&AuditSeal, &str)>) -> AuditSeal {
        AuditSeal {
            version: AuditSeal::VERSION,
            sealed_at: now,
            number: newest.map_or(0, |(seal, _)| seal.number + 1),
            previous: newest.map_or(GENESIS, |(_, sha256)| sha256).to_owned(),
            heads: self.chains.iter().map(|one| (one.chain.clone(), one.head.clone())).collect(),
        }
    }
}

/// A batch of a chain, as far as the links between batches need it.
struct Link {
    key: String,
    sha256: String,
    previous: String,
    written_at: Time,
    entries: u64,
}

/// A seal, as far as the links between seals need it.
struct SealLink {
    seal: AuditSeal,
    sha256: String,
    state: SignatureState,
}

/// Collects the objects of a trail.
#[derive(Default)]
struct Verifier<'a> {
    /// Whether a signature is one of a trusted key; `None` if signatures are not checked.
    check: Option<&'a StatementCheck<'a>>,
    chains: BTreeMap<String, BTreeMap<u64, Link>>,
    seals: BTreeMap<u64, SealLink>,
    /// The last batch of each chain that was pruned.
    pruned: BTreeMap<String, ChainHead>,
    found: AuditVerification,
    inflater: Inflater,
}

/// Verifies objects, given by key and content in any order. With a check of signatures, every seal and pruning needs a valid one.
pub fn verify<E>(
    objects: impl IntoIterator<Item = Result<(String, Vec<u8>), E>>,
    check: Option<&StatementCheck<'_>>,
) -> Result<AuditVerification, E> {
    let mut verifier = Verifier { check, ..Verifier::default() };
    for object in objects {
        let (key, bytes) = object?;
        verifier.add(key, &bytes);
    }
    Ok(verifier.finish())
}

impl Verifier<'_> {
    fn problem(&mut self, kind: AuditProblemKind, subject: &str, detail: impl fmt::Display) {
        let (subject, detail) = (subject.to_owned(), detail.to_string());
        self.found.problems.push(AuditProblem { kind, subject, detail });
    }

    fn add(&mut self, key: String, bytes: &[u8]) {
        if key.starts_with(SEALS_PREFIX) {
            return self.add_seal(&key, bytes);
        }
        if key.starts_with(PRUNINGS_PREFIX) {
            return self.add_pruning(&key, bytes);
        }
        let Some(named) = BatchKey::parse(&key) else {
            return self.problem(AuditProblemKind::ForeignObject, &key, "not a batch of the audit trail");
        };
        let batch = match AuditBatch::decode(bytes, &mut self.inflater) {
            Ok(batch) => batch,
            Err(error) => {
                let kind = match error {
                    BatchError::NotGzip | BatchError::NoHeader => AuditProblemKind::Unreadable,
                    BatchError::Version(_) => AuditProblemKind::OtherVersion,
                    BatchError::OtherEntries => AuditProblemKind::EntriesChanged,
                };
                return self.problem(kind, &key, error);
            }
        };
        let header = batch.header;
        let day = header.written_at.timestamp().strftime("%Y-%m-%d").to_string();
        if (&header.chain, header.sequence, &day) != (&named.chain, named.sequence, &named.day) {
            let detail =
                format!("its header names batch {} of {day} of chain {}", header.sequence, header.chain);
            return self.problem(AuditProblemKind::Moved, &key, detail);
        }
        self.found.batches += 1;
        self.found.entries += header.counts.entries;
        let link = Link {
            sha256: hex(&Sha256::digest(bytes)),
            previous: header.previous,
            written_at: header.written_at,
            entries: header.counts.entries,
            key: key.clone(),
        };
        if let Some(other) = self.chains.entry(header.chain).or_default().insert(header.sequence, link) {
            let detail = format!("`{}` is also batch {} of its chain", other.key, header.sequence);
            self.problem(AuditProblemKind::Fork, &key, detail);
        }
    }

    /// Whether a pruning explains that a chain begins with this batch: it follows the last batch that was pruned, or is one
    /// that the pruning names and did not come to remove.
    fn follows_pruning(&self, chain: &str, sequence: u64, links: &BTreeMap<u64, Link>) -> bool {
        self.pruned.get(chain).is_some_and(|head| match links.get(&head.sequence) {
            Some(last) => last.sha256 == head.sha256,
            None => {
                head.sequence + 1 == sequence
                    && links.get(&sequence).is_some_and(|link| link.previous == head.sha256)
            }
        })
    }

    fn finish(mut self) -> AuditVerification {
        let chains = std::mem::take(&mut self.chains);
        for (chain, links) in &chains {
            self.check_links(chain, links);
        }
        self.check_seals(&chains);
        let newest = self.newest_heads();
        for (chain, links) in chains {
            let (Some((_, first)), Some((&sequence, last))) =
                (links.first_key_value(), links.last_key_value())
            else {
                continue;
            };
            let head = ChainHead { sequence, sha256: last.sha256.clone() };
            let is_sealed = newest.get(&chain) == Some(&head);
            if !is_sealed {
                self.found.unprotected_entries += last.entries;
            }
            self.found.chains.push(ChainSummary {
                batches: links.len() as u64,
                entries: links.values().map(|link| link.entries).sum(),
                first: first.written_at,
                last: last.written_at,
                head,
                is_sealed,
                chain,
            });
        }
        self.found.problems.sort();
        self.found.problems.dedup();
        self.found.records.sort();
        self.found
    }

    fn check_links(&mut self, chain: &str, links: &BTreeMap<u64, Link>) {
        let mut before: Option<(u64, &Link)> = None;
        for (&sequence, link) in links {
            match before {
                None if self.follows_pruning(chain, sequence, links) => {}
                None if sequence > 0 => self.problem(
                    AuditProblemKind::BeginningMissing,
                    chain,
                    format_args!("its first batch is {sequence}"),
                ),
                None if link.previous != GENESIS => self.problem(
                    AuditProblemKind::BrokenLink,
                    &link.key,
                    "it is the first batch, and names a batch before it",
                ),
                Some((last, _)) if sequence > last + 1 => {
                    let missing = match (last + 1, sequence - 1) {
                        (from, until) if from == until => format!("batch {from} is missing"),
                        (from, until) => format!("batches {from} to {until} are missing"),
                    };
                    self.problem(AuditProblemKind::Gap, chain, missing);
                }
                Some((_, earlier)) if link.previous != earlier.sha256 => self.problem(
                    AuditProblemKind::BrokenLink,
                    &link.key,
                    format_args!("it does not follow `{}`: one of the two was changed", earlier.key),
                ),
                _ => {}
            }
            before = Some((sequence, link));
        }
    }
}
