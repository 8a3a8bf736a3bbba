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

/// Parses a message.
///
/// # Errors
/// [`S3EventError`].
pub fn parse(text: &str) -> Result<S3EventMessage, S3EventError> {
    let value =
        serde_json::from_str(text).map_err(|error| S3EventError(format!("not valid JSON: {error}")))?;
    let message = as_object(&value, "it")?;
    match message.get("Type").and_then(Value::as_str) {
        Some("Notification") => {
            let inner = text_field(message, "Message", "")?;
            let value: Value = serde_json::from_str(inner)
                .map_err(|error| S3EventError(format!("`Message` is not valid JSON: {error}")))?;
            read_message(as_object(&value, "`Message`")?)
        }
        Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => {
            Ok(S3EventMessage { skipped: 1, ..S3EventMessage::default() })
        }
        _ => read_message(message),
    }
}

/// Parses a message without an SNS envelope.
fn read_message(message: &Map<String, Value>) -> Result<S3EventMessage, S3EventError> {
    let mut parsed = S3EventMessage::default();
    let is = |name: &str, value: &str| message.get(name).and_then(Value::as_str) == Some(value);
    if is("Event", "s3:TestEvent") || is("message", "CloudTrail validation message.") {
        return Ok(parsed);
    }
    if let Some(records) = message.get("Records") {
        for (n, record) in as_list(records, "Records")?.iter().enumerate() {
            read_s3_record(record, &format!("Records[{n}]"), &mut parsed)?;
        }
    } else if message.contains_key("detail-type") {
        read_event_bridge_event(message, &mut parsed)?;
    } else if let Some(keys) = message.get("s3ObjectKey") {
        let bucket = text_field(message, "s3Bucket", "")?;
        for (n, key) in as_list(keys, "s3ObjectKey")?.iter().enumerate() {
            let key =
                key.as_str().ok_or_else(|| S3EventError(format!("`s3ObjectKey[{n}]` is not a string")))?;
            parsed.objects.push(object_created(bucket, key.to_owned(), ObjectAttributes::default())?);
        }
    } else if let Some(items) = message.get("Items") {
        let bucket = message.get("BatchInput").and_then(|input| input.get("bucket")).and_then(Value::as_str);
        for (n, one) in as_list(items, "Items")?.iter().enumerate() {
            parsed.objects.push(read_item(
                as_object(one, &format!("`Items[{n}]`"))?,
                bucket,
                &format!("Items[{n}]."),
            )?);
        }
    } else if ["key", "Key"].iter().any(|name| message.contains_key(*name)) {
        parsed.objects.push(read_item(message, None, "")?);
    } else {
        return Err(S3EventError("the message format is not known".to_owned()));
    }
    Ok(parsed)
}

/// Parses a record of an S3 event notification.
fn read_s3_record(record: &Value, path: &str, parsed: &mut S3EventMessage) -> Result<(), S3EventError> {
    let record = as_object(record, &format!("`{path}`"))?;
    let within = format!("{path}.");
    let source = text_field(record, "eventSource", &within)?;
    if source != "aws:s3" {
        return Err(S3EventError(format!("`{path}.eventSource` is `{}`, not `aws:s3`", truncated(source))));
    }
    if !text_field(record, "eventName", &within)?.starts_with("ObjectCreated:") {
        parsed.skipped += 1;
        return Ok(());
    }
    let s3 = object_field(record, "s3", &within)?;
    let bucket = text_field(
        object_field(s3, "bucket", &format!("{path}.s3."))?,
        "name",
        &format!("{path}.s3.bucket."),
    )?;
    let about = object_field(s3, "object", &format!("{path}.s3."))?;
    let key = url_decoded(text_field(about, "key", &format!("{path}.s3.object."))?)?;
    let attributes = ObjectAttributes {
        etag: first_text(about, &["eTag"]),
        version: first_text(about, &["versionId"]),
        size: first_number(about, &["size"]),
        created_at: first_text(record, &["eventTime"]).and_then(Time::parse),
    };
    parsed.objects.push(object_created(bucket, key, attributes)?);
    Ok(())
}

/// Parses an S3 event from EventBridge.
fn read_event_bridge_event(
    event: &Map<String, Value>,
    parsed: &mut S3EventMessage,
) -> Result<(), S3EventError> {
    let source = text_field(event, "source", "")?;
    if source != "aws.s3" {
        return Err(S3EventError(format!("`source` is `{}`, not `aws.s3`", truncated(source))));
    }
    if text_field(event, "detail-type", "")? != "Object Created" {
        parsed.skipped += 1;
        return Ok(());
    }
    let detail = object_field(event, "detail", "")?;
    let bucket = text_field(object_field(detail, "bucket", "detail.")?, "name", "detail.bucket.")?;
    let about = object_field(detail, "object", "detail.")?;
    let attributes = ObjectAttributes {
        etag: first_text(about, &["etag"]),
        version: first_text(about, &["version-id"]),
        size: first_number(about, &["size"]),
        created_at: first_text(event, &["time"]).and_then(Time::parse),
    };
    parsed.objects.push(object_created(
        bucket,
        text_field(about, "key", "detail.object.")?.to_owned(),
        attributes,
    )?);
    Ok(())
}

/// Parses an item of a state machine, with lower-case field names or those of `ListObjectsV2`.
fn read_item(
    item: &Map<String, Value>,
    bucket: Option<&str>,
    path: &str,
) -> Result<ObjectCreated, S3EventError> {
    let missing = |name: &str| S3EventError(format!("`{path}{name}` is missing or not a string"));
    let bucket = first_text(item, &["bucket", "Bucket"]).or(bucket).ok_or_else(|| missing("bucket"))?;
    let key = first_text(item, &["key", "Key"]).ok_or_else(|| missing("key"))?;
    let attributes = ObjectAttributes {
        etag: first_text(item, &["etag", "Etag", "ETag"]),
        version: first_text(item, &["version", "VersionId"]),
        size: first_number(item, &["size", "Size"]),
        created_at: None,
    };
    object_created(bucket, key.to_owned(), attributes)
}

/// Attributes of an object.
#[derive(Default)]
struct ObjectAttributes<'a> {
    etag: Option<&'a str>,
    version: Option<&'a str>,
    size: u64,
    created_at: Option<Time>,
}

fn object_created(
    bucket: &str,
    key: String,
    attributes: ObjectAttributes<'_>,
) -> Result<ObjectCreated, S3EventError> {
    if bucket.is_empty() || bucket.contains('/') || key.is_empty() {
        return Err(S3EventError(format!(
            "the bucket `{}` with the key `{}` is not a valid object name",
            truncated(bucket),
            truncated(&key)
        )));
    }
    let mut version = attributes.etag.unwrap_or_default().trim_matches('"').to_owned();
    if let Some(id) = attributes.version.filter(|id| !id.is_empty()) {
        version = format!("{version}/{id}");
    }
    let object = StoredObject { name: format!("s3://{bucket}/{key}"), size: attributes.size, version };
    Ok(ObjectCreated { object, key, created_at: attributes.created_at })
}

fn as_object<'v>(value: &'v Value, name: &str) -> Result<&'v Map<String, Value>, S3EventError> {
    value.as_object().ok_or_else(|| S3EventError(format!("{name} is not a JSON object")))
}

fn object_field<'v>(
    map: &'v Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<&'v Map<String, Value>, S3EventError> {
    let value = map.get(name).ok_or_else(|| S3EventError(format!("`{path}{name}` is missing")))?;
    as_object(value, &format!("`{path}{name}`"))
}

fn text_field<'v>(map: &'v Map<String, Value>, name: &str, path: &str) -> Result<&'v str, S3EventError> {
    let value = map.get(name).ok_or_else(|| S3EventError(format!("`{path}{name}` is missing")))?;
    value.as_str().ok_or_else(|| S3EventError(format!("`{path}{name}` is not a string")))
}

fn as_list<'v>(value: &'v Value, name: &str) -> Result<&'v Vec<Value>, S3EventError> {
    value.as_array().ok_or_else(|| S3EventError(format!("`{name}` is not a list")))
}

fn first_text<'v>(map: &'v Map<String, Value>, names: &[&str]) -> Option<&'v str> {
    names.iter().find_map(|name| map.get(*name)).and_then(Value::as_str)
}

fn first_number(map: &Map<String, Value>, names: &[&str]) -> u64 {
    names.iter().find_map(|name| map.get(*name)).and_then(Value::as_u64).unwrap_or_default()
}

/// The beginning of a text, for an error message.
fn truncated(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Decodes a key of an S3 event notification: `+` is a space, `%XX` a byte.
fn url_decoded(text: &str) -> Result<String, S3EventError> {
    let bad = || S3EventError(format!("the key `{}` is not URL-encoded", truncated(text)));
    let mut bytes = text.bytes();
    let mut key = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        key.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) = (digit().ok_or_else(bad)?, digit().ok_or_else(bad)?);
                u8::try_from(high << 4 | low).map_err(|_| bad())?
            }
            _ => byte,
        });
    }
    String::from_utf8(key).map_err(|_| bad())
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
