//! Records: the bytes of one log file to borrowed fields.
//!
//! Enters: the bytes of a log file, compressed or not, in any form of CloudTrail data. Leaves: calls on a
//! [`RecordVisitor`]: one for each record, event that is set aside, digest window and piece that could not be read. Laws:
//! every piece of a log file is passed on exactly once; a piece that cannot be read does not affect the others, as
//! far as the next piece can still be found; no input panics; [`ReadLimits`] bound the memory, not the size that a
//! file states.
//!
//! Forms, recognized by content: gzip of one or more members and layers, or plain text. The text is one or more JSON
//! values, also without separators. Each is `{"Records":[..]}`, a page of `LookupEvents` or one element of it, an
//! EventBridge envelope, a message of a CloudWatch Logs subscription, the output of `filter-log-events` or one log event
//! of it, a digest file, a record, a record as text, or an array of any of these, also of arrays.

mod delivery;
mod digest;
mod document;
mod fast_parser;
mod fields;
mod inflate;
mod other_file;
mod packed_text;
mod request_features;
mod unreadable;

pub use delivery::{DeliveryFact, DeliveryForm, ListingPage};
pub use digest::DigestWindow;
#[cfg(test)]
pub(crate) use fields::with_user_identity;
pub use fields::{Record, RecordResource, UserIdentity};
pub use inflate::Inflater;
use other_file::FileContent;
pub use other_file::{
    OtherFile, SkippedFile, claims_cloudtrail, kind_of_service_folder, kind_without_content,
};
pub use request_features::RequestFeatures;
pub use unreadable::{Fingerprint, RecordError, UnreadablePiece, UnreadablePosition, UnreadableReason};

/// Limits for reading one log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Number of bytes to which one log file may inflate. The rest is not read.
    pub max_inflated_bytes: usize,
}

impl Default for ReadLimits {
    /// 1 GiB: two hundred times the largest log file that CloudTrail was seen to deliver.
    fn default() -> Self {
        Self { max_inflated_bytes: 1 << 30 }
    }
}

/// Longest text of a field, in bytes: the length limit of IAM for an ARN. Longer text makes a record unreadable.
pub const MAX_TEXT_BYTES: usize = 2_048;

/// Maximum number of resources of one record. More make it unreadable.
pub const MAX_RESOURCES: usize = 1_024;

/// Deepest nesting of a record, including the record itself.
pub const MAX_DEPTH: usize = 127;

/// Receives the content of a log file, piece by piece.
pub trait RecordVisitor {
    /// The inflated content of the whole log file, before its pieces, and why it ended early, if it did.
    fn visit_content(&mut self, _: &[u8], _: Option<UnreadableReason>) {}
    /// One record, and its text as JSON. An error makes it unreadable.
    ///
    /// # Errors
    /// Why the record is not a valid event.
    fn visit_record(&mut self, record: &Record<'_>, text: &[u8]) -> Result<(), RecordError>;
    /// One Insights event or aggregated event, by its identity. Neither is a call.
    fn visit_insight(&mut self, identity: Fingerprint);
    /// The window of one digest file.
    fn visit_digest_window(&mut self, window: DigestWindow);
    /// What the form of records that were passed on says about their delivery.
    fn visit_delivery_fact(&mut self, _: DeliveryFact) {}
    /// One piece that could not be read.
    fn visit_unreadable(&mut self, piece: UnreadablePiece);
    /// Whether the visitor knows enough. The rest of the log file is not read then.
    fn is_done(&self) -> bool {
        false
    }
}

/// Reads one log file: inflates `stored` and passes each piece to `visit`. Returns the inflated length in bytes.
pub fn read_log_file(
    stored: &[u8],
    limits: ReadLimits,
    inflater: &mut Inflater,
    visit: &mut impl RecordVisitor,
) -> usize {
    let (text, fault) = inflater.inflate(stored, limits.max_inflated_bytes);
    visit.visit_content(text, fault);
    document::read_document(text, fault, stored, true, visit);
    text.len()
}

/// Reads one log file as [`read_log_file`] does, unless it evidently is not CloudTrail data. Returns the inflated length
/// in bytes.
///
/// # Errors
/// What the file seems to be. Then nothing was passed to `visit`.
pub fn read_unless_other(
    name: &str,
    stored: &[u8],
    limits: ReadLimits,
    inflater: &mut Inflater,
    visit: &mut impl RecordVisitor,
) -> Result<usize, OtherFile> {
    let (text, fault) = inflater.inflate(stored, limits.max_inflated_bytes);
    if !claims_cloudtrail(name) && !other_file::starts_like_cloudtrail(text) {
        let mut probe = other_file::Probe::default();
        document::read_document(text, fault, stored, true, &mut probe);
        let content = if probe.read {
            FileContent::CloudTrail
        } else {
            other_file::content_of_unread(name, text, fault, probe)
        };
        match content {
            FileContent::CloudTrail => {}
            FileContent::Other(kind) => return Err(kind),
            FileContent::OtherForm(kind) => {
                visit.visit_content(text, fault);
                visit.visit_unreadable(UnreadablePiece {
                    error: RecordError::in_field(UnreadableReason::OtherForm, kind.form()),
                    fingerprint: Fingerprint::of("piece", &[text]),
                    offset: 0,
                    record_index: 0,
                });
                return Ok(text.len());
            }
        }
    }
    visit.visit_content(text, fault);
    document::read_document(text, fault, stored, true, visit);
    Ok(text.len())
}

impl RecordVisitor for other_file::Probe {
    fn visit_record(&mut self, _: &Record<'_>, _: &[u8]) -> Result<(), RecordError> {
        self.read = true;
        Ok(())
    }

    fn visit_insight(&mut self, _: Fingerprint) {
        self.read = true;
    }

    fn visit_digest_window(&mut self, _: DigestWindow) {
        self.read = true;
    }

    /// A page without events says that a list ends, or that it does not.
    fn visit_delivery_fact(&mut self, fact: DeliveryFact) {
        self.read |= matches!(fact, DeliveryFact::ListingPage(_));
    }

    fn visit_unreadable(&mut self, piece: UnreadablePiece) {
        self.damaged |= piece.error.reason != UnreadableReason::NotCloudTrail;
    }

    /// One record shows that the file is CloudTrail data.
    fn is_done(&self) -> bool {
        self.read
    }
}
