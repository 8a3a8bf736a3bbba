//! The proof of each digest file.
//!
//! Enters: the digest files of a chain. Leaves: [`Link`]s, in order, each with what is wrong with it. Laws: the signature of a digest file
//! is in the metadata of its object and in the digest file that follows it, and either of the two proves it; of two
//! digest files that contradict each other the one that is not proven is accused.

use super::{
    DigestContent, DigestFile, DigestMetadata, DigestObject, PublicKey,
    digest_file::PreviousDigest,
    object_metadata::decode_hex,
    object_name::{base_name, is_at_key},
    problem::{IntegrityProblem, IntegrityStatus, ProblemKind},
    task::VerificationTask,
};
use crate::time::{HOUR_SECONDS, Time};

/// How far a digest file may be outside the validity of its key: a day. CloudTrail signs after the end of the window, and keys
/// change in between.
const VALIDITY_SLACK_SECONDS: u32 = 24 * HOUR_SECONDS;

/// A digest file in its chain.
pub(super) struct Link<'a> {
    pub(super) object: &'a DigestObject,
    pub(super) start: Time,
    pub(super) end: Time,
    /// Whether a signature proves the content.
    pub(super) is_proven: bool,
    pub(super) problems: Vec<IntegrityProblem>,
}

impl<'a> Link<'a> {
    fn of(object: &'a DigestObject) -> Self {
        // The name of a digest file has the end of its window.
        let named = || (Time(object.of.end.0.saturating_sub(HOUR_SECONDS)), object.of.end);
        let (start, end) = object.file().map_or_else(named, |file| (file.start, file.end));
        Self { object, start, end, is_proven: false, problems: Vec::new() }
    }

    pub(super) fn file(&self) -> Option<&'a DigestFile> {
        self.object.file()
    }

    fn add(&mut self, kind: ProblemKind, detail: impl Into<String>) {
        let problem = IntegrityProblem { kind, file: self.object.name.clone(), detail: detail.into() };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(super) fn status(&self) -> IntegrityStatus {
        let own = if self.is_proven { IntegrityStatus::Verified } else { IntegrityStatus::Unverified };
        self.problems.iter().map(|problem| problem.kind.status()).fold(own, Ord::max)
    }

    /// Whether the link names `earlier` as the digest file before it.
    pub(super) fn follows(&self, earlier: &DigestObject) -> bool {
        let previous = self.file().and_then(|file| file.previous.as_ref());
        previous.is_some_and(|previous| base_name(&earlier.name) == base_name(&previous.key))
    }
}

/// The digest files in the order of the chain, each name once.
pub(super) fn links_of(mut digests: Vec<&DigestObject>) -> Vec<Link<'_>> {
    digests.sort_unstable_by(|a, b| (a.of.end, &a.name).cmp(&(b.of.end, &b.name)));
    let mut links: Vec<Link<'_>> = Vec::with_capacity(digests.len());
    for object in digests {
        match links.last_mut() {
            Some(last) if base_name(&last.object.name) == base_name(&object.name) => {
                if last.object.content != object.content {
                    last.add(ProblemKind::DigestConflict, format!("the other file is {}", object.name));
                }
            }
            _ => links.push(Link::of(object)),
        }
    }
    links
}

/// Verifies each digest file, the newest first: a digest file has the signature of the one before it.
pub(super) fn prove<'a>(links: &mut [Link<'a>], task: VerificationTask<'_>) {
    let mut rest = links;
    let mut next: Option<&mut Link<'a>> = None;
    while let Some((link, earlier)) = rest.split_last_mut() {
        let next_in_chain = next.take().filter(|next| next.follows(link.object));
        prove_one(link, next_in_chain, task);
        next = Some(link);
        rest = earlier;
    }
}

fn prove_one<'a>(link: &mut Link<'a>, mut next: Option<&mut Link<'a>>, task: VerificationTask<'_>) {
    let file = match &link.object.content {
        DigestContent::Unavailable(cause) => return link.add(ProblemKind::Unavailable, cause.as_str()),
        DigestContent::Fault(fault) => return link.add(ProblemKind::DigestDamaged, fault.to_string()),
        DigestContent::Digest(file) => file,
    };
    if !is_at_key(&link.object.name, &file.key) {
        link.add(ProblemKind::DigestMoved, format!("it states {}", file.key));
    }
    if file.has_known_algorithms {
        prove_by_signature(link, file, next.as_deref_mut(), task);
    } else {
        link.add(ProblemKind::AlgorithmUnknown, "");
    }
    if in_next(next.as_deref()).is_some_and(|said| !said.hash.eq_ignore_ascii_case(&file.sha256)) {
        accuse_of_link(link, next, "the following digest file has another hash of it");
    }
}

/// What the following digest file says of the one before it.
fn in_next<'a>(next: Option<&Link<'a>>) -> Option<&'a PreviousDigest> {
    next?.file()?.previous.as_ref()
}

/// Verifies the signatures of a digest file.
fn prove_by_signature<'a>(
    link: &mut Link<'a>,
    file: &DigestFile,
    next: Option<&mut Link<'a>>,
    task: VerificationTask<'_>,
) {
    let metadata = &link.object.metadata;
    let own = metadata.signature.as_deref();
    let from_next = in_next(next.as_deref()).map(|previous| previous.signature.as_str());
    if own.is_none() && from_next.is_none() {
        link.add(ProblemKind::SignatureUnknown, "");
    }
    let Some(key) = task.keys.get(&file.key_fingerprint) else {
        let is_listed = task.listed_regions.contains(&*link.object.of.chain.region);
        let kind = if is_listed { ProblemKind::KeyForeign } else { ProblemKind::KeyUnknown };
        link.add(kind, format!("its fingerprint is {}", file.key_fingerprint));
        if let (Some(own), Some(from_next)) = (own, from_next)
            && !own.eq_ignore_ascii_case(from_next)
        {
            link.add(ProblemKind::DigestLink, "the following digest file has another signature of it");
        }
        return;
    };
    if !is_valid_at(key, file, link.object.of.chain.is_backfill, metadata) {
        link.add(ProblemKind::KeyValidity, format!("its fingerprint is {}", file.key_fingerprint));
    }
    let is_valid = |signature: &str| {
        decode_hex(signature)
            .is_some_and(|signature| (task.check)(&key.der, file.signed_text.as_bytes(), &signature))
    };
    let by_own = own.map(is_valid);
    let by_next = from_next.map(|signature| match (own, by_own) {
        (Some(own), Some(valid)) if own.eq_ignore_ascii_case(signature) => valid,
        _ => is_valid(signature),
    });
    judge_signature(link, next, by_own, by_next);
}

/// Judges the two signatures of a digest file: `by_own` whether the one of its metadata is valid, `by_next` whether the one in
/// the following digest file is; `None` if there is none.
fn judge_signature<'a>(
    link: &mut Link<'a>,
    next: Option<&mut Link<'a>>,
    by_own: Option<bool>,
    by_next: Option<bool>,
) {
    match (by_own, by_next) {
        (Some(true), Some(false)) => {
            link.is_proven = true;
            accuse_of_link(link, next, "it has another signature of the digest file before it");
        }
        (Some(true), _) | (None, Some(true)) => link.is_proven = true,
        (Some(false), Some(true)) => {
            link.is_proven = true;
            link.add(ProblemKind::DigestSignatureMetadata, "");
        }
        (Some(false), _) => link.add(ProblemKind::DigestSignature, ""),
        (None, Some(false)) => match next {
            Some(next) if next.status() == IntegrityStatus::Tampered => {
                let detail = "it is in the following digest file, which was tampered with";
                link.add(ProblemKind::SignatureUnknown, detail);
            }
            Some(next) if !next.is_proven => {
                let detail = "the signature is in the following digest file; one of the two was changed";
                link.add(ProblemKind::DigestSignature, detail);
            }
            _ => link.add(ProblemKind::DigestSignature, ""),
        },
        (None, None) => {}
    }
}

/// Accuses one of two digest files that contradict each other, unless one of them is known to be tampered with.
fn accuse_of_link<'a>(link: &mut Link<'a>, next: Option<&mut Link<'a>>, detail: &str) {
    let Some(next) = next else { return };
    if link.status().max(next.status()) == IntegrityStatus::Tampered {
        return;
    }
    let accused = if link.is_proven && !next.is_proven { next } else { link };
    accused.add(ProblemKind::DigestLink, detail);
}

/// Whether CloudTrail signed with the key at the time. A backfill digest file is signed when it is made, long after its
/// window; without that time its key may be of any time.
fn is_valid_at(key: &PublicKey, file: &DigestFile, is_backfill: bool, metadata: &DigestMetadata) -> bool {
    let signed = if is_backfill { metadata.backfill_generated } else { Some(file.end) };
    let Some(signed) = signed else { return true };
    let slack = VALIDITY_SLACK_SECONDS;
    key.valid_from.is_none_or(|from| signed.0.saturating_add(slack) >= from.0)
        && key.valid_until.is_none_or(|until| signed.0 <= until.0.saturating_add(slack))
}
