//! What can be wrong with an audit trail.
//!
//! Enters: nothing. Leaves: [`AuditProblem`] and its kinds. Law: each way to change a trail has a kind of its own, and a kind says
//! whether something was changed or is missing.

use schemars::JsonSchema;
use serde::Serialize;

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
    /// A seal or a pruning has no signature, and a key was given.
    Unsigned,
    /// No given key made a signature of a seal or a pruning.
    SignatureInvalid,
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
            Self::Unsigned => "unsigned",
            Self::SignatureInvalid => "signature-invalid",
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
