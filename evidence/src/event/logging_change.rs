//! Calls that change what is logged.
//!
//! Enters: a call. Leaves: what it does to the evidence. Laws: any caller counts; only a call that succeeded counts.

use std::sync::Arc;

use super::{CallKey, Outcome};

/// What a call does to the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoggingChange {
    /// Events stop being logged or delivered.
    Stops,
    /// Other events may be logged, or the log files may no longer be delivered or kept.
    Alters,
    /// Other event classes may be logged.
    Selects,
    /// Events begin to be logged, so they may not have been before.
    Starts,
}

/// Operations of CloudTrail that change what is logged. Source: AWS CloudTrail API Reference, read 2026-11.
const CLOUDTRAIL: [(&str, LoggingChange); 13] = [
    ("StartLogging", LoggingChange::Starts),
    ("CreateTrail", LoggingChange::Starts),
    ("StopLogging", LoggingChange::Stops),
    ("DeleteTrail", LoggingChange::Stops),
    ("StopEventDataStoreIngestion", LoggingChange::Stops),
    ("DeleteEventDataStore", LoggingChange::Stops),
    ("UpdateTrail", LoggingChange::Alters),
    ("UpdateEventDataStore", LoggingChange::Alters),
    ("DeregisterOrganizationDelegatedAdmin", LoggingChange::Alters),
    ("DeleteResourcePolicy", LoggingChange::Alters),
    ("PutEventSelectors", LoggingChange::Selects),
    ("PutInsightSelectors", LoggingChange::Alters),
    ("PutEventConfiguration", LoggingChange::Alters),
];

/// Operations on a bucket that can end the delivery of log files or remove those in it.
const BUCKET: [&str; 9] = [
    "DeleteBucket",
    "PutBucketPolicy",
    "DeleteBucketPolicy",
    "PutBucketLifecycle",
    "PutBucketLifecycleConfiguration",
    "PutLifecycleConfiguration",
    "PutBucketEncryption",
    "PutBucketOwnershipControls",
    "PutBucketReplication",
];

/// Operations on a key that can end the delivery of log files. Which key encrypts them is not in the evidence, so each
/// key counts.
const KEY: [&str; 4] = ["DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy", "DeleteImportedKeyMaterial"];

/// What the call does to the evidence; `None` for a call that changes nothing. `is_log_bucket` says of the name of a
/// bucket whether log files may be in it.
pub fn logging_change(call_key: &CallKey, is_log_bucket: impl Fn(&str) -> bool) -> Option<LoggingChange> {
    if call_key.outcome != Outcome::Succeeded {
        return None;
    }
    let is_log_bucket = |arn: &Arc<str>| is_log_bucket(arn.rsplit(':').next().unwrap_or_default());
    match &*call_key.source {
        "cloudtrail.amazonaws.com" => {
            CLOUDTRAIL.iter().find(|(name, _)| *name == &*call_key.name).map(|(_, change)| *change)
        }
        "s3.amazonaws.com" if BUCKET.contains(&&*call_key.name) => {
            call_key.resources.iter().any(is_log_bucket).then_some(LoggingChange::Alters)
        }
        "kms.amazonaws.com" if KEY.contains(&&*call_key.name) => Some(LoggingChange::Alters),
        _ => None,
    }
}
