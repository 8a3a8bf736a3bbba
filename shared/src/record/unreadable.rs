//! Evidence that could not be read.
//!
//! Enters: bytes and what is wrong with them. Leaves: [`UnreadablePiece`], with an identity. Law: the same bytes have the
//! same [`Fingerprint`] wherever they are met, so a bad piece delivered twice counts once.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Why a piece could not be read. The order has no meaning but makes the choice between two reasons definite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnreadableReason {
    /// The object is empty.
    Empty,
    /// JSON, but nothing CloudTrail writes.
    NotCloudTrail,
    /// The object could not be fetched.
    Unavailable,
    /// A needed field is longer than [`super::LONGEST_TEXT`], or there are too many of it.
    FieldTooLong,
    /// A needed field is absent.
    MissingField,
    /// A needed field holds a value that cannot be right, such as a time that does not exist.
    BadValue,
    /// A needed field is of another JSON type.
    WrongType,
    /// Nested deeper than [`super::DEEPEST`].
    TooDeep,
    /// Not UTF-8.
    BadUtf8,
    /// Not JSON.
    BadJson,
    /// The JSON ends too early.
    TruncatedJson,
    /// The object inflates past the limit.
    TooLarge,
    /// The gzip stream ends too early.
    TruncatedGzip,
    /// The gzip stream is damaged: bad data, checksum or length, or other bytes behind it.
    CorruptGzip,
}

impl UnreadableReason {
    /// The snake-case word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotCloudTrail => "not_cloud_trail",
            Self::Unavailable => "unavailable",
            Self::FieldTooLong => "field_too_long",
            Self::MissingField => "missing_field",
            Self::BadValue => "bad_value",
            Self::WrongType => "wrong_type",
            Self::TooDeep => "too_deep",
            Self::BadUtf8 => "bad_utf8",
            Self::BadJson => "bad_json",
            Self::TruncatedJson => "truncated_json",
            Self::TooLarge => "too_large",
            Self::TruncatedGzip => "truncated_gzip",
            Self::CorruptGzip => "corrupt_gzip",
        }
    }

    /// What was wrong, for people.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Empty => "the object is empty",
            Self::NotCloudTrail => "JSON, but nothing CloudTrail writes",
            Self::Unavailable => "the object could not be fetched",
            Self::FieldTooLong => "too long or too many:",
            Self::MissingField => "missing field",
            Self::BadValue => "a value that cannot be right:",
            Self::WrongType => "a value of the wrong type:",
            Self::TooDeep => "nested too deeply",
            Self::BadUtf8 => "not UTF-8",
            Self::BadJson => "not JSON",
            Self::TruncatedJson => "the JSON ends too early",
            Self::TooLarge => "inflates past `limits.object_mib`",
            Self::TruncatedGzip => "the gzip stream ends too early",
            Self::CorruptGzip => "the gzip stream is damaged",
        }
    }
}

impl fmt::Display for UnreadableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is wrong with a piece, and with which field of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Why.
    pub reason: UnreadableReason,
    /// The record field at fault, as CloudTrail spells it.
    pub field: Option<&'static str>,
}

impl RecordError {
    /// A fault of a whole piece.
    pub const fn whole_piece(reason: UnreadableReason) -> Self {
        Self { reason, field: None }
    }

    /// A fault of one field.
    pub const fn in_field(reason: UnreadableReason, field: &'static str) -> Self {
        Self { reason, field: Some(field) }
    }
}

/// Identity of a piece of evidence: 128 bits of a SHA-256 over its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The fingerprint of `parts`, in order, in the name space `domain`.
    pub fn of(domain: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in std::iter::once(&domain.as_bytes()).chain(parts) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let (head, _) = hash.finalize().0.split_first_chunk::<16>().map_or(([0; 16], ()), |(h, _)| (*h, ()));
        Self(u128::from_be_bytes(head))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// One piece that could not be read, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadablePiece {
    /// What is wrong.
    pub error: RecordError,
    /// Identity of its bytes.
    pub fingerprint: Fingerprint,
    /// Where it begins, in bytes of the inflated object.
    pub offset: u64,
    /// How many pieces of the object came before it.
    pub record_index: u64,
}
