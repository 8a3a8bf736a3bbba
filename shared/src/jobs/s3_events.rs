//! Parses messages about new log files in S3.
//!
//! Enters: the body of a message, or an item of a state machine, as text. Leaves: an [`S3EventMessage`] with the
//! objects that were created, or an error that names the problem. Laws: every part of a message is an object, or
//! skipped and counted, or an error; no input panics.
//!
//! Formats, distinguished by content: an S3 event notification (keys URL-encoded); an EventBridge event `Object
//! Created` of S3 (keys as they are); CloudTrail's own notification of a delivery; any of these inside an SNS
//! notification; the test messages of S3 and CloudTrail; an item of a state machine, `{"bucket", "key", "etag",
//! "size"}`, or a batch of items, `{"BatchInput": {"bucket"}, "Items": [..]}`.

//!
//! Records, buckets and objects of S3 and the envelope of EventBridge are types of `aws_lambda_events`. Types of this
//! file stand where that crate has none (`Object Created`, CloudTrail's notification, items, test messages), or where
//! its type rejects a message for a field that Onlooker does not use: `S3EventRecord` requires `userIdentity` and
//! `requestParameters`, `SnsMessage` a signature. An object whose message is rejected is missing evidence.

use aws_lambda_events::{
    eventbridge::EventBridgeEvent,
    s3::{S3Bucket, S3Entity},
};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{ports::StoredObject, time::Time};

/// A parsed message about S3 objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3EventMessage {
    /// Objects that were created, in the order of the message.
    pub objects: Vec<ObjectCreated>,
    /// Skipped parts: events of removed or restored objects, and subscription confirmations.
    pub skipped: u64,
}

/// An object that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCreated {
    /// Named `s3://bucket/key`; its version is its ETag, then `/` and its version id if it has one.
    pub object: StoredObject,
    /// Key of the created object.
    pub key: String,
    /// When the object was created; `None` if the message does not contain the time.
    pub created_at: Option<Time>,
}

/// Why a message is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot parse the message: {0}")]
pub struct S3EventError(String);

/// A notification of SNS, without the fields that Onlooker does not use.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnsNotification {
    message: String,
}

/// A record of an S3 event notification, without the fields that Onlooker does not use.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct S3Record {
    event_source: String,
    event_name: Option<String>,
    event_time: Option<String>,
    s3: Option<S3Entity>,
}

/// The detail of an EventBridge event `Object Created`.
#[derive(Deserialize)]
struct ObjectCreatedDetail {
    bucket: S3Bucket,
    object: EventBridgeObject,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct EventBridgeObject {
    key: Option<String>,
    size: Option<i64>,
    etag: Option<String>,
    version_id: Option<String>,
}

/// CloudTrail's own notification of a delivery.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryNotification {
    s3_bucket: String,
    s3_object_key: Vec<String>,
}

/// A batch of items of a state machine.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ItemBatch {
    batch_input: Option<BatchInput>,
    items: Vec<BatchItem>,
}

#[derive(Deserialize)]
struct BatchInput {
    bucket: Option<String>,
}

/// An item of a state machine, with lower-case field names or those of `ListObjectsV2`.
#[derive(Deserialize)]
struct BatchItem {
    #[serde(alias = "Bucket")]
    bucket: Option<String>,
    #[serde(alias = "Key")]
    key: Option<String>,
    #[serde(alias = "Etag", alias = "ETag")]
    etag: Option<String>,
    #[serde(alias = "VersionId")]
    version: Option<String>,
    /// A number; a text if the item is a line of an inventory.
    #[serde(alias = "Size", default)]
    size: Value,
}

/// Parses a message in any of the formats that name S3 objects.
///
/// # Errors
/// [`S3EventError`].
pub fn parse(text: &str) -> Result<S3EventMessage, S3EventError> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| S3EventError(format!("not valid JSON: {error}")))?;
    match value.get("Type").and_then(Value::as_str) {
        Some("Notification") => {
            let SnsNotification { message } = typed(value, "the notification")?;
            let inner = serde_json::from_str(&message)
                .map_err(|error| S3EventError(format!("`Message` is not valid JSON: {error}")))?;
            parse_message(inner, "`Message`")
        }
        Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => {
            Ok(S3EventMessage { skipped: 1, ..S3EventMessage::default() })
        }
        _ => parse_message(value, "it"),
    }
}

/// Parses a message without an SNS envelope.
fn parse_message(value: Value, name: &str) -> Result<S3EventMessage, S3EventError> {
    let Value::Object(mut message) = value else {
        return Err(S3EventError(format!("{name} is not a JSON object")));
    };
    let mut parsed = S3EventMessage::default();
    let is = |name: &str, value: &str| message.get(name).and_then(Value::as_str) == Some(value);
    if is("Event", "s3:TestEvent") || is("message", "CloudTrail validation message.") {
        return Ok(parsed);
    }
    if let Some(records) = message.remove("Records") {
        for (n, record) in typed::<Vec<Value>>(records, "`Records`")?.into_iter().enumerate() {
            parsed.add_s3_record(record, &format!("Records[{n}]"))?;
        }
    } else if message.contains_key("detail-type") {
        parsed.add_event_bridge_event(message)?;
    } else if message.contains_key("s3ObjectKey") {
        let DeliveryNotification { s3_bucket, s3_object_key } = typed(message, "the delivery")?;
        for key in s3_object_key {
            parsed.objects.push(object_created(&s3_bucket, key, ObjectAttributes::default())?);
        }
    } else if message.contains_key("Items") {
        let ItemBatch { batch_input, items } = typed(message, "the batch")?;
        let bucket = batch_input.and_then(|input| input.bucket);
        for (n, item) in items.into_iter().enumerate() {
            parsed.objects.push(item.into_object(bucket.as_deref(), &format!("Items[{n}]."))?);
        }
    } else if ["key", "Key"].iter().any(|name| message.contains_key(*name)) {
        parsed.objects.push(typed::<BatchItem>(message, "the item")?.into_object(None, "")?);
    } else {
        return Err(S3EventError("the message format is not known".to_owned()));
    }
    Ok(parsed)
}

impl S3EventMessage {
    fn add_s3_record(&mut self, record: Value, path: &str) -> Result<(), S3EventError> {
        let record: S3Record = typed(record, &format!("`{path}`"))?;
        if record.event_source != "aws:s3" {
            let source = truncated(&record.event_source);
            return Err(S3EventError(format!("`{path}.eventSource` is `{source}`, not `aws:s3`")));
        }
        if !required(record.event_name, path, "eventName")?.starts_with("ObjectCreated:") {
            self.skipped += 1;
            return Ok(());
        }
        let S3Entity { bucket, object, .. } =
            record.s3.ok_or_else(|| S3EventError(format!("`{path}.s3` is missing")))?;
        let bucket = required(bucket.name, path, "s3.bucket.name")?;
        let key = url_decoded(&required(object.key, path, "s3.object.key")?)?;
        let attributes = ObjectAttributes {
            etag: object.e_tag,
            version: object.version_id,
            size: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            created_at: record.event_time.as_deref().and_then(Time::parse),
        };
        self.objects.push(object_created(&bucket, key, attributes)?);
        Ok(())
    }

    fn add_event_bridge_event(&mut self, message: Map<String, Value>) -> Result<(), S3EventError> {
        let event: EventBridgeEvent<Option<Value>> = typed(message, "the event")?;
        if event.source != "aws.s3" {
            return Err(S3EventError(format!("`source` is `{}`, not `aws.s3`", truncated(&event.source))));
        }
        if event.detail_type != "Object Created" {
            self.skipped += 1;
            return Ok(());
        }
        let ObjectCreatedDetail { bucket, object } = typed(event.detail.unwrap_or_default(), "`detail`")?;
        let bucket = required(bucket.name, "detail", "bucket.name")?;
        let key = required(object.key, "detail", "object.key")?;
        let attributes = ObjectAttributes {
            etag: object.etag,
            version: object.version_id,
            size: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            created_at: event.time.and_then(|time| u32::try_from(time.timestamp()).ok()).map(Time),
        };
        self.objects.push(object_created(&bucket, key, attributes)?);
        Ok(())
    }
}

impl BatchItem {
    fn into_object(self, bucket: Option<&str>, path: &str) -> Result<ObjectCreated, S3EventError> {
        let missing = |name: &str| S3EventError(format!("`{path}{name}` is missing"));
        let bucket = self.bucket.as_deref().or(bucket).ok_or_else(|| missing("bucket"))?;
        let key = self.key.ok_or_else(|| missing("key"))?;
        let size = self.size.as_u64().unwrap_or_default();
        let attributes = ObjectAttributes { etag: self.etag, version: self.version, size, created_at: None };
        object_created(bucket, key, attributes)
    }
}

/// The attributes of an object in an S3 event notification.
#[derive(Default)]
struct ObjectAttributes {
    etag: Option<String>,
    version: Option<String>,
    size: u64,
    created_at: Option<Time>,
}

fn object_created(
    bucket: &str,
    key: String,
    attributes: ObjectAttributes,
) -> Result<ObjectCreated, S3EventError> {
    if bucket.is_empty() || bucket.contains('/') || key.is_empty() {
        return Err(S3EventError(format!(
            "the bucket `{}` with the key `{}` is not a valid object name",
            truncated(bucket),
            truncated(&key)
        )));
    }
    let mut version = attributes.etag.as_deref().unwrap_or_default().trim_matches('"').to_owned();
    if let Some(id) = attributes.version.filter(|id| !id.is_empty()) {
        version = format!("{version}/{id}");
    }
    let object = StoredObject { name: format!("s3://{bucket}/{key}"), size: attributes.size, version };
    Ok(ObjectCreated { object, key, created_at: attributes.created_at })
}

fn typed<T: DeserializeOwned>(value: impl Into<Value>, name: &str) -> Result<T, S3EventError> {
    T::deserialize(value.into()).map_err(|error| S3EventError(format!("{name} is not valid: {error}")))
}

fn required(text: Option<String>, path: &str, name: &str) -> Result<String, S3EventError> {
    text.ok_or_else(|| S3EventError(format!("`{path}.{name}` is not a string")))
}

/// The beginning of a text, for an error message.
fn truncated(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Decodes a key of an S3 event notification: `+` is a space, `%XX` a byte.
fn url_decoded(text: &str) -> Result<String, S3EventError> {
    let with_spaces = text.replace('+', " ");
    let key = percent_decode_str(&with_spaces).decode_utf8().ok();
    // Each `%XX` became one byte. Any other `%` was left as it is.
    let is_decoded = |key: &str| key.len() + 2 * text.matches('%').count() == text.len();
    key.filter(|key| is_decoded(key))
        .map(Into::into)
        .ok_or_else(|| S3EventError(format!("the key `{}` is not URL-encoded", truncated(text))))
}

/// Whether a key belongs to another service that AWS delivers to log buckets: below `AWSLogs/`, in the folder of
/// another service, such as `Config` or `vpcflowlogs`; or is itself a folder. All other objects are read, and those
/// that cannot be parsed are reported as unreadable.
pub fn is_other_service(key: &str) -> bool {
    let mut parts = key.split('/').skip_while(|part| *part != "AWSLogs").skip(1).peekable();
    let is_organization = |part: &&str| part.starts_with("o-");
    parts.next_if(is_organization);
    let is_account = |part: &&str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
    let service = parts.next_if(is_account).and(parts.next());
    key.ends_with('/') || service.is_some_and(|service| !service.starts_with("CloudTrail"))
}

/// When CloudTrail delivered an object, according to its name: `..._20231110T0505Z_...`, and
/// `..._20231110T050508Z.json.gz` for digest files.
pub fn delivery_time(key: &str) -> Option<Time> {
    let (_, name) = key.rsplit_once('/').unwrap_or(("", key));
    name.split(['_', '.']).find_map(|word| {
        let (date, time) = word.strip_suffix('Z')?.split_once('T')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if date.len() != 8 || !matches!(time.len(), 4 | 6) || !digits(date) || !digits(time) {
            return None;
        }
        let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..)?);
        let (hour, minute, second) =
            (time.get(..2)?, time.get(2..4)?, time.get(4..).filter(|s| !s.is_empty()));
        Time::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{}Z", second.unwrap_or("00")))
    })
}

#[cfg(test)]
mod tests;
