//! What a message says of log objects.
//!
//! Enters: the body of a message, or an item of a state machine, as text. Leaves: a [`Notice`]: the objects it
//! announces, or an error that names what is wrong with it. Laws: every part of a message is an object, passed over
//! and counted, or an error; no input panics.
//!
//! Forms, told apart by content: an S3 event notification (keys URL-encoded); an EventBridge event `Object Created`
//! of S3 (keys as they are); CloudTrail's own notification of a delivery; any of these inside of an SNS
//! notification; the test messages of S3 and CloudTrail; an item of a state machine, `{"bucket", "key", "etag",
//! "size"}`, or a batch of them, `{"BatchInput": {"bucket"}, "Items": [..]}`.

use serde_json::{Map, Value};

use crate::{ports::Object, time::Time};

/// What a message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// Objects that were created, as they are named.
    pub objects: Vec<Announced>,
    /// What is said of other things: objects that were removed or restored, confirmations of subscriptions.
    pub passed_over: u64,
}

/// A log object that was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Named `s3://bucket/key`; its version is its ETag, then `/` and its version id if it has one.
    pub object: Object,
    /// Its key.
    pub key: String,
    /// When it was created, if the message says so.
    pub at: Option<Time>,
}

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot understand a message: {0}")]
pub struct NoticeError(String);

/// Reads a message.
///
/// # Errors
/// [`NoticeError`].
pub fn parse(text: &str) -> Result<Notice, NoticeError> {
    let value = serde_json::from_str(text).map_err(|error| NoticeError(format!("it is no JSON: {error}")))?;
    let message = object(&value, "it")?;
    match message.get("Type").and_then(Value::as_str) {
        Some("Notification") => {
            let inner = text_of(message, "Message", "")?;
            let value: Value = serde_json::from_str(inner)
                .map_err(|error| NoticeError(format!("`Message` is no JSON: {error}")))?;
            read(object(&value, "`Message`")?)
        }
        Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => {
            Ok(Notice { passed_over: 1, ..Notice::default() })
        }
        _ => read(message),
    }
}

/// Reads a message that is in no envelope.
fn read(message: &Map<String, Value>) -> Result<Notice, NoticeError> {
    let mut notice = Notice::default();
    let is = |name: &str, value: &str| message.get(name).and_then(Value::as_str) == Some(value);
    if is("Event", "s3:TestEvent") || is("message", "CloudTrail validation message.") {
        return Ok(notice);
    }
    if let Some(records) = message.get("Records") {
        for (n, record) in list(records, "Records")?.iter().enumerate() {
            from_s3(record, &format!("Records[{n}]"), &mut notice)?;
        }
    } else if message.contains_key("detail-type") {
        from_event_bridge(message, &mut notice)?;
    } else if let Some(keys) = message.get("s3ObjectKey") {
        let bucket = text_of(message, "s3Bucket", "")?;
        for (n, key) in list(keys, "s3ObjectKey")?.iter().enumerate() {
            let key = key.as_str().ok_or_else(|| NoticeError(format!("`s3ObjectKey[{n}]` is no text")))?;
            notice.objects.push(announced(bucket, key.to_owned(), Seen::default())?);
        }
    } else if let Some(items) = message.get("Items") {
        let bucket = message.get("BatchInput").and_then(|input| input.get("bucket")).and_then(Value::as_str);
        for (n, one) in list(items, "Items")?.iter().enumerate() {
            notice.objects.push(item(
                object(one, &format!("`Items[{n}]`"))?,
                bucket,
                &format!("Items[{n}]."),
            )?);
        }
    } else if ["key", "Key"].iter().any(|name| message.contains_key(*name)) {
        notice.objects.push(item(message, None, "")?);
    } else {
        return Err(NoticeError("it announces nothing that is known here".to_owned()));
    }
    Ok(notice)
}

/// One record of an S3 event notification.
fn from_s3(record: &Value, place: &str, notice: &mut Notice) -> Result<(), NoticeError> {
    let record = object(record, &format!("`{place}`"))?;
    let within = format!("{place}.");
    let source = text_of(record, "eventSource", &within)?;
    if source != "aws:s3" {
        return Err(NoticeError(format!("`{place}.eventSource` is `{}`, not `aws:s3`", short(source))));
    }
    if !text_of(record, "eventName", &within)?.starts_with("ObjectCreated:") {
        notice.passed_over += 1;
        return Ok(());
    }
    let s3 = member(record, "s3", &within)?;
    let bucket =
        text_of(member(s3, "bucket", &format!("{place}.s3."))?, "name", &format!("{place}.s3.bucket."))?;
    let about = member(s3, "object", &format!("{place}.s3."))?;
    let key = decoded(text_of(about, "key", &format!("{place}.s3.object."))?)?;
    let seen = Seen {
        etag: word(about, &["eTag"]),
        version: word(about, &["versionId"]),
        size: number(about, &["size"]),
        at: word(record, &["eventTime"]).and_then(Time::parse),
    };
    notice.objects.push(announced(bucket, key, seen)?);
    Ok(())
}

/// An event of S3 on EventBridge.
fn from_event_bridge(event: &Map<String, Value>, notice: &mut Notice) -> Result<(), NoticeError> {
    let source = text_of(event, "source", "")?;
    if source != "aws.s3" {
        return Err(NoticeError(format!("`source` is `{}`, not `aws.s3`", short(source))));
    }
    if text_of(event, "detail-type", "")? != "Object Created" {
        notice.passed_over += 1;
        return Ok(());
    }
    let detail = member(event, "detail", "")?;
    let bucket = text_of(member(detail, "bucket", "detail.")?, "name", "detail.bucket.")?;
    let about = member(detail, "object", "detail.")?;
    let seen = Seen {
        etag: word(about, &["etag"]),
        version: word(about, &["version-id"]),
        size: number(about, &["size"]),
        at: word(event, &["time"]).and_then(Time::parse),
    };
    notice.objects.push(announced(bucket, text_of(about, "key", "detail.object.")?.to_owned(), seen)?);
    Ok(())
}

/// An item of a state machine, in its own words or in those of `ListObjectsV2`.
fn item(item: &Map<String, Value>, bucket: Option<&str>, place: &str) -> Result<Announced, NoticeError> {
    let missing = |name: &str| NoticeError(format!("`{place}{name}` is missing, or no text"));
    let bucket = word(item, &["bucket", "Bucket"]).or(bucket).ok_or_else(|| missing("bucket"))?;
    let key = word(item, &["key", "Key"]).ok_or_else(|| missing("key"))?;
    let seen = Seen {
        etag: word(item, &["etag", "Etag", "ETag"]),
        version: word(item, &["version", "VersionId"]),
        size: number(item, &["size", "Size"]),
        at: None,
    };
    announced(bucket, key.to_owned(), seen)
}

/// What else is said of an object.
#[derive(Default)]
struct Seen<'a> {
    etag: Option<&'a str>,
    version: Option<&'a str>,
    size: u64,
    at: Option<Time>,
}

fn announced(bucket: &str, key: String, seen: Seen<'_>) -> Result<Announced, NoticeError> {
    if bucket.is_empty() || bucket.contains('/') || key.is_empty() {
        return Err(NoticeError(format!("`{}` with the key `{}` is no object", short(bucket), short(&key))));
    }
    let mut version = seen.etag.unwrap_or_default().trim_matches('"').to_owned();
    if let Some(id) = seen.version.filter(|id| !id.is_empty()) {
        version = format!("{version}/{id}");
    }
    let object = Object { name: format!("s3://{bucket}/{key}"), size: seen.size, version };
    Ok(Announced { object, key, at: seen.at })
}

fn object<'v>(value: &'v Value, name: &str) -> Result<&'v Map<String, Value>, NoticeError> {
    value.as_object().ok_or_else(|| NoticeError(format!("{name} is no JSON object")))
}

fn member<'v>(
    map: &'v Map<String, Value>,
    name: &str,
    place: &str,
) -> Result<&'v Map<String, Value>, NoticeError> {
    let value = map.get(name).ok_or_else(|| NoticeError(format!("`{place}{name}` is missing")))?;
    object(value, &format!("`{place}{name}`"))
}

fn text_of<'v>(map: &'v Map<String, Value>, name: &str, place: &str) -> Result<&'v str, NoticeError> {
    let value = map.get(name).ok_or_else(|| NoticeError(format!("`{place}{name}` is missing")))?;
    value.as_str().ok_or_else(|| NoticeError(format!("`{place}{name}` is no text")))
}

fn list<'v>(value: &'v Value, name: &str) -> Result<&'v Vec<Value>, NoticeError> {
    value.as_array().ok_or_else(|| NoticeError(format!("`{name}` is no list")))
}

fn word<'v>(map: &'v Map<String, Value>, names: &[&str]) -> Option<&'v str> {
    names.iter().find_map(|name| map.get(*name)).and_then(Value::as_str)
}

fn number(map: &Map<String, Value>, names: &[&str]) -> u64 {
    names.iter().find_map(|name| map.get(*name)).and_then(Value::as_u64).unwrap_or_default()
}

/// The beginning of a text, for an error.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A key as S3 writes it in its notifications, read back: `+` is a space, `%XX` a byte.
fn decoded(text: &str) -> Result<String, NoticeError> {
    let bad = || NoticeError(format!("the key `{}` is not URL-encoded", short(text)));
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

/// Whether a key is that of something else AWS delivers into buckets of logs: below `AWSLogs/`, in the folder of
/// another service, such as `Config` or `vpcflowlogs`; or of a folder itself. Everything else is read: what is in a
/// bucket of evidence and cannot be understood is told.
pub fn is_foreign(key: &str) -> bool {
    let mut parts = key.split('/').skip_while(|part| *part != "AWSLogs").skip(1).peekable();
    let is_organisation = |part: &&str| part.starts_with("o-");
    parts.next_if(is_organisation);
    let is_account = |part: &&str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
    let service = parts.next_if(is_account).and(parts.next());
    key.ends_with('/') || service.is_some_and(|service| !service.starts_with("CloudTrail"))
}

/// When CloudTrail delivered an object, by its name: `..._20231110T0505Z_...`, and `..._20231110T050508Z.json.gz`
/// for digests.
pub fn delivered(key: &str) -> Option<Time> {
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
