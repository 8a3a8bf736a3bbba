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
    /// Events begin to be delivered, or are delivered to another place from now on.
    Redirects,
    /// Events of global services stop being logged, and events of all regions but one.
    DropsGlobalEvents,
}

impl LoggingChange {
    /// Whether events are known to stop.
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::Stops | Self::DropsGlobalEvents)
    }
}

/// What events may be delivered through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryResource {
    /// A bucket of Amazon S3.
    Bucket,
    /// A log group of Amazon CloudWatch Logs.
    LogGroup,
    /// A subscription of a log group, or its destination.
    Subscription,
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

/// Operations of CloudWatch Logs that end the delivery of events to a log group, or remove them from it.
/// Source: Amazon CloudWatch Logs API Reference, read 2026-11.
const LOG_GROUP: [Change; 2] =
    [("DeleteLogGroup", LoggingChange::Stops), ("DeleteLogStream", LoggingChange::Alters)];

/// Operations of CloudWatch Logs that end, begin or redirect the delivery of events from a log group.
/// Source: Amazon CloudWatch Logs API Reference, read 2026-11.
const SUBSCRIPTION: [Change; 5] = [
    ("DeleteSubscriptionFilter", LoggingChange::Stops),
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
    type Tables = &'static [(DeliveryResource, &'static [Change])];
    let (tables, parameters): (Tables, &'static [&'static str]) = match source {
        "s3.amazonaws.com" => (&[(DeliveryResource::Bucket, &BUCKET)], &["bucketName"]),
        "logs.amazonaws.com" => (
            &[(DeliveryResource::LogGroup, &LOG_GROUP), (DeliveryResource::Subscription, &SUBSCRIPTION)],
            &["logGroupName", "logGroupIdentifier", "destinationName"],
        ),
        "events.amazonaws.com" => (&[(DeliveryResource::Rule, &RULE)], &["rule", "name", "eventBusName"]),
        "firehose.amazonaws.com" => (&[(DeliveryResource::Stream, &STREAM)], &["deliveryStreamName"]),
        "kinesis.amazonaws.com" => (&[(DeliveryResource::Stream, &STREAM)], &["streamName", "streamARN"]),
        _ => return None,
    };
    let change = |table: &[Change]| table.iter().find(|(known, _)| *known == name).map(|(_, change)| *change);
    let (resource, change) = tables.iter().find_map(|(resource, table)| Some((*resource, change(table)?)))?;
    Some((resource, change, parameters))
}

/// The name of what delivers events, by its name or ARN.
pub fn delivery_name(text: &str) -> &str {
    let Some(resource) = text.strip_prefix("arn:").and_then(|rest| rest.splitn(5, ':').nth(4)) else {
        return text;
    };
    if let Some(log_group) = resource.strip_prefix("log-group:") {
        return log_group.trim_end_matches(":*");
    }
    resource.rsplit(['/', ':']).next().unwrap_or(resource)
}

/// The names of what the call of a record changes, if events may be delivered through it.
pub(crate) fn delivery_resources(record: &Record<'_>) -> Vec<String> {
    let change = || delivery_change(record.event_source.as_deref()?, record.event_name.as_deref()?);
    let Some((.., parameters)) = change() else { return Vec::new() };
    let values = record.request_parameters.and_then(|raw| serde_json::from_str(raw).ok());
    let values: BTreeMap<&str, &RawValue> = values.unwrap_or_default();
    let text = |parameter: &&str| serde_json::from_str::<String>(values.get(*parameter)?.get()).ok();
    let named = parameters.iter().filter_map(text).filter(|named| !named.is_empty());
    named.map(|named| delivery_name(&named).to_owned()).collect()
}

/// What the call does to the evidence of the member accounts of the organization; `None` for a call that changes nothing.
/// Source: AWS CloudTrail API Reference (`IsOrganizationTrail` of `UpdateTrail`) and AWS Organizations API Reference, read
/// 2026-11.
pub fn logging_change_of_members(call_key: &CallKey) -> Option<LoggingChange> {
    if call_key.outcome != Outcome::Succeeded {
        return None;
    }
    let has = |feature| call_key.request_features.contains(feature);
    match (&*call_key.source, &*call_key.name) {
        (
            "cloudtrail.amazonaws.com",
            "CreateTrail" | "UpdateTrail" | "CreateEventDataStore" | "UpdateEventDataStore",
        ) if has(RequestFeatures::OF_ORGANIZATION) => Some(LoggingChange::Starts),
        ("cloudtrail.amazonaws.com", "UpdateTrail" | "UpdateEventDataStore")
            if has(RequestFeatures::OF_ONE_ACCOUNT) =>
        {
            Some(LoggingChange::Stops)
        }
        ("organizations.amazonaws.com", "EnableAWSServiceAccess") if has(RequestFeatures::OF_CLOUDTRAIL) => {
            Some(LoggingChange::Starts)
        }
        ("organizations.amazonaws.com", "DisableAWSServiceAccess") if has(RequestFeatures::OF_CLOUDTRAIL) => {
            Some(LoggingChange::Stops)
        }
        // The record's account is not kept.
        ("organizations.amazonaws.com", "RemoveAccountFromOrganization") => Some(LoggingChange::Alters),
        _ => None,
    }
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
        "organizations.amazonaws.com" if name == "LeaveOrganization" => Some(LoggingChange::Stops),
        "kms.amazonaws.com" if KEY.contains(&name) => Some(LoggingChange::Alters),
        source => {
            let (resource, change, _) = delivery_change(source, name)?;
            if parameters.contains(RequestFeatures::NO_SUBSCRIPTION) {
                return None;
            }
            let change =
                if parameters.contains(RequestFeatures::DISABLED) { LoggingChange::Stops } else { change };
            let is_bucket = resource == DeliveryResource::Bucket;
            let in_resources = call_key.resources.iter().filter(|_| is_bucket).map(|arn| delivery_name(arn));
            let names = call_key.delivery_resources.iter().map(|name| &**name).chain(in_resources);
            let known: Vec<Delivers> = names.map(|name| delivers(resource, Some(name))).collect();
            let known = if known.is_empty() { vec![delivers(resource, None)] } else { known };
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
            ("logs", "DeleteLogGroup", r#"{"logGroupName":"trail"}"#, &["trail"][..]),
            ("logs", "PutSubscriptionFilter", r#"{"filterName":"f","logGroupName":"a\u0062"}"#, &["ab"]),
            ("logs", "DeleteDestination", r#"{"destinationName":"d"}"#, &["d"]),
            ("logs", "DeleteLogGroup", r#"{"logGroupName":""}"#, &[]),
            ("logs", "DeleteLogGroup", r#"{"logGroupName":7}"#, &[]),
            ("logs", "DeleteLogGroup", r#"["logGroupName"]"#, &[]),
            ("logs", "DescribeLogGroups", r#"{"logGroupName":"trail"}"#, &[]),
            ("events", "PutTargets", r#"{"eventBusName":"bus","rule":"r"}"#, &["r", "bus"]),
            ("events", "DeleteRule", r#"{"name":"r"}"#, &["r"]),
            ("events", "RemovePermission", r#"{"eventBusName":"bus","statementId":"s"}"#, &["bus"]),
            ("firehose", "DeleteDeliveryStream", r#"{"deliveryStreamName":"d"}"#, &["d"]),
            ("kinesis", "DeleteStream", r#"{"streamARN":"arn:aws:kinesis:r:1:stream/k"}"#, &["k"]),
            ("s3", "PutBucketPolicy", r#"{"bucketName":"b"}"#, &["b"]),
            ("s3", "PutObject", r#"{"bucketName":"b"}"#, &[]),
        ] {
            let found = delivery_resources(&Record {
                event_source: Some(format!("{source}.amazonaws.com").into()),
                event_name: Some(name.into()),
                request_parameters: Some(parameters),
                ..Record::default()
            });
            assert_eq!(found, expected, "{name} {parameters}");
        }
    }

    #[test]
    fn an_arn_is_reduced_to_the_name() {
        for (text, name) in [
            ("trail", "trail"),
            ("/aws/trail", "/aws/trail"),
            ("arn:aws:logs:r:1:log-group:/aws/trail:*", "/aws/trail"),
            ("arn:aws:logs:r:1:destination:d", "d"),
            ("arn:aws:events:r:1:rule/bus/name", "name"),
            ("arn:aws:events:r:1:event-bus/bus", "bus"),
            ("arn:aws:firehose:r:1:deliverystream/d", "d"),
            ("arn:aws:s3:::b", "b"),
            ("arn:aws", "arn:aws"),
        ] {
            assert_eq!(delivery_name(text), name, "{text}");
        }
    }
}
