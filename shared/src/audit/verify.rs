//! Verifies the chains of the audit trail.
//!
//! Enters: the objects of the trail: batches, seals and prunings. Leaves: an [`AuditVerification`] with every [`AuditProblem`]. Laws: every
//! object below the prefix is a batch, a seal, or a problem; each edit, gap, fork, exchange, lost beginning, lost end and lost
//! chain is a problem of its own kind. What nothing follows and no seal names cannot be checked; the verification says how
//! many entries these are.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    batch::{AuditBatch, BatchError, BatchKey, GENESIS},
    pruning::{AuditPruning, PRUNINGS_PREFIX},
    seal::{AuditSeal, ChainHead, SEALS_PREFIX},
};
use crate::{hex::hex, record::Inflater, time::Time};

/// The kind of a problem. Each way to change a trail has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditProblemKind {
    /// An object that is neither a batch nor a seal.
    ForeignObject,
    /// A batch that is not an intact gzip stream, or has no header.
    Unreadable,
    /// A batch of another version of the program.
    OtherVersion,
    /// The entries are not those that the header describes.
    EntriesChanged,
    /// The header names another chain, number or day than the key.
    Moved,
    /// Two objects have the same chain and number.
    Fork,
    /// Batches between two others are missing.
    Gap,
    /// The first batches of a chain are missing.
    BeginningMissing,
    /// A batch does not follow the batch before it: one of the two was changed.
    BrokenLink,
    /// A sealed batch has other content than when it was sealed.
    ChangedAfterSeal,
    /// The last batches of a chain are missing, as a seal shows.
    EndMissing,
    /// A sealed chain is missing.
    ChainMissing,
    /// A seal or a pruning cannot be read.
    SealUnreadable,
    /// A seal between others is missing, or a seal does not follow the one before it.
    SealMissing,
}

impl AuditProblemKind {
    /// The kebab-case word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ForeignObject => "foreign-object",
            Self::Unreadable => "unreadable",
            Self::OtherVersion => "other-version",
            Self::EntriesChanged => "entries-changed",
            Self::Moved => "moved",
            Self::Fork => "fork",
            Self::Gap => "gap",
            Self::BeginningMissing => "beginning-missing",
            Self::BrokenLink => "broken-link",
            Self::ChangedAfterSeal => "changed-after-seal",
            Self::EndMissing => "end-missing",
            Self::ChainMissing => "chain-missing",
            Self::SealUnreadable => "seal-unreadable",
            Self::SealMissing => "seal-missing",
        }
    }

    /// Whether something is missing, rather than changed.
    pub const fn is_missing(self) -> bool {
        matches!(
            self,
            Self::Gap
                | Self::BeginningMissing
                | Self::EndMissing
                | Self::ChainMissing
                | Self::SealMissing
                | Self::OtherVersion
        )
    }
}

/// One thing that is wrong with a trail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct AuditProblem {
    /// What kind of problem it is.
    pub kind: AuditProblemKind,
    /// Key of the object, or id of the chain if there is none.
    pub subject: String,
    /// What is wrong, in a sentence.
    pub detail: String,
}

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

/// Collects the objects of a trail.
#[derive(Default)]
struct Verifier {
    chains: BTreeMap<String, BTreeMap<u64, Link>>,
    seals: BTreeMap<u64, (AuditSeal, String)>,
    /// The last batch of each chain that was pruned.
    pruned: BTreeMap<String, ChainHead>,
    found: AuditVerification,
    inflater: Inflater,
}

/// Verifies objects, given by key and content in any order.
pub fn verify<E>(
    objects: impl IntoIterator<Item = Result<(String, Vec<u8>), E>>,
) -> Result<AuditVerification, E> {
    let mut verifier = Verifier::default();
    for object in objects {
        let (key, bytes) = object?;
        verifier.add(key, &bytes);
    }
    Ok(verifier.finish())
}

impl Verifier {
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

    fn add_seal(&mut self, key: &str, bytes: &[u8]) {
        match serde_json::from_slice::<AuditSeal>(bytes) {
            Ok(seal) if seal.version == AuditSeal::VERSION && seal.key() == key => {
                self.found.seals += 1;
                self.seals.insert(seal.number, (seal, hex(&Sha256::digest(bytes))));
            }
            Ok(seal) => self.problem(
                AuditProblemKind::SealUnreadable,
                key,
                format_args!("it says that it is seal {} of version {}", seal.number, seal.version),
            ),
            Err(cause) => self.problem(AuditProblemKind::SealUnreadable, key, cause),
        }
    }

    fn add_pruning(&mut self, key: &str, bytes: &[u8]) {
        let pruning = match serde_json::from_slice::<AuditPruning>(bytes) {
            Ok(pruning) if pruning.version == AuditPruning::VERSION => pruning,
            Ok(pruning) => {
                let detail = format_args!("it says that it is a pruning of version {}", pruning.version);
                return self.problem(AuditProblemKind::SealUnreadable, key, detail);
            }
            Err(cause) => return self.problem(AuditProblemKind::SealUnreadable, key, cause),
        };
        self.found.pruned_entries += pruning.entries;
        self.found.pruned_at = self.found.pruned_at.max(Some(pruning.pruned_at));
        for (chain, head) in pruning.chains {
            let last = self.pruned.entry(chain).or_insert_with(|| head.clone());
            if head.sequence > last.sequence {
                *last = head;
            }
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
        // The newest seal that names a chain counts for it.
        let mut newest: BTreeMap<String, ChainHead> = BTreeMap::new();
        newest.extend(self.seals.values().flat_map(|(seal, _)| seal.heads.clone()));
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

    fn check_seals(&mut self, chains: &BTreeMap<String, BTreeMap<u64, Link>>) {
        let seals = std::mem::take(&mut self.seals);
        let mut before: Option<(&u64, &str)> = None;
        for (number, (seal, sha256)) in &seals {
            let follows = match before {
                None => *number == 0 && seal.previous == GENESIS,
                Some((last, previous)) => *number == last + 1 && seal.previous == previous,
            };
            if !follows {
                let detail = "it does not follow the seal before it, which is missing or was changed";
                self.problem(AuditProblemKind::SealMissing, &seal.key(), detail);
            }
            before = Some((number, sha256));
            for (chain, head) in &seal.heads {
                self.check_head(chain, head, chains.get(chain));
            }
        }
        self.found.problems.sort();
        self.found.problems.dedup();
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
