//! Calls that change what is logged.
//!
//! Enters: a call. Leaves: what it does to the evidence. Laws: any caller counts; only a call that succeeded counts.

use std::sync::Arc;

use super::{CallKey, Outcome};
use crate::record::{DeliveryForm, RequestFeatures};

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
    /// Events of global services stop being logged, and events of all regions but one.
    DropsGlobalEvents,
    /// Events of the member accounts of the organization stop being logged.
    StopsMembers,
    /// Events of a member account of the organization, which is not known, may stop being logged.
    AltersMembers,
}

impl LoggingChange {
    /// Whether it concerns the other accounts of the organization, and not the account of the call.
    pub const fn concerns_members(self) -> bool {
        matches!(self, Self::StopsMembers | Self::AltersMembers)
    }

    /// Whether events are known to stop.
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::Stops | Self::DropsGlobalEvents | Self::StopsMembers)
    }
}

type Change = (&'static str, LoggingChange);

/// Operations of CloudTrail that change what is logged. An event data store has its selectors in `UpdateEventDataStore`.
/// Source: AWS CloudTrail API Reference, read 2026-11.
const CLOUDTRAIL: [Change; 15] = [
    ("StartLogging", LoggingChange::Starts),
    ("CreateTrail", LoggingChange::Starts),
    ("CreateEventDataStore", LoggingChange::Starts),
    ("StartEventDataStoreIngestion", LoggingChange::Starts),
    ("RestoreEventDataStore", LoggingChange::Starts),
    ("StopLogging", LoggingChange::Stops),
    ("DeleteTrail", LoggingChange::Stops),
    ("StopEventDataStoreIngestion", LoggingChange::Stops),
    ("DeleteEventDataStore", LoggingChange::Stops),
    ("UpdateEventDataStore", LoggingChange::Selects),
    ("DeregisterOrganizationDelegatedAdmin", LoggingChange::Alters),
    ("DeleteResourcePolicy", LoggingChange::Alters),
    ("PutEventSelectors", LoggingChange::Selects),
    ("PutInsightSelectors", LoggingChange::Alters),
    ("PutEventConfiguration", LoggingChange::Alters),
];

/// Operations of CloudWatch Logs that end or begin the delivery of events from a log group. Which log group has the
/// events is not in the evidence, so each counts. Source: Amazon CloudWatch Logs API Reference, read 2026-11.
const LOG_GROUP: [Change; 7] = [
    ("DeleteSubscriptionFilter", LoggingChange::Alters),
    ("DeleteLogGroup", LoggingChange::Alters),
    ("DeleteLogStream", LoggingChange::Alters),
    ("DeleteDestination", LoggingChange::Alters),
    ("DeleteAccountPolicy", LoggingChange::Alters),
    ("PutAccountPolicy", LoggingChange::Starts),
    ("PutSubscriptionFilter", LoggingChange::Starts),
];

/// Operations of EventBridge that end or begin the delivery of events by a rule. Which rule delivers them is not in the
/// evidence, so each counts. Source: Amazon EventBridge API Reference, read 2026-11.
const EVENT_BRIDGE: [Change; 7] = [
    ("DisableRule", LoggingChange::Alters),
    ("DeleteRule", LoggingChange::Alters),
    ("RemoveTargets", LoggingChange::Alters),
    ("PutRule", LoggingChange::Alters),
    ("DeleteEventBus", LoggingChange::Alters),
    ("EnableRule", LoggingChange::Starts),
    ("PutTargets", LoggingChange::Starts),
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
/// bucket whether log files may be in it, `is_delivered_in` of a form whether events were delivered in it.
pub fn logging_change(
    call_key: &CallKey,
    is_log_bucket: impl Fn(&str) -> bool,
    is_delivered_in: impl Fn(DeliveryForm) -> bool,
) -> Option<LoggingChange> {
    if call_key.outcome != Outcome::Succeeded {
        return None;
    }
    let (name, parameters) = (&*call_key.name, call_key.request_features);
    let is_log_bucket = |arn: &Arc<str>| is_log_bucket(arn.rsplit(':').next().unwrap_or_default());
    let in_table =
        |table: &[Change]| table.iter().find(|(known, _)| *known == name).map(|(_, change)| *change);
    match &*call_key.source {
        "cloudtrail.amazonaws.com" if name == "UpdateTrail" => {
            // A trail of all regions logs the events of global services.
            Some(if parameters.contains(RequestFeatures::NO_GLOBAL_EVENTS) {
                LoggingChange::DropsGlobalEvents
            } else if parameters.contains(RequestFeatures::ONE_REGION) {
                LoggingChange::Stops
            } else {
                LoggingChange::Alters
            })
        }
        "cloudtrail.amazonaws.com" => in_table(&CLOUDTRAIL),
        "organizations.amazonaws.com" => match name {
            "DisableAWSServiceAccess" if parameters.contains(RequestFeatures::OF_CLOUDTRAIL) => {
                Some(LoggingChange::StopsMembers)
            }
            "RemoveAccountFromOrganization" => Some(LoggingChange::AltersMembers),
            "LeaveOrganization" => Some(LoggingChange::Stops),
            _ => None,
        },
        "s3.amazonaws.com" if BUCKET.contains(&name) => {
            call_key.resources.iter().any(is_log_bucket).then_some(LoggingChange::Alters)
        }
        "kms.amazonaws.com" if KEY.contains(&name) => Some(LoggingChange::Alters),
        "logs.amazonaws.com" => in_table(&LOG_GROUP).filter(|_| is_delivered_in(DeliveryForm::LogGroup)),
        "events.amazonaws.com" => {
            in_table(&EVENT_BRIDGE).filter(|_| is_delivered_in(DeliveryForm::EventBridge))
        }
        _ => None,
    }
}
