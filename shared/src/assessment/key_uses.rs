//! The use of KMS keys by AWS services in a principal's name.
//!
//! Enters: the tally, and a classified call. Leaves: the call, with the part that a service made as part of another
//! call classified as forwarded. Laws: a use that names its service is forwarded; one by `AWS Internal` is forwarded
//! only if the same principal made a call that uses keys in the same account and region at about the same time; the
//! causing call is classified itself, so forwarding hides no write.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::ClassifiedCall;
use crate::{
    classification::{Classification, Provenance},
    event::Outcome,
    operation::{Capabilities, Mutates, OperationType, RiskLevel},
    tally::{Tally, TallyLine, TimeBucket},
};

const KEY_USES: [&str; 5] =
    ["Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "Encrypt", "DescribeKey"];

/// What CloudTrail writes in `invokedBy` if it does not name the service.
const UNNAMED_SERVICE: &str = "AWS Internal";

/// Calls during which their service uses the caller's key, by "How AWS services use AWS KMS" in the KMS developer
/// guide (2026-10). A name may be a prefix, marked with `*`.
const CAUSES: [(&str, &[&str]); 9] = [
    ("ssm", &["GetParameter*", "PutParameter", "LabelParameterVersion", "StartSession", "SendCommand"]),
    (
        "secretsmanager",
        &[
            "GetSecretValue",
            "BatchGetSecretValue",
            "CreateSecret",
            "PutSecretValue",
            "UpdateSecret",
            "RotateSecret",
        ],
    ),
    (
        "s3",
        &[
            "GetObject*",
            "HeadObject",
            "SelectObjectContent",
            "PutObject",
            "CopyObject",
            "CreateMultipartUpload",
            "UploadPart*",
            "CompleteMultipartUpload",
        ],
    ),
    (
        "lambda",
        &[
            "GetFunction*",
            "Invoke*",
            "CreateFunction*",
            "UpdateFunction*",
            "ListFunctions*",
            "PublishVersion*",
        ],
    ),
    ("sqs", &["ReceiveMessage", "SendMessage*"]),
    (
        "dynamodb",
        &[
            "GetItem",
            "BatchGetItem",
            "Query",
            "Scan",
            "PutItem",
            "UpdateItem",
            "BatchWriteItem",
            "DescribeTable",
        ],
    ),
    ("logs", &["GetLogEvents", "FilterLogEvents", "StartQuery", "GetQueryResults", "PutLogEvents"]),
    ("codecommit", &["GitPull", "GitPush", "GetFile", "GetBlob", "GetFolder", "GetCommit"]),
    ("kinesis", &["GetRecords", "PutRecord*", "SubscribeToShard"]),
];

/// Principal, account and region.
type Caller<'a> = (&'a str, &'a str, &'a str);

/// The calls in the evidence that explain the use of a key.
pub(super) struct KeyUseCauses<'a> {
    services: BTreeMap<Caller<'a>, BTreeMap<TimeBucket, BTreeSet<&'static str>>>,
}

impl<'a> KeyUseCauses<'a> {
    /// The causing calls of a tally; none if no key was used by an unnamed service.
    pub(super) fn of(tally: &'a Tally) -> Self {
        let mut services: BTreeMap<Caller<'a>, BTreeMap<TimeBucket, BTreeSet<&'static str>>> =
            BTreeMap::new();
        let is_unnamed = |line: &TallyLine<'_>| line.call_key.invoked_by.as_deref() == Some(UNNAMED_SERVICE);
        if tally.lines().any(|line| is_unnamed(&line)) {
            for line in tally.lines() {
                let call_key = line.call_key;
                let own = call_key.invoked_by.is_none() && call_key.outcome != Outcome::Denied;
                if let Some(service) =
                    own.then(|| causing_service(&call_key.source, &call_key.name)).flatten()
                {
                    let buckets = services.entry(caller(&line)).or_default();
                    for (bucket, _) in line.buckets {
                        buckets.entry(*bucket).or_default().insert(service);
                    }
                }
            }
        }
        Self { services }
    }

    /// The services with calls that explain the use of a key by an unnamed service in a time bucket: those of the same
    /// quarter hour and of its neighbors, because the two records may lie on both sides of its end.
    fn services_at(&self, line: &TallyLine<'_>, bucket: TimeBucket) -> BTreeSet<&'static str> {
        let Some(buckets) = self.services.get(&caller(line)) else { return BTreeSet::new() };
        let near = |other: &TimeBucket| {
            let (start, end) = (bucket.start().0, bucket.end().0);
            other.start().0 <= end.saturating_add(1) && start <= other.end().0.saturating_add(1)
        };
        buckets.iter().filter(|(other, _)| near(other)).flat_map(|(_, services)| services).copied().collect()
    }

    /// The call, in parts: what a service made as part of another call is classified as forwarded.
    pub(super) fn split<'b>(&self, whole: ClassifiedCall<'b>) -> Vec<ClassifiedCall<'b>> {
        let Some(by) = whole.line.call_key.invoked_by.clone().filter(|_| is_key_use(&whole.classification))
        else {
            return vec![whole];
        };
        if is_service_name(&by) {
            return vec![forwarded(whole, Arc::clone(&by))];
        }
        if *by != *UNNAMED_SERVICE {
            return vec![whole];
        }
        let line = whole.line;
        let mut parts: BTreeMap<BTreeSet<&'static str>, BTreeSet<TimeBucket>> = BTreeMap::new();
        for (bucket, _) in whole.buckets() {
            parts.entry(self.services_at(&line, *bucket)).or_default().insert(*bucket);
        }
        let part = |(services, buckets): (BTreeSet<&'static str>, BTreeSet<TimeBucket>)| {
            let part = whole.subset(|bucket| buckets.contains(&bucket))?;
            let names: Vec<String> =
                services.iter().map(|service| format!("{service}.amazonaws.com")).collect();
            Some(if names.is_empty() { part } else { forwarded(part, names.join(", ").into()) })
        };
        if let [(services, _)] = parts.iter().collect::<Vec<_>>().as_slice()
            && services.is_empty()
        {
            return vec![whole];
        }
        parts.into_iter().filter_map(part).collect()
    }
}

/// The services that forwarded the use of a key, as `kms:ViaService` names them without the region.
pub fn forwarding_services(call: &ClassifiedCall<'_>) -> Vec<Arc<str>> {
    call.forwarded_by.as_deref().unwrap_or_default().split(", ").map(Into::into).collect()
}

/// Whether an IAM action, as `service:Name`, is one of the uses of a key that a service can make in a principal's
/// name.
pub fn is_key_use_action(action: &str) -> bool {
    action.strip_prefix("kms:").is_some_and(|name| KEY_USES.contains(&name))
}

fn caller<'a>(line: &TallyLine<'a>) -> Caller<'a> {
    let actor = line.actor;
    (&actor.principal.arn, &actor.account, &actor.region)
}

fn causing_service(source: &str, name: &str) -> Option<&'static str> {
    let host = source.strip_suffix(".amazonaws.com").or_else(|| source.strip_suffix(".amazonaws.com.cn"))?;
    let (service, names) = CAUSES.iter().find(|(service, _)| *service == host)?;
    let matches = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *pattern,
    };
    names.iter().any(matches).then_some(service)
}

fn is_service_name(name: &str) -> bool {
    name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn")
}

fn is_key_use(classification: &Classification) -> bool {
    classification.operation_type == OperationType::Privileged
        && classification.mutates == Mutates::No
        && classification.service == "kms"
        && KEY_USES.contains(&classification.operation.as_str())
}

fn forwarded(call: ClassifiedCall<'_>, services: Arc<str>) -> ClassifiedCall<'_> {
    let classification = Arc::new(Classification {
        operation_type: OperationType::ReadOnly,
        provenance: Provenance::Forwarded,
        risk_level: RiskLevel::Low,
        capabilities: Capabilities::empty(),
        reason: format!(
            "{services} made it on the principal's behalf as part of another call, which is classified itself"
        ),
        ..Classification::clone(&call.classification)
    });
    ClassifiedCall { classification, forwarded_by: Some(services), ..call }
}
