//! Evidence that could not be read.
//!
//! Enters: bytes and the error in them. Leaves: [`UnreadablePiece`], with an identity. Law: equal bytes have the same
//! [`Fingerprint`] wherever they occur, so an unreadable piece that is delivered twice counts once.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Why a piece could not be read. The order only makes the choice between two reasons deterministic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnreadableReason {
    /// The log file is empty.
    Empty,
    /// Not CloudTrail data: JSON, or text in JSON, without a record.
    NotCloudTrail,
    /// Not in a form that is read, and with names of CloudTrail fields in it.
    OtherForm,
    /// The log file could not be fetched.
    Unavailable,
    /// A required field is longer than [`super::MAX_TEXT_BYTES`], or has too many values.
    FieldTooLong,
    /// A required field is missing.
    MissingField,
    /// A required field has an invalid value, such as a time that does not exist.
    BadValue,
    /// A required field has the wrong JSON type.
    WrongType,
    /// A key is given twice in one object, so the record is ambiguous.
    DuplicateKey,
    /// Nested deeper than [`super::MAX_DEPTH`], or gzip in more layers than are read.
    TooDeep,
    /// The text is not UTF-8.
    BadUtf8,
    /// The text is not JSON.
    BadJson,
    /// The JSON ends too early.
    TruncatedJson,
    /// The log file inflates past the limit.
    TooLarge,
    /// The gzip stream ends too early.
    TruncatedGzip,
    /// The gzip stream is damaged: invalid data, checksum or length, or other bytes after it.
    CorruptGzip,
}

impl UnreadableReason {
    /// The snake-case word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotCloudTrail => "not_cloud_trail",
            Self::OtherForm => "other_form",
            Self::Unavailable => "unavailable",
            Self::FieldTooLong => "field_too_long",
            Self::MissingField => "missing_field",
            Self::BadValue => "bad_value",
            Self::WrongType => "wrong_type",
            Self::DuplicateKey => "duplicate_key",
            Self::TooDeep => "too_deep",
            Self::BadUtf8 => "bad_utf8",
            Self::BadJson => "bad_json",
            Self::TruncatedJson => "truncated_json",
            Self::TooLarge => "too_large",
            Self::TruncatedGzip => "truncated_gzip",
            Self::CorruptGzip => "corrupt_gzip",
        }
    }

    /// The reason in words. A text that ends in a colon is followed by the name of the field or form.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Empty => "the log file is empty",
            Self::NotCloudTrail => "JSON, but not CloudTrail data",
            Self::OtherForm => "holds CloudTrail fields in a form that is not read:",
            Self::Unavailable => "the log file could not be fetched",
            Self::FieldTooLong => "field too long or with too many values:",
            Self::MissingField => "missing field",
            Self::BadValue => "field with an invalid value:",
            Self::WrongType => "field of the wrong JSON type:",
            Self::DuplicateKey => "a key is given twice:",
            Self::TooDeep => "nested too deeply",
            Self::BadUtf8 => "not UTF-8",
            Self::BadJson => "not JSON",
            Self::TruncatedJson => "the JSON ends too early",
            Self::TooLarge => "inflates past `limits.log_file_mib`",
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

/// Why a piece cannot be read, and the field at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Why the record cannot be read.
    pub reason: UnreadableReason,
    /// The invalid field, as CloudTrail spells it, or the form of the file.
    pub field: Option<&'static str>,
}

impl RecordError {
    /// An error of a whole piece.
    pub const fn whole_piece(reason: UnreadableReason) -> Self {
        Self { reason, field: None }
    }

    /// An error of one field.
    pub const fn in_field(reason: UnreadableReason, field: &'static str) -> Self {
        Self { reason, field: Some(field) }
    }
}

/// The reason in words, with the field.
impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.description())?;
        match self.field {
            Some(form) if self.reason == UnreadableReason::OtherForm => write!(f, " {form}"),
            Some(field) => write!(f, " `{field}`"),
            None => Ok(()),
        }
    }
}

/// Identity of a piece of evidence: 128 bits of a SHA-256 over its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The fingerprint of `parts`, in order, in the namespace `domain`.
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

/// One piece that could not be read, as the reader of its log file passes it to the evidence: with its identity, and
/// without the name of the file. A report tells people where it is: `UnreadablePosition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadablePiece {
    /// Why the piece cannot be read.
    pub error: RecordError,
    /// Fingerprint of the piece's bytes; the same wherever they occur.
    pub fingerprint: Fingerprint,
    /// Offset of the piece's first byte in the inflated log file.
    pub offset: u64,
    /// Number of pieces of the log file before this piece.
    pub record_index: u64,
}

/// A piece of evidence that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct UnreadablePosition {
    /// Name of the file or S3 object.
    pub file: String,
    /// Byte offset in the decompressed file, when known.
    pub byte: Option<u64>,
    /// Record in the file, counted from zero, when known.
    pub record: Option<u64>,
    /// What was wrong, in one line.
    pub reason: String,
}

impl UnreadablePosition {
    /// The position of `piece` in a file, with what the source of the file said.
    pub fn new(file: &str, piece: &UnreadablePiece, cause: Option<&str>) -> Self {
        Self {
            file: file.to_owned(),
            byte: Some(piece.offset),
            record: Some(piece.record_index),
            reason: match cause {
                Some(cause) => format!("{}: {cause}", piece.error),
                None => piece.error.to_string(),
            },
        }
    }
}

impl UnreadablePiece {
    /// A log file that could not be fetched. Equal for the same name and version.
    pub fn unavailable(name: &str, version: &str) -> Self {
        Self {
            error: RecordError::whole_piece(UnreadableReason::Unavailable),
            fingerprint: Fingerprint::of("unavailable object", &[name.as_bytes(), version.as_bytes()]),
            offset: 0,
            record_index: 0,
        }
    }
}
