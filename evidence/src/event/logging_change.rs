//! Calls that change what is logged.
//!
//! Enters: a call. Leaves: what it does to the evidence. Laws: any caller counts; only a call that succeeded counts; what
//! may deliver events counts unless it is known not to.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{CallKey, Outcome};
use crate::record::{Record, RequestFeatures};

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
    /// Events of the member accounts of the organization begin to be logged.
    StartsMembers,
    /// Events begin to be delivered, or are delivered to another place from now on.
    Redirects,
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
        matches!(self, Self::StartsMembers | Self::StopsMembers | Self::AltersMembers)
    }

    /// Whether events are known to stop.
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::Stops | Self::DropsGlobalEvents | Self::StopsMembers)
    }
}

/// What events may be delivered through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryResource {
    /// A bucket of Amazon S3.
    Bucket,
    /// A log group of Amazon CloudWatch Logs.
    LogGroup,
    /// A rule or an event bus of Amazon EventBridge.
    Rule,
    /// A stream of Amazon Data Firehose or Amazon Kinesis.
    Stream,
}

/// Whether events are delivered through a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivers {
    /// They are not.
    No,
    /// It is not known.
    Maybe,
    /// They are.
    Yes,
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

/// Operations of CloudWatch Logs that end, begin or redirect the delivery of events from a log group.
/// Source: Amazon CloudWatch Logs API Reference, read 2026-11.
const LOG_GROUP: [Change; 7] = [
    ("DeleteSubscriptionFilter", LoggingChange::Stops),
    ("DeleteLogGroup", LoggingChange::Stops),
    ("DeleteLogStream", LoggingChange::Alters),
    ("DeleteDestination", LoggingChange::Alters),
    ("DeleteAccountPolicy", LoggingChange::Alters),
    ("PutAccountPolicy", LoggingChange::Redirects),
    ("PutSubscriptionFilter", LoggingChange::Redirects),
];

/// Operations of EventBridge that end, begin or redirect the delivery of events by a rule.
/// Source: Amazon EventBridge API Reference, read 2026-11.
const RULE: [Change; 8] = [
    ("DisableRule", LoggingChange::Stops),
    ("DeleteRule", LoggingChange::Stops),
    ("DeleteEventBus", LoggingChange::Stops),
    ("RemoveTargets", LoggingChange::Alters),
    ("PutRule", LoggingChange::Alters),
    ("RemovePermission", LoggingChange::Alters),
    ("EnableRule", LoggingChange::Starts),
    ("PutTargets", LoggingChange::Redirects),
];

/// Operations of Data Firehose and Kinesis that end or redirect the delivery of events through a stream.
/// Source: Amazon Data Firehose and Amazon Kinesis API References, read 2026-11.
const STREAM: [Change; 3] = [
    ("DeleteDeliveryStream", LoggingChange::Stops),
    ("DeleteStream", LoggingChange::Stops),
    ("UpdateDestination", LoggingChange::Redirects),
];

/// Operations on a bucket that can end the delivery of log files or remove those in it.
const BUCKET: [Change; 9] = [
    ("DeleteBucket", LoggingChange::Alters),
    ("PutBucketPolicy", LoggingChange::Alters),
    ("DeleteBucketPolicy", LoggingChange::Alters),
    ("PutBucketLifecycle", LoggingChange::Alters),
    ("PutBucketLifecycleConfiguration", LoggingChange::Alters),
    ("PutLifecycleConfiguration", LoggingChange::Alters),
    ("PutBucketEncryption", LoggingChange::Alters),
    ("PutBucketOwnershipControls", LoggingChange::Alters),
    ("PutBucketReplication", LoggingChange::Alters),
];

/// Operations on a key that can end the delivery of log files. Which key encrypts them is not in the evidence, so each
/// key counts.
const KEY: [&str; 4] = ["DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy", "DeleteImportedKeyMaterial"];

/// What an operation changes, how it changes the delivery of events through it, and the parameters that name it.
fn delivery_change(
    source: &str,
    name: &str,
) -> Option<(DeliveryResource, LoggingChange, &'static [&'static str])> {
    let (resource, table, parameters): (_, &[Change], &'static [&'static str]) = match source {
        "s3.amazonaws.com" => (DeliveryResource::Bucket, &BUCKET, &["bucketName"]),
        "logs.amazonaws.com" => {
            (DeliveryResource::LogGroup, &LOG_GROUP, &["logGroupName", "logGroupIdentifier"])
        }
        "events.amazonaws.com" => (DeliveryResource::Rule, &RULE, &["rule", "name", "eventBusName"]),
        "firehose.amazonaws.com" => (DeliveryResource::Stream, &STREAM, &["deliveryStreamName"]),
        "kinesis.amazonaws.com" => (DeliveryResource::Stream, &STREAM, &["streamName", "streamARN"]),
        _ => return None,
    };
    let (_, change) = table.iter().find(|(known, _)| *known == name)?;
    Some((resource, *change, parameters))
}

/// The name of what the call of a record changes, if events may be delivered through it. Of an ARN the name is its last
/// part.
pub(crate) fn delivery_resource(record: &Record<'_>) -> Option<String> {
    let (source, name) = (record.event_source.as_deref()?, record.event_name.as_deref()?);
    let (.., parameters) = delivery_change(source, name)?;
    let values: BTreeMap<&str, &RawValue> = serde_json::from_str(record.request_parameters?).ok()?;
    let text = |parameter: &&str| serde_json::from_str::<String>(values.get(*parameter)?.get()).ok();
    let named = parameters.iter().find_map(text).filter(|named| !named.is_empty())?;
    let Some(rest) = named.strip_prefix("arn:") else { return Some(named) };
    let last = rest.trim_end_matches(":*").rsplit(':').next().unwrap_or_default();
    Some(last.rsplit_once("stream/").map_or(last, |(_, name)| name).to_owned())
}

/// What the call does to the evidence; `None` for a call that changes nothing. `delivers` says of the kind and name of a
/// resource whether events are delivered through it.
pub fn logging_change(
    call_key: &CallKey,
    delivers: impl Fn(DeliveryResource, Option<&str>) -> Delivers,
) -> Option<LoggingChange> {
    if call_key.outcome != Outcome::Succeeded {
        return None;
    }
    let (name, parameters) = (&*call_key.name, call_key.request_features);
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
        "cloudtrail.amazonaws.com" => {
            CLOUDTRAIL.iter().find(|(known, _)| *known == name).map(|(_, change)| *change)
        }
        "organizations.amazonaws.com" => match name {
            "EnableAWSServiceAccess" if parameters.contains(RequestFeatures::OF_CLOUDTRAIL) => {
                Some(LoggingChange::StartsMembers)
            }
            "DisableAWSServiceAccess" if parameters.contains(RequestFeatures::OF_CLOUDTRAIL) => {
                Some(LoggingChange::StopsMembers)
            }
            "RemoveAccountFromOrganization" => Some(LoggingChange::AltersMembers),
            "LeaveOrganization" => Some(LoggingChange::Stops),
            _ => None,
        },
        "kms.amazonaws.com" if KEY.contains(&name) => Some(LoggingChange::Alters),
        source => {
            let (resource, change, _) = delivery_change(source, name)?;
            let in_arn = |arn: &'_ str| arn.rsplit(':').next().unwrap_or_default().to_owned();
            let is_bucket = resource == DeliveryResource::Bucket;
            let in_resources = call_key.resources.iter().filter(|_| is_bucket).map(|arn| in_arn(arn));
            let names: Vec<String> =
                call_key.delivery_resource.iter().map(|name| name.to_string()).chain(in_resources).collect();
            let known = match &*names {
                [] => vec![delivers(resource, None)],
                names => names.iter().map(|name| delivers(resource, Some(name))).collect(),
            };
            // Whether events stop is known only if they are known to be delivered through it.
            match change {
                _ if known.iter().all(|delivers| *delivers == Delivers::No) => None,
                LoggingChange::Stops if !known.contains(&Delivers::Yes) => Some(LoggingChange::Alters),
                change => Some(change),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_what_delivers_events() {
        for (source, name, parameters, expected) in [
            ("logs", "DeleteLogGroup", r#"{"logGroupName":"trail"}"#, Some("trail")),
            (
                "logs",
                "DeleteLogGroup",
                r#"{"logGroupIdentifier":"arn:aws:logs:r:1:log-group:trail:*"}"#,
                Some("trail"),
            ),
            ("logs", "PutSubscriptionFilter", r#"{"filterName":"f","logGroupName":"a\u0062"}"#, Some("ab")),
            ("logs", "DeleteLogGroup", r#"{"logGroupName":""}"#, None),
            ("logs", "DeleteLogGroup", r#"{"logGroupName":7}"#, None),
            ("logs", "DeleteLogGroup", r#"["logGroupName"]"#, None),
            ("logs", "DescribeLogGroups", r#"{"logGroupName":"trail"}"#, None),
            ("events", "PutTargets", r#"{"eventBusName":"bus","rule":"r"}"#, Some("r")),
            ("events", "DeleteRule", r#"{"name":"r"}"#, Some("r")),
            ("events", "RemovePermission", r#"{"eventBusName":"bus","statementId":"s"}"#, Some("bus")),
            ("firehose", "DeleteDeliveryStream", r#"{"deliveryStreamName":"d"}"#, Some("d")),
            ("kinesis", "DeleteStream", r#"{"streamARN":"arn:aws:kinesis:r:1:stream/k"}"#, Some("k")),
            ("s3", "PutBucketPolicy", r#"{"bucketName":"b"}"#, Some("b")),
            ("s3", "PutObject", r#"{"bucketName":"b"}"#, None),
        ] {
            let found = delivery_resource(&Record {
                event_source: Some(format!("{source}.amazonaws.com").into()),
                event_name: Some(name.into()),
                request_parameters: Some(parameters),
                ..Record::default()
            });
            assert_eq!(found.as_deref(), expected, "{name} {parameters}");
        }
    }
}
