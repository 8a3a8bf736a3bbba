//! What may be wrong with a file, and what that says about it.
//!
//! Law: of two statuses the worse one stands for both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was proven of a digest file, a log file or an hour, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntegrityStatus {
    /// It is as CloudTrail delivered it.
    Verified,
    /// Nothing speaks against it, and no signature that could be verified speaks for it.
    Unverified,
    /// It is not there, or a part of it is not there.
    Missing,
    /// It is not as CloudTrail delivered it, or a part of it is not.
    Tampered,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// A file with the name of a digest file is not one.
    DigestDamaged,
    /// The signature of a digest file is not valid.
    DigestSignature,
    /// The signature in the metadata of a digest file is not valid, although the one in the following digest file is.
    DigestSignatureMetadata,
    /// A digest file is not under the key that it states.
    DigestMoved,
    /// Two different digest files have one name.
    DigestConflict,
    /// The hash or the signature of a digest file is not the one in the following digest file.
    DigestLink,
    /// The content of a log file does not have the hash that the digest file lists.
    LogFileHash,
    /// A log file cannot be decompressed to its end, or has more behind its end.
    LogFileDamaged,
    /// A log file is not under the key that the digest file lists.
    LogFileMoved,
    /// A digest file is signed with a key that CloudTrail does not have in the region.
    KeyForeign,
    /// A digest file is missing.
    DigestMissing,
    /// A log file that a digest file lists is missing.
    LogFileMissing,
    /// No digest file lists a log file that one should list.
    LogFileUnlisted,
    /// The signature of a digest file is not known.
    SignatureUnknown,
    /// The public key of a digest file is not known.
    KeyUnknown,
    /// The public key of a digest file was not valid at the time.
    KeyValidity,
    /// A digest file names an algorithm that is not SHA-256 or SHA256withRSA.
    AlgorithmUnknown,
    /// A file cannot be read.
    Unavailable,
}

impl ProblemKind {
    /// The status of a file with the problem.
    pub const fn status(self) -> IntegrityStatus {
        match self {
            Self::DigestDamaged
            | Self::DigestSignature
            | Self::DigestSignatureMetadata
            | Self::DigestMoved
            | Self::DigestConflict
            | Self::DigestLink
            | Self::KeyForeign
            | Self::LogFileHash
            | Self::LogFileDamaged
            | Self::LogFileMoved => IntegrityStatus::Tampered,
            Self::DigestMissing | Self::LogFileMissing => IntegrityStatus::Missing,
            Self::LogFileUnlisted
            | Self::SignatureUnknown
            | Self::KeyUnknown
            | Self::KeyValidity
            | Self::AlgorithmUnknown
            | Self::Unavailable => IntegrityStatus::Unverified,
        }
    }

    /// The problem, as a sentence about the file.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::DigestDamaged => "it is not a digest file",
            Self::DigestSignature => "its signature is not valid",
            Self::DigestSignatureMetadata => {
                "the signature in its metadata is not valid; the one in the following digest file is"
            }
            Self::DigestMoved => "it is not under the key that it states",
            Self::DigestConflict => "another file of this name has other content",
            Self::DigestLink => "it does not match the digest file beside it in the chain",
            Self::LogFileHash => "its content does not have the hash in the digest file",
            Self::LogFileDamaged => "it cannot be decompressed to its end, or has more behind its end",
            Self::LogFileMoved => "it is not under the key that the digest file lists",
            Self::KeyForeign => "CloudTrail has no such public key in the region",
            Self::DigestMissing => "the digest file is missing",
            Self::LogFileMissing => "the log file is missing",
            Self::LogFileUnlisted => "no digest file lists the log file",
            Self::SignatureUnknown => "its signature is not known",
            Self::KeyUnknown => "its public key is not known",
            Self::KeyValidity => "its public key was not valid at the time",
            Self::AlgorithmUnknown => "it names an algorithm other than SHA-256 and SHA256withRSA",
            Self::Unavailable => "it cannot be read",
        }
    }
}

/// A problem of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct IntegrityProblem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// Path, URI or, of a missing file, object key.
    pub file: String,
    /// More about it; may be empty.
    pub detail: String,
}

impl IntegrityProblem {
    pub(super) fn new(kind: ProblemKind, file: &str) -> Self {
        Self { kind, file: file.to_owned(), detail: String::new() }
    }
}
