//! An S3 bucket as an [`ObjectStore`], an [`ObjectRemover`] and as [`LatestReports`].
//!
//! Enters: keys and bytes. Leaves: objects with the default encryption of the bucket and a checksum that S3 verifies.
//! Laws: an object of the store is never overwritten; a list is complete.

use std::{ops::Range, thread, time::Duration};

use aws_sdk_s3::{
    error::{ProvideErrorMetadata as _, SdkError},
    operation::put_object::builders::PutObjectFluentBuilder,
    primitives::ByteStream,
    types::ChecksumAlgorithm,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::{
    error::{error_chain, port_error, sdk_error},
    session::AwsSession,
};
use onlooker_core::ports::{
    LatestReports, ObjectRemover, ObjectStore, PortError, PortErrorKind, StoredObject,
};

pub(super) const READ: &str = "read (s3:GetObject)";
pub(super) const LIST: &str = "list (s3:ListBucket)";
const WRITE: &str = "write (s3:PutObject)";
const REMOVE: &str = "remove (s3:DeleteObject)";
const OBJECT_LOCK: &str = "read Object Lock of (s3:GetBucketObjectLockConfiguration)";

/// Error code for a bucket without Object Lock.
const NO_OBJECT_LOCK: &str = "ObjectLockConfigurationNotFoundError";

/// Object Lock counts a year as 365 days.
const DAYS_OF_YEAR: u32 = 365;

/// Attempts of a write that conflicts with another write of the same key.
const MAX_ATTEMPTS: u32 = 5;

/// An S3 bucket as an object store.
#[derive(Clone, Debug)]
pub struct S3Store {
    aws: AwsSession,
    bucket: String,
}

impl S3Store {
    pub(super) const fn new(aws: AwsSession, bucket: String) -> Self {
        Self { aws, bucket }
    }

    /// Name of the bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// The request that writes an object.
    fn put(&self, key: &str, bytes: &[u8], media_type: &str) -> PutObjectFluentBuilder {
        self.aws
            .s3()
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(media_type)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(bytes.to_vec()))
    }
}

impl ObjectStore for S3Store {
    /// See [`ObjectStore::create`]. A write that is retried after its response was lost returns `false`, since the
    /// object exists then; its content is the same.
    fn create(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<bool, PortError> {
        for attempt in 1..=MAX_ATTEMPTS {
            let put = self.put(key, bytes, media_type).if_none_match("*");
            let error = match self.aws.block_on(put.send()) {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            match http_status(&error) {
                Some(412) => return Ok(false),
                // Another process is writing the object: wait for the result.
                Some(409) if attempt < MAX_ATTEMPTS => thread::sleep(Duration::from_millis(100) * attempt),
                Some(409) => {
                    let said = "other writes of the object are still in progress; try again later";
                    return Err(port_error(WRITE, self.uri(key), PortErrorKind::Unavailable, said));
                }
                _ => return Err(sdk_error(WRITE, self.uri(key), &error)),
            }
        }
        Ok(false)
    }

    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError> {
        // An empty range cannot be requested, so one byte is read to check that the object exists.
        let last = |part: &Range<u64>| part.end.saturating_sub(1).max(part.start);
        let range = part.as_ref().map(|part| format!("bytes={}-{}", part.start, last(part)));
        let get = self.aws.s3().get_object().bucket(&self.bucket).key(key).set_range(range);
        let wanted = part.map_or(usize::MAX, |part| {
            usize::try_from(part.end.saturating_sub(part.start)).unwrap_or(usize::MAX)
        });
        self.aws.block_on(async {
            let got = match get.send().await {
                Ok(got) => got,
                // The range starts after the end of the object.
                Err(error) if http_status(&error) == Some(416) => return Ok(Vec::new()),
                Err(error) => return Err(sdk_error(READ, self.uri(key), &error)),
            };
            let cut = |said| port_error(READ, self.uri(key), PortErrorKind::Unavailable, said);
            let body = got.body.collect().await.map_err(|error| cut(error_chain(&error)))?;
            let mut bytes = body.to_vec();
            bytes.truncate(wanted);
            Ok(bytes)
        })
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
        self.list_at_most(prefix, usize::MAX)
    }

    /// See [`ObjectStore::list_at_most`]. S3 lists the keys of a general purpose bucket in their order, a thousand in a request.
    fn list_at_most(&self, prefix: &str, most: usize) -> Result<Vec<StoredObject>, PortError> {
        let mut objects = Vec::new();
        let mut token = None;
        loop {
            let list = self.aws.s3().list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let page = self.aws.block_on(list.set_continuation_token(token).send());
            let page = page.map_err(|error| sdk_error(LIST, self.uri(prefix), &error))?;
            objects.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| {
                Some(StoredObject {
                    name: object.key?,
                    size: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                    version: object.e_tag.map(|tag| tag.trim_matches('"').to_owned()).unwrap_or_default(),
                })
            }));
            token = page.next_continuation_token;
            if token.is_none() || objects.len() >= most {
                objects.sort_unstable();
                objects.truncate(most);
                return Ok(objects);
            }
        }
    }
}

impl ObjectRemover for S3Store {
    /// See [`ObjectRemover::remove`]. In a bucket that keeps versions the object has a delete marker afterwards.
    fn remove(&self, key: &str) -> Result<(), PortError> {
        let delete = self.aws.s3().delete_object().bucket(&self.bucket).key(key);
        let done = self.aws.block_on(delete.send());
        done.map(|_| ()).map_err(|error| sdk_error(REMOVE, self.uri(key), &error))
    }

    /// See [`ObjectRemover::locked_days`]: the default retention of the bucket's Object Lock.
    fn locked_days(&self) -> Result<Option<u32>, PortError> {
        let get = self.aws.s3().get_object_lock_configuration().bucket(&self.bucket);
        let got = match self.aws.block_on(get.send()) {
            Ok(got) => got,
            Err(error) if error.code() == Some(NO_OBJECT_LOCK) => return Ok(None),
            Err(error) => return Err(sdk_error(OBJECT_LOCK, self.uri(""), &error)),
        };
        let rule = got.object_lock_configuration.and_then(|lock| lock.rule?.default_retention);
        let days = |count: i32, days: u32| u32::try_from(count).ok().map(|count| count.saturating_mul(days));
        Ok(rule.and_then(|rule| match (rule.days, rule.years) {
            (Some(count), _) => days(count, 1),
            (None, years) => days(years?, DAYS_OF_YEAR),
        }))
    }
}

impl LatestReports for S3Store {
    fn replace(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<(), PortError> {
        let put = self.put(key, bytes, media_type).cache_control("no-cache");
        let done = self.aws.block_on(put.send());
        done.map(|_| ()).map_err(|error| sdk_error(WRITE, self.uri(key), &error))
    }
}

/// HTTP status of a failed call, if there was a response.
pub(super) fn http_status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}
