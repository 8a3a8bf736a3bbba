//! A fake S3 in path style: put once, get, list, delete.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    hash::{DefaultHasher, Hasher as _},
    ops::Bound,
};

use super::{FakeAwsState, HttpRequest, HttpResponse, http::escape_xml};

/// Objects on a page of a list: few, so that there are pages.
const PAGE_SIZE: usize = 3;

/// When every object was written, as a header and in a list.
pub const LAST_MODIFIED: [&str; 2] = ["Sat, 21 Nov 2026 10:00:00 GMT", "2026-11-21T10:00:00.000Z"];

/// A bucket: versions of each key, the oldest first.
#[derive(Default)]
pub struct FakeBucket {
    pub objects: BTreeMap<String, Vec<Vec<u8>>>,
    /// Its region; empty: every region.
    pub region: String,
    /// Metadata by key, with the names that follow `x-amz-meta-`.
    pub metadata: BTreeMap<String, BTreeMap<String, String>>,
    /// Content types by key.
    pub content_types: BTreeMap<String, String>,
    /// Default retention of Object Lock as the XML of its period: `<Days>90</Days>`; empty: none.
    pub object_lock: String,
}

impl FakeBucket {
    /// Adds a version of an object.
    pub fn put(&mut self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.objects.entry(key.to_owned()).or_default().push(bytes.into());
    }

    /// The latest version of an object.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.objects.get(key)?.last().map(Vec::as_slice)
    }
}

pub fn etag(bytes: &[u8]) -> String {
    let mut hash = DefaultHasher::new();
    hash.write(bytes);
    format!("{:016x}", hash.finish())
}

pub fn serve(state: &mut FakeAwsState, name: &str, request: &HttpRequest) -> HttpResponse {
    let Some(bucket) = state.buckets.get_mut(request.bucket()) else {
        return HttpResponse::s3_error(404, "NoSuchBucket", "The specified bucket does not exist");
    };
    if !bucket.region.is_empty() && bucket.region != request.region() {
        return HttpResponse::s3_error(301, "PermanentRedirect", "The bucket is elsewhere")
            .with_header("x-amz-bucket-region", bucket.region.clone());
    }
    match name {
        "PutObject" => put(bucket, request),
        "GetObject" => get(bucket, request),
        "HeadObject" => head(bucket, request),
        "ListObjectsV2" => list(bucket, request),
        "DeleteObject" => {
            bucket.objects.remove(request.key());
            HttpResponse::new(204, "")
        }
        "GetObjectLockConfiguration" => object_lock(bucket),
        "CreateSession" => HttpResponse::new(
            200,
            "<CreateSessionResult><Credentials><AccessKeyId>ASIA111122223333</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>",
        ),
        other => HttpResponse::s3_error(501, "NotImplemented", other),
    }
}

fn object_lock(bucket: &FakeBucket) -> HttpResponse {
    if bucket.object_lock.is_empty() {
        let message = "Object Lock configuration does not exist for this bucket";
        return HttpResponse::s3_error(404, "ObjectLockConfigurationNotFoundError", message);
    }
    let body = format!(
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
         <Mode>COMPLIANCE</Mode>{}</DefaultRetention></Rule></ObjectLockConfiguration>",
        bucket.object_lock
    );
    HttpResponse::new(200, body)
}

fn put(bucket: &mut FakeBucket, request: &HttpRequest) -> HttpResponse {
    let checksum = request.headers.keys().any(|name| name.starts_with("x-amz-checksum-"));
    assert!(checksum, "uploads carry a checksum: {:?}", request.headers);
    if request.header("if-none-match") == Some("*") && bucket.objects.contains_key(request.key()) {
        return HttpResponse::s3_error(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions did not hold",
        );
    }
    bucket.put(request.key(), request.body.clone());
    let kind = request.header("content-type").unwrap_or_default();
    bucket.content_types.insert(request.key().to_owned(), kind.to_owned());
    HttpResponse::new(200, "").with_header("etag", format!("\"{}\"", etag(&request.body)))
}

pub fn get(bucket: &FakeBucket, request: &HttpRequest) -> HttpResponse {
    let missing = || HttpResponse::s3_error(404, "NoSuchKey", "The specified key does not exist.");
    let Some(versions) = bucket.objects.get(request.key()) else { return missing() };
    let bytes = match request.query.get("versionId") {
        None => versions.last(),
        Some(id) => id.strip_prefix('v').and_then(|number| versions.get(number.parse::<usize>().ok()?)),
    };
    let Some(bytes) = bytes else {
        return HttpResponse::s3_error(404, "NoSuchVersion", "The specified version does not exist.");
    };
    let etag = format!("\"{}\"", etag(bytes));
    if request.header("if-match").is_some_and(|wanted| wanted != etag) {
        return HttpResponse::s3_error(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions did not hold",
        );
    }
    let Some(range) = request.header("range") else {
        return HttpResponse::new(200, bytes.clone())
            .with_header("etag", etag)
            .with_header("last-modified", LAST_MODIFIED[0]);
    };
    let (first, last) =
        range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).expect("a range");
    let (first, last): (usize, usize) = (first.parse().expect("a number"), last.parse().expect("a number"));
    if first >= bytes.len() {
        return HttpResponse::s3_error(416, "InvalidRange", "The requested range is not satisfiable");
    }
    let last = last.min(bytes.len() - 1);
    HttpResponse::new(206, &bytes[first..=last])
        .with_header("etag", etag)
        .with_header("last-modified", LAST_MODIFIED[0])
        .with_header("content-range", format!("bytes {first}-{last}/{}", bytes.len()))
}

pub fn head(bucket: &FakeBucket, request: &HttpRequest) -> HttpResponse {
    // A response to HEAD has no body, so no code of the error either.
    let Some(bytes) = bucket.get(request.key()) else { return HttpResponse::new(404, "") };
    let mut answer = HttpResponse::new(200, bytes)
        .with_header("etag", format!("\"{}\"", etag(bytes)))
        .with_header("last-modified", LAST_MODIFIED[0]);
    for (name, value) in bucket.metadata.get(request.key()).into_iter().flatten() {
        let name: &'static str = match name.as_str() {
            "signature" => "x-amz-meta-signature",
            "signature-algorithm" => "x-amz-meta-signature-algorithm",
            "backfill-generation-timestamp" => "x-amz-meta-backfill-generation-timestamp",
            other => panic!("the tests use no metadata of the name {other}"),
        };
        answer = answer.with_header(name, value.clone());
    }
    answer
}

pub fn list(bucket: &FakeBucket, request: &HttpRequest) -> HttpResponse {
    let asked = |name: &str| request.query.get(name).map(String::as_str).unwrap_or_default();
    let (prefix, after) = (asked("prefix"), asked("continuation-token"));
    let from = if after.is_empty() { Bound::Unbounded } else { Bound::Excluded(after.to_owned()) };
    let found: Vec<_> = bucket
        .objects
        .range::<String, _>((from, Bound::Unbounded))
        .filter(|(key, _)| key.starts_with(prefix))
        .take(PAGE_SIZE + 1)
        .collect();
    let mut xml = String::from("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (key, versions) in found.iter().take(PAGE_SIZE) {
        let bytes = versions.last().expect("a version");
        let (key, etag) = (escape_xml(key), etag(bytes));
        let _ = write!(
            xml,
            "<Contents><Key>{key}</Key><ETag>&quot;{etag}&quot;</ETag><Size>{}</Size><LastModified>{}</LastModified></Contents>",
            bytes.len(),
            LAST_MODIFIED[1]
        );
    }
    let more = found.len() > PAGE_SIZE;
    let _ = write!(xml, "<IsTruncated>{more}</IsTruncated>");
    if more {
        let last = escape_xml(found[PAGE_SIZE - 1].0);
        let _ = write!(xml, "<NextContinuationToken>{last}</NextContinuationToken>");
    }
    xml.push_str("</ListBucketResult>");
    HttpResponse::xml(200, &xml)
}
