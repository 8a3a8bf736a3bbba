//! The content of an event: where, by whom and what.
//!
//! Enters: [`Record`]. Leaves: [`Actor`] and [`Act`]. Laws: no text longer than [`LONGEST_TEXT`] is kept; a record
//! without event source, event name or an account to belong to is no event; equal fields give equal values.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value;

use super::{Act, Actor, EventClass, EventKind, Outcome, assumed};
use crate::{
    principal,
    record::{Fault, LONGEST_TEXT, MOST_RESOURCES, Reason, Record},
};

impl Actor {
    /// Where and by whom. The account is `recipientAccountId`, or, in records from before it was written (event
    /// versions to 1.01), `userIdentity.accountId`: those were delivered to the caller's account only.
    pub(crate) fn of(record: &Record<'_>) -> Result<Self, Fault> {
        let account = named(&record.recipient)
            .or_else(|| named(&record.identity.account))
            .ok_or(Fault::in_field(Reason::MissingField, "recipientAccountId"))?;
        let region = record.region.as_deref().unwrap_or_default();
        let (principal, session) = principal::of(&record.identity, region)?;
        Ok(Self {
            account: kept(account, "recipientAccountId")?,
            region: kept(region, "awsRegion")?,
            principal,
            session,
        })
    }
}

impl Act {
    /// What was done.
    pub(crate) fn of(record: &Record<'_>) -> Result<Self, Fault> {
        let source = required(&record.event_source, "eventSource")?;
        let name = required(&record.event_name, "eventName")?;
        let kind = kind(record);
        let mut outcome = Outcome::of_error(record.error_code.as_deref());
        if kind == EventKind::SignIn && outcome == Outcome::Succeeded && sign_in_failed(record) {
            outcome = Outcome::Failed;
        }
        Ok(Self {
            kind,
            class: class(record, &source)?,
            name,
            read_only: record.read_only,
            outcome,
            error_code: optional(&record.error_code, "errorCode")?,
            console: record.console == Some(true),
            invoked_by: optional(&record.identity.invoked_by, "invokedBy")?,
            resources: if only_read(record) { Arc::new([]) } else { resources(record)? },
            assumed: assumed(record).map(|name| Arc::from(&*name)),
            source,
        })
    }
}

fn kind(record: &Record<'_>) -> EventKind {
    match record.event_type.as_deref() {
        Some("AwsServiceEvent") => EventKind::ServiceEvent,
        Some("AwsConsoleSignIn" | "AwsConsoleSignin") => EventKind::SignIn,
        Some("AwsConsoleAction") => EventKind::ConsoleAction,
        None if record.event_name.as_deref() == Some("ConsoleLogin") => EventKind::SignIn,
        // Types not yet known are judged like calls: what is unknown is never passed over.
        _ => EventKind::ApiCall,
    }
}

/// Sign-ins carry their result in `responseElements`, as `{"ConsoleLogin":"Failure"}`.
fn sign_in_failed(record: &Record<'_>) -> bool {
    let response = record.response.and_then(|raw| serde_json::from_str::<Value>(raw).ok());
    let failed = |value: &Value| value.as_str() == Some("Failure");
    response.as_ref().and_then(Value::as_object).is_some_and(|response| response.values().any(failed))
}

fn class(record: &Record<'_>, source: &Arc<str>) -> Result<EventClass, Fault> {
    let s3_object = |kind: &str| kind == "AWS::S3::Object";
    let data = match record.event_category.as_deref() {
        Some("NetworkActivity") => return Ok(EventClass::Network(source.clone())),
        _ if record.event_type.as_deref() == Some("AwsVpceEvents") => {
            return Ok(EventClass::Network(source.clone()));
        }
        Some("Data") => true,
        Some("Management") => false,
        // Before event version 1.07 there is no category.
        _ => match record.management {
            Some(management) => !management,
            None => resource_kinds(record).any(s3_object),
        },
    };
    if data {
        return Ok(EventClass::Data(kept(data_type(record, source), "resources")?));
    }
    let read = record.read_only == Some(true);
    Ok(if read { EventClass::ManagementRead } else { EventClass::ManagementWrite })
}

fn resource_kinds<'r>(record: &'r Record<'_>) -> impl Iterator<Item = &'r str> {
    record.resources.iter().filter_map(|resource| named(&resource.kind))
}

/// The resource type a data event is logged under: the first that is not merely the bucket around an object, or,
/// when the record names none, the one its service had first.
fn data_type<'r>(record: &'r Record<'_>, source: &str) -> &'r str {
    let around = |kind: &&str| *kind != "AWS::S3::Bucket";
    match (resource_kinds(record).find(around), source) {
        (Some(kind), _) => kind,
        (None, "s3.amazonaws.com") => "AWS::S3::Object",
        (None, "lambda.amazonaws.com") => "AWS::Lambda::Function",
        (None, "dynamodb.amazonaws.com") => "AWS::DynamoDB::Table",
        (None, _) => "unknown",
    }
}

/// Whether the record says that it only read. CloudTrail says so of the assumption of roles too, which is no read, so
/// their resources are kept. It says so of the use of keys as well, of which there may be as many as there are events.
pub(crate) fn only_read(record: &Record<'_>) -> bool {
    record.read_only == Some(true) && record.event_source.as_deref() != Some("sts.amazonaws.com")
}

fn resources(record: &Record<'_>) -> Result<Arc<[Arc<str>]>, Fault> {
    if record.resources.len() > MOST_RESOURCES {
        return Err(Fault::in_field(Reason::FieldTooLong, "resources"));
    }
    let mut arns = Vec::new();
    for resource in &record.resources {
        // A resource without an ARN of its own is kept as one that no pattern over ARNs names.
        arns.push(kept(named(&resource.arn).unwrap_or("?"), "resources")?);
    }
    arns.sort_unstable();
    arns.dedup();
    Ok(arns.into())
}

/// Text that says something.
pub(crate) fn named<'t>(text: &'t Option<Cow<'_, str>>) -> Option<&'t str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// Text to keep.
pub(crate) fn kept(text: &str, field: &'static str) -> Result<Arc<str>, Fault> {
    if text.len() > LONGEST_TEXT {
        Err(Fault::in_field(Reason::FieldTooLong, field))
    } else {
        Ok(text.into())
    }
}

fn optional(text: &Option<Cow<'_, str>>, field: &'static str) -> Result<Option<Arc<str>>, Fault> {
    named(text).map(|text| kept(text, field)).transpose()
}

fn required(text: &Option<Cow<'_, str>>, field: &'static str) -> Result<Arc<str>, Fault> {
    optional(text, field)?.ok_or(Fault::in_field(Reason::MissingField, field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Resource;

    fn record<'a>() -> Record<'a> {
        Record {
            event_source: Some("s3.amazonaws.com".into()),
            event_name: Some("PutObject".into()),
            ..Record::default()
        }
    }

    fn resource<'a>(arn: &'a str, kind: &'a str) -> Resource<'a> {
        Resource { arn: Some(arn.into()), kind: Some(kind.into()) }
    }

    #[test]
    fn the_class_follows_category_then_flags_then_resources() {
        let class = |category: Option<&'static str>, management, read_only, kind: &'static str| {
            let resources = vec![resource("arn:b", "AWS::S3::Bucket"), resource("arn:o", kind)];
            let event_category = category.map(Cow::from);
            Act::of(&Record { event_category, management, read_only, resources, ..record() }).unwrap().class
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
    fn resources_are_kept_unless_the_record_only_read() {
        let resources = vec![resource("arn:b", ""), resource("arn:a", ""), resource("a\u{7}", "")];
        let resources = [resources.clone(), resources].concat();
        let act =
            |read_only| Act::of(&Record { read_only, resources: resources.clone(), ..record() }).unwrap();
        assert_eq!(act(None).resources, ["a\u{7}".into(), "arn:a".into(), "arn:b".into()].into());
        assert!(act(Some(true)).resources.is_empty());
    }

    #[test]
    fn a_sign_in_that_was_refused_failed() {
        let outcome = |response| {
            let event_type = Some("AwsConsoleSignIn".into());
            Act::of(&Record { event_type, response: Some(response), ..record() }).unwrap().outcome
        };
        assert_eq!(outcome(r#"{"ConsoleLogin":"Failure"}"#), Outcome::Failed);
        assert_eq!(outcome(r#"{"ConsoleLogin":"Success"}"#), Outcome::Succeeded);
        assert_eq!(outcome("5"), Outcome::Succeeded);
    }
}
