//! The audit trail: which calls watched principals made, what Onlooker decided about them, and what it did itself.
//!
//! Enters: records of calls, and decisions and runs of Onlooker. Leaves: [`AuditTrailEntry`], and [`AuditBatch`]es of them in
//! the form in which they are stored. Laws: each call that the level selects has an entry of its own; an entry that is too
//! long is shortened and says so, and is not left out; a batch names the hash of the batch before it, so that an edit, a gap,
//! a fork and a changed order are found by [`verify()`].

mod batch;
mod entry;
mod problem;
mod pruning;
mod query;
mod record_object;
mod recorder;
mod redaction;
mod seal;
mod verify;

pub use self::{
    batch::{
        AUDIT_SUMMARY_SCHEMA_VERSION, AuditBatch, BatchCompressor, BatchCounts, BatchError, BatchHeader,
        BatchKey, EntryLine, GENESIS, MAX_BATCH_BYTES, PREFIX, SealedBatch, day_prefixes, seal_batch,
    },
    entry::{ApiCaller, AuditKind, AuditTrailEntry, AuditedCall},
    problem::{AuditProblem, AuditProblemKind},
    pruning::{AuditPruning, PRUNINGS_PREFIX},
    query::{AUDIT_ENTRY_SCHEMA_VERSION, AuditQuery, LineFilter, StoredEntry},
    record_object::{RecordSignature, SignatureState, TrailRecord},
    recorder::{AuditCriteria, CallRecorder, RecordedCall, UNREADABLE},
    redaction::{REDACTED, redact_secrets},
    seal::{AuditSeal, ChainHead, SEALS_PREFIX},
    verify::{AUDIT_VERIFICATION_SCHEMA_VERSION, AuditVerification, ChainSummary, RecordSummary, verify},
};
