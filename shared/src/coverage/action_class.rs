//! The event class in which CloudTrail records the use of an action.
//!
//! Enters: an action. Leaves: the name of its event class. Laws: every action has one; an action that the table does
//! not name counts as a management event. For a data action that the table does not name, the absence of events is
//! therefore taken as stronger evidence than it is.

use super::{Coverage, EventClassState, is_in_class};
use crate::{grants::Action, operation::Capabilities, pattern::matches};

/// Data plane actions, by the resource type under which CloudTrail logs them: those that most policies name, not all.
/// Types: AWS CloudTrail User Guide, table of data events, read 2026-11 in part. The actions of each type are our own
/// reading and were not checked against the page of every service.
const DATA_EVENT_ACTIONS: [(&str, &str, &[&str]); 16] = [
    (
        "s3",
        "AWS::S3::Object",
        &[
            "GetObject*",
            "PutObject*",
            "DeleteObject*",
            "AbortMultipartUpload",
            "ListMultipartUploadParts",
            "RestoreObject",
            "ReplicateObject",
            "ReplicateDelete",
            "ReplicateTags",
            "ListBucket",
            "ListBucketVersions",
            "ListBucketMultipartUploads",
            "BypassGovernanceRetention",
            "ObjectOwnerOverrideToBucketOwner",
        ],
    ),
    (
        "dynamodb",
        "AWS::DynamoDB::Table",
        &[
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "BatchGetItem",
            "BatchWriteItem",
            "Query",
            "Scan",
            "ConditionCheckItem",
            "PartiQL*",
        ],
    ),
    ("dynamodb", "AWS::DynamoDB::Stream", &["GetRecords", "GetShardIterator"]),
    ("lambda", "AWS::Lambda::Function", &["Invoke*"]),
    (
        "sqs",
        "AWS::SQS::Queue",
        &["SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"],
    ),
    ("sns", "AWS::SNS::Topic", &["Publish"]),
    (
        "kinesis",
        "AWS::Kinesis::Stream",
        &["PutRecord*", "GetRecords", "GetShardIterator", "SubscribeToShard"],
    ),
    (
        "ebs",
        "AWS::EC2::Snapshot",
        &["GetSnapshotBlock", "PutSnapshotBlock", "ListChangedBlocks", "ListSnapshotBlocks"],
    ),
    (
        "cognito-identity",
        "AWS::Cognito::IdentityPool",
        &[
            "GetId",
            "GetCredentialsForIdentity",
            "GetOpenIdToken",
            "GetOpenIdTokenForDeveloperIdentity",
            "UnlinkIdentity",
        ],
    ),
    ("rds-data", "AWS::RDS::DBCluster", &["*"]),
    ("cloudfront-keyvaluestore", "AWS::CloudFront::KeyValueStore", &["*"]),
    ("s3-outposts", "AWS::S3Outposts::Object", &["GetObject*", "PutObject*", "DeleteObject*", "ListBucket"]),
    (
        "s3-object-lambda",
        "AWS::S3ObjectLambda::AccessPoint",
        &["GetObject*", "PutObject*", "DeleteObject*", "WriteGetObjectResponse", "ListBucket"],
    ),
    ("s3express", "AWS::S3Express::Object", &["CreateSession"]),
    ("ssmmessages", "AWS::SSMMessages::ControlChannel", &["CreateControlChannel", "OpenControlChannel"]),
    ("xray", "AWS::XRay::Trace", &["PutTraceSegments", "GetTraceSummaries", "BatchGetTraces"]),
];

/// The class in which a use of the action is recorded: `data-read:TYPE`, `data-write:TYPE`, `management-read` or
/// `management-write`.
pub fn event_class_of(action: &Action) -> String {
    let data = DATA_EVENT_ACTIONS.iter().find(|(service, _, names)| {
        *service == action.service() && names.iter().any(|pattern| matches(pattern, action.name()))
    });
    let access =
        if action.capabilities.contains(Capabilities::MUTATE) || !action.is_known { "write" } else { "read" };
    match data {
        Some((_, kind, _)) => format!("data-{access}:{kind}"),
        None => format!("management-{access}"),
    }
}

impl Coverage {
    /// Whether a use of the action would be in the evidence, by the event classes known to be logged.
    pub fn would_record(&self, action: &Action) -> bool {
        let class = event_class_of(action);
        match self.event_classes.iter().find(|known| known.class == class) {
            Some(known) if known.state.is_logged() => true,
            _ => self
                .event_classes
                .iter()
                .any(|known| known.state == EventClassState::Configured && is_in_class(&class, &known.class)),
        }
    }
}
