//! Records: from the bytes of one log object to borrowed fields.
//!
//! Enters: the bytes an object holds, compressed or not, in any form CloudTrail data is found in. Leaves: calls on
//! a [`RecordVisitor`]: one for each record, Insight event, digest window and piece that could not be read. Laws: every
//! piece of an object is handed on exactly once; a piece that cannot be read loses nothing but itself, as far as
//! the next piece can still be found; no input panics, and memory is bounded by [`Limits`], not by what an object
//! claims of itself.
//!
//! Forms, told apart by content: gzip of one or more members, or plain text; in it one or more JSON values, each of
//! which is `{"Records":[..]}`, a page of `LookupEvents`, an EventBridge envelope, a digest file, a bare record, or
//! an array of records or envelopes.

mod digest;
mod document;
mod fast_parser;
mod fields;
mod inflate;
mod unreadable;

pub use digest::DigestWindow;
#[cfg(test)]
pub(crate) use fields::with_user_identity;
pub use fields::{Record, RecordResource, UserIdentity};
pub use inflate::Inflater;
pub use unreadable::{Fingerprint, RecordError, UnreadablePiece, UnreadableReason};

/// What one object may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of JSON one object may inflate to; what lies beyond is not read.
    pub max_inflated_bytes: usize,
}

impl Default for ReadLimits {
    /// 1 GiB: two hundred times the largest object CloudTrail was seen to deliver.
    fn default() -> Self {
        Self { max_inflated_bytes: 1 << 30 }
    }
}

/// Longest text kept of any field, in bytes: the length IAM allows an ARN. A longer one makes a record unreadable.
pub const MAX_TEXT_BYTES: usize = 2_048;

/// Most resources kept of one record.
pub const MAX_RESOURCES: usize = 1_024;

/// Deepest nesting of a record, the record itself included.
pub const MAX_DEPTH: usize = 127;

/// Takes what an object holds, piece by piece.
pub trait RecordVisitor {
    /// One record. A fault makes it unreadable.
    ///
    /// # Errors
    /// What keeps the record from being an event.
    fn visit_record(&mut self, record: &Record<'_>) -> Result<(), RecordError>;
    /// One Insight event, by its identity.
    fn visit_insight(&mut self, identity: Fingerprint);
    /// The window of one digest file.
    fn visit_digest_window(&mut self, window: DigestWindow);
    /// One piece that could not be read.
    fn visit_unreadable(&mut self, piece: UnreadablePiece);
}

/// Reads one object: inflates `stored` and hands each piece to `visit`. Returns the inflated length in bytes.
pub fn read_log_file(
    stored: &[u8],
    limits: ReadLimits,
    inflater: &mut Inflater,
    visit: &mut impl RecordVisitor,
) -> usize {
    let (text, fault) = inflater.inflate(stored, limits.max_inflated_bytes);
    document::read_document(text, fault, stored, true, visit);
    text.len()
}
