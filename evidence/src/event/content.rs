//! The content of an event: actor and call key.
//!
//! Enters: [`Record`]. Leaves: [`Actor`] and [`CallKey`]. Laws: text longer than [`MAX_TEXT_BYTES`] makes a record
//! unreadable; so does a missing event source, event name or account; equal fields give equal values.

use std::{borrow::Cow, sync::Arc};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Actor, CallKey, CallResult, EventClass, EventKind, Outcome, delivery_resources,
    identity::resolve_identity, issued_credentials::issued_credentials_arn,
};
use crate::record::{MAX_RESOURCES, MAX_TEXT_BYTES, Record, RecordError, RequestFeatures, UnreadableReason};

impl Actor {
    /// The actor of `record`. The account is `recipientAccountId`. Records up to event version 1.01 do not have it;
    /// their account is `userIdentity.accountId`, because they were delivered to the caller's account only.
    pub(crate) fn of(record: &Record<'_>) -> Result<Self, RecordError> {
        let account = non_empty(&record.recipient_account_id)
            .or_else(|| non_empty(&record.user_identity.account_id))
            .ok_or(RecordError::in_field(UnreadableReason::MissingField, "recipientAccountId"))?;
        let region = record.region.as_deref().unwrap_or_default();
        let (principal, session) = resolve_identity(&record.user_identity, account, region)?;
        Ok(Self {
            account: bounded_text(account, "recipientAccountId")?,
            region: bounded_text(region, "awsRegion")?,
            principal,
            session,
        })
    }
}

impl CallKey {
    /// The call key of `record`.
    pub(crate) fn of(record: &Record<'_>) -> Result<Self, RecordError> {
        let source = required(&record.event_source, "eventSource")?;
        let name = required(&record.event_name, "eventName")?;
        let kind = event_kind(record);
        let CallResult { mut outcome, denied_by, denied_action } = CallResult::of(record);
        if kind == EventKind::SignIn && outcome == Outcome::Succeeded && sign_in_failed(record) {
            outcome = Outcome::Failed;
        }
        Ok(Self {
            kind,
            class: event_class(record, &source)?,
            name,
            read_only: record.read_only,
            outcome,
            error_code: optional(&record.error_code, "errorCode")?,
            is_console_session: record.session_credential_from_console == Some(true),
            invoked_by: optional(&record.user_identity.invoked_by, "invokedBy")?,
            resources: if keeps_resources(record) { resource_arns(record)? } else { Arc::new([]) },
            issued_credentials_arn: issued_credentials_arn(record).map(|name| Arc::from(&*name)),
            denied_by,
            denied_action: denied_action.map(Arc::from),
            request_features: RequestFeatures::of(record),
            delivery_resources: delivery_resources(record)
                .iter()
                .map(|name| bounded_text(name, "requestParameters"))
                .collect::<Result<_, _>>()?,
            source,
        })
    }
}

fn event_kind(record: &Record<'_>) -> EventKind {
    match record.event_type.as_deref() {
        Some("AwsServiceEvent") => EventKind::ServiceEvent,
        Some("AwsConsoleSignIn" | "AwsConsoleSignin") => EventKind::SignIn,
        Some("AwsConsoleAction") => EventKind::ConsoleAction,
        None if record.event_name.as_deref() == Some("ConsoleLogin") => EventKind::SignIn,
        // Unknown event types are classified like API calls, so that no event is skipped.
        _ => EventKind::ApiCall,
    }
}

/// Sign-in events have their result in `responseElements`, as `{"ConsoleLogin":"Failure"}`.
fn sign_in_failed(record: &Record<'_>) -> bool {
    let response = record.response_elements.and_then(|raw| serde_json::from_str::<Value>(raw).ok());
    let failed = |value: &Value| value.as_str() == Some("Failure");
    response.as_ref().and_then(Value::as_object).is_some_and(|response| response.values().any(failed))
}

fn event_class(record: &Record<'_>, source: &Arc<str>) -> Result<EventClass, RecordError> {
    let s3_object = |kind: &str| kind == "AWS::S3::Object";
    let data = match record.event_category.as_deref() {
        Some("NetworkActivity") => return Ok(EventClass::Network(source.clone())),
        // The CloudTrail User Guide writes both: the one in its text, the other in its example.
        _ if matches!(record.event_type.as_deref(), Some("AwsVpceEvents" | "AwsVpceEvent")) => {
            return Ok(EventClass::Network(source.clone()));
        }
        Some("Data") => true,
        Some("Management") => false,
        // Records before event version 1.07 do not have a category.
        _ => match record.management_event {
            Some(management) => !management,
            None => resource_types(record).any(s3_object),
        },
    };
    if data {
        return Ok(EventClass::Data(bounded_text(data_type(record, source), "resources")?));
    }
    let read = record.read_only == Some(true);
    Ok(if read { EventClass::ManagementRead } else { EventClass::ManagementWrite })
}

fn resource_types<'r>(record: &'r Record<'_>) -> impl Iterator<Item = &'r str> {
    record.resources.iter().filter_map(|resource| non_empty(&resource.kind))
}

/// The resource type under which a data event is logged: the first type in the record that is not the bucket of an
/// object. If the record has none, the first type that its service supported.
fn data_type<'r>(record: &'r Record<'_>, source: &str) -> &'r str {
    let around = |kind: &&str| *kind != "AWS::S3::Bucket";
    match (resource_types(record).find(around), source) {
        (Some(kind), _) => kind,
        (None, "s3.amazonaws.com") => "AWS::S3::Object",
        (None, "lambda.amazonaws.com") => "AWS::Lambda::Function",
        (None, "dynamodb.amazonaws.com") => "AWS::DynamoDB::Table",
        (None, _) => "unknown",
    }
}

/// Whether the record has `readOnly=true` and is not an STS record. CloudTrail marks `AssumeRole` as read-only
/// although it issues credentials, so the resources of STS records are kept. CloudTrail marks the use of KMS keys as
/// read-only too; those resources are not kept, because there may be as many of them as events.
pub(crate) fn is_read_only_record(record: &Record<'_>) -> bool {
    record.read_only == Some(true) && record.event_source.as_deref() != Some("sts.amazonaws.com")
}

/// Whether the resources of the record are kept: those of a record that is not read-only, and those of a read of secrets, because
/// a finding says which secrets were read.
pub(crate) fn keeps_resources(record: &Record<'_>) -> bool {
    !is_read_only_record(record) || reads_secrets(record)
}

fn reads_secrets(record: &Record<'_>) -> bool {
    match (record.event_source.as_deref(), record.event_name.as_deref()) {
        (Some("secretsmanager.amazonaws.com"), Some("GetSecretValue" | "BatchGetSecretValue")) => true,
        (Some("ssm.amazonaws.com"), Some(name)) => name.starts_with("GetParameter"),
        _ => false,
    }
}

/// The secrets that the request of a read names, if the record has no resources. Records of AWS Secrets Manager have none;
/// stored records of 2023 and 2024, read 2026-11.
pub(crate) fn named_secrets(record: &Record<'_>) -> Vec<String> {
    /// `requestParameters` of a read of secrets.
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct SecretRequest {
        secret_id: Option<String>,
        secret_id_list: Vec<String>,
    }

    if !record.resources.is_empty() || !reads_secrets(record) {
        return Vec::new();
    }
    let request = record.request_parameters.and_then(|raw| serde_json::from_str::<SecretRequest>(raw).ok());
    let SecretRequest { secret_id, secret_id_list } = request.unwrap_or_default();
    secret_id.into_iter().chain(secret_id_list).filter(|named| !named.is_empty()).collect()
}

fn resource_arns(record: &Record<'_>) -> Result<Arc<[Arc<str>]>, RecordError> {
    if record.resources.len() > MAX_RESOURCES {
        return Err(RecordError::in_field(UnreadableReason::FieldTooLong, "resources"));
    }
    let secrets = named_secrets(record);
    // A long name is cut: the call counts without it too.
    let cut =
        |name: &String| Arc::from(name.get(..name.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or_default());
    let mut arns: Vec<Arc<str>> = secrets.iter().take(MAX_RESOURCES).map(cut).collect();
    for resource in &record.resources {
        // A resource without an ARN is kept as `?`, which no ARN pattern matches.
        arns.push(bounded_text(non_empty(&resource.arn).unwrap_or("?"), "resources")?);
    }
    arns.sort_unstable();
    arns.dedup();
    Ok(arns.into())
}

/// The text, if it is present and not empty.
pub(crate) fn non_empty<'t>(text: &'t Option<Cow<'_, str>>) -> Option<&'t str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// The text as a shared value, if it is not longer than [`MAX_TEXT_BYTES`].
pub(crate) fn bounded_text(text: &str, field: &'static str) -> Result<Arc<str>, RecordError> {
    if text.len() > MAX_TEXT_BYTES {
        Err(RecordError::in_field(UnreadableReason::FieldTooLong, field))
    } else {
        Ok(text.into())
    }
}

fn optional(text: &Option<Cow<'_, str>>, field: &'static str) -> Result<Option<Arc<str>>, RecordError> {
    non_empty(text).map(|text| bounded_text(text, field)).transpose()
}

fn required(text: &Option<Cow<'_, str>>, field: &'static str) -> Result<Arc<str>, RecordError> {
    optional(text, field)?.ok_or(RecordError::in_field(UnreadableReason::MissingField, field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RecordResource;

    fn record<'a>() -> Record<'a> {
        Record {
            event_source: Some("s3.amazonaws.com".into()),
            event_name: Some("PutObject".into()),
            ..Record::default()
        }
    }

    fn resource<'a>(arn: &'a str, kind: &'a str) -> RecordResource<'a> {
        RecordResource { arn: Some(arn.into()), kind: Some(kind.into()) }
    }

    #[test]
    fn the_event_class_follows_category_then_flags_then_resources() {
        let class = |category: Option<&'static str>, management, read_only, kind: &'static str| {
            let resources = vec![resource("arn:b", "AWS::S3::Bucket"), resource("arn:o", kind)];
            let event_category = category.map(Cow::from);
            CallKey::of(&Record {
                event_category,
                management_event: management,
                read_only,
                resources,
                ..record()
            })
            .unwrap()
            .class
        };
        let object = EventClass::Data("AWS::S3::Object".into());
        assert_eq!(class(Some("Data"), None, None, "AWS::S3::Object"), object);
        assert_eq!(class(None, Some(false), None, "AWS::S3::Object"), object);
        assert_eq!(class(None, None, None, "AWS::S3::Object"), object);
        assert_eq!(class(Some("Data"), None, None, "AWS::S3::Bucket"), object);
        assert_eq!(class(Some("Management"), None, Some(true), "x"), EventClass::ManagementRead);
        assert_eq!(class(None, Some(true), None, "x"), EventClass::ManagementWrite);
        let network = EventClass::Network("s3.amazonaws.com".into());
        assert_eq!(class(Some("NetworkActivity"), Some(false), Some(true), "x"), network);
    }

    #[test]
    fn resources_are_kept_unless_the_record_is_read_only() {
        let resources = vec![resource("arn:b", ""), resource("arn:a", ""), resource("a\u{7}", "")];
        let resources = [resources.clone(), resources].concat();
        let call_key =
            |read_only| CallKey::of(&Record { read_only, resources: resources.clone(), ..record() }).unwrap();
        assert_eq!(call_key(None).resources, ["a\u{7}".into(), "arn:a".into(), "arn:b".into()].into());
        assert!(call_key(Some(true)).resources.is_empty());
    }

    #[test]
    fn the_secrets_that_were_read_are_kept() {
        let resources = |source: &'static str, name: &'static str, arn: Option<&'static str>, request| {
            let record = Record {
                event_source: Some(source.into()),
                event_name: Some(name.into()),
                read_only: Some(true),
                resources: arn.map(|arn| resource(arn, "")).into_iter().collect(),
                request_parameters: request,
                ..Record::default()
            };
            CallKey::of(&record).unwrap().resources.iter().map(|arn| arn.to_string()).collect::<Vec<_>>()
        };
        let (secrets, parameters) = ("secretsmanager.amazonaws.com", "ssm.amazonaws.com");
        let one = Some(r#"{"secretId":"arn:s","versionId":"v"}"#);
        assert_eq!(resources(secrets, "GetSecretValue", None, one), ["arn:s"]);
        assert_eq!(resources(secrets, "GetSecretValue", Some("arn:r"), one), ["arn:r"]);
        let some = Some(r#"{"secretIdList":["b","a"]}"#);
        assert_eq!(resources(secrets, "BatchGetSecretValue", None, some), ["a", "b"]);
        assert_eq!(resources(parameters, "GetParameter", Some("arn:p"), None), ["arn:p"]);
        for (source, name, request) in [
            (secrets, "DescribeSecret", one),
            (secrets, "GetSecretValue", Some(r#"{"secretId":5}"#)),
            (parameters, "DescribeParameters", None),
            ("kms.amazonaws.com", "GetSecretValue", one),
        ] {
            assert!(resources(source, name, None, request).is_empty(), "{source} {name}");
        }
    }

    #[test]
    fn a_sign_in_with_a_failure_response_is_failed() {
        let outcome = |response| {
            let event_type = Some("AwsConsoleSignIn".into());
            CallKey::of(&Record { event_type, response_elements: Some(response), ..record() })
                .unwrap()
                .outcome
        };
        assert_eq!(outcome(r#"{"ConsoleLogin":"Failure"}"#), Outcome::Failed);
        assert_eq!(outcome(r#"{"ConsoleLogin":"Success"}"#), Outcome::Succeeded);
        assert_eq!(outcome("5"), Outcome::Succeeded);
    }
}
