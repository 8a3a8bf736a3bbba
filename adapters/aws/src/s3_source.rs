//! S3 objects as a [`LogSource`].
//!
//! Enters: any number of `s3://bucket/prefix`, or the names of objects. Leaves: a [`LogSource`] of all objects below
//! them, in buckets of any account and region. Laws: the version that was listed is the version that is read; an
//! object that changed in between is an error and never evidence.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use aws_sdk_s3::{config::Region, error::SdkError};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::{
    error::{error_chain, port_error, sdk_error},
    s3_store::{LIST, READ, http_status},
    session::AwsSession,
};
use onlooker_core::ports::{LogSource, ObjectMetadata, PortError, PortErrorKind, StoredObject};

/// A location in S3: a bucket, and a key or key prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct S3Uri {
    /// Name of the S3 bucket, without `s3://`.
    pub bucket: String,
    /// Key or prefix; may be empty.
    pub key: String,
}

impl FromStr for S3Uri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")));
        match parts {
            Some((bucket, key)) if !bucket.is_empty() => {
                Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
            }
            _ => Err("not an S3 URI: write `s3://bucket/prefix`".to_owned()),
        }
    }
}

impl fmt::Display for S3Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// The version of an object as in [`StoredObject::version`]: its ETag, and its version id if the bucket is versioned.
pub fn object_version(etag: &str, id: Option<&str>) -> String {
    let etag = etag.trim_matches('"');
    match id {
        Some(id) if !id.is_empty() => format!("{etag}/{id}"),
        _ => etag.to_owned(),
    }
}

/// Objects in S3, named `s3://bucket/key`.
#[derive(Debug)]
pub struct S3Source {
    aws: AwsSession,
    locations: Vec<S3Uri>,
    /// Regions of buckets outside the region of the session.
    bucket_regions: Mutex<HashMap<String, String>>,
}

impl S3Source {
    /// All objects at or below these locations.
    pub fn new(aws: AwsSession, below: Vec<S3Uri>) -> Self {
        Self { aws, locations: below, bucket_regions: Mutex::default() }
    }

    fn list_location(
        &self,
        place: &S3Uri,
        found: &mut BTreeMap<String, StoredObject>,
    ) -> Result<(), PortError> {
        let mut token: Option<String> = None;
        loop {
            let page = self.in_bucket_region(&place.bucket, |config| {
                let list = self.aws.s3().list_objects_v2().bucket(&place.bucket).prefix(&place.key);
                let list = list.set_continuation_token(token.clone());
                self.aws.block_on(list.customize().config_override(config).send()).map_err(Box::new)
            });
            let page = page.map_err(|error| sdk_error(LIST, place.to_string(), &error))?;
            for object in page.contents.unwrap_or_default() {
                let Some(key) = object.key else { continue };
                let name = S3Uri { bucket: place.bucket.clone(), key }.to_string();
                let size = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
                let version = object.e_tag.map(|etag| object_version(&etag, None)).unwrap_or_default();
                found.insert(name.clone(), StoredObject { name, size, version });
            }
            token = page.next_continuation_token;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// Calls S3, and repeats the call in the region of the bucket if S3 reports another region.
    fn in_bucket_region<T, E>(
        &self,
        bucket: &str,
        call: impl Fn(aws_sdk_s3::config::Builder) -> Result<T, Box<SdkError<E, HttpResponse>>>,
    ) -> Result<T, Box<SdkError<E, HttpResponse>>> {
        let regions = || self.bucket_regions.lock().unwrap_or_else(PoisonError::into_inner);
        let config = |region: Option<String>| {
            let mut config = aws_sdk_s3::config::Builder::default();
            // Setting no region would remove the region of the session.
            if let Some(region) = region {
                config.set_region(Some(Region::new(region)));
            }
            config
        };
        let known = regions().get(bucket).cloned();
        let result = call(config(known.clone()));
        let Err(error) = &result else { return result };
        let said = error.raw_response().and_then(|response| response.headers().get("x-amz-bucket-region"));
        match said {
            Some(region) if known.as_deref().unwrap_or(self.aws.region()) != region => {
                let region = region.to_owned();
                regions().insert(bucket.to_owned(), region.clone());
                call(config(Some(region)))
            }
            _ => result,
        }
    }
}

impl ObjectMetadata for S3Source {
    fn metadata(&self, object: &StoredObject) -> Result<BTreeMap<String, String>, PortError> {
        let failure = |said: String| port_error(READ, &object.name, PortErrorKind::Other, said);
        let place: S3Uri = object.name.parse().map_err(failure)?;
        let head = self.in_bucket_region(&place.bucket, |config| {
            let head = self.aws.s3().head_object().bucket(&place.bucket).key(&place.key);
            self.aws.block_on(head.customize().config_override(config).send()).map_err(Box::new)
        });
        let head = head.map_err(|error| sdk_error(READ, &object.name, &error))?;
        Ok(head.metadata.unwrap_or_default().into_iter().collect())
    }
}

impl LogSource for S3Source {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        let mut found = BTreeMap::new();
        for place in &self.locations {
            self.list_location(place, &mut found)?;
        }
        Ok(found.into_values().collect())
    }

    fn is_named(&self, object: &StoredObject) -> bool {
        self.locations.iter().any(|location| location.to_string() == object.name)
    }

    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        bytes.clear();
        let failure = |kind, said: String| port_error(READ, &object.name, kind, said);
        let place: S3Uri = object.name.parse().map_err(|said: String| failure(PortErrorKind::Other, said))?;
        let (etag, id) = object.version.split_once('/').unwrap_or((&object.version, ""));
        let given = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
        let got = self.in_bucket_region(&place.bucket, |config| {
            let get = self.aws.s3().get_object().bucket(&place.bucket).key(&place.key);
            let get =
                get.set_version_id(given(id)).set_if_match(given(etag).map(|etag| format!("\"{etag}\"")));
            self.aws.block_on(get.customize().config_override(config).send()).map_err(Box::new)
        });
        let got = match got {
            Ok(got) => got,
            Err(error) if http_status(&error) == Some(412) => {
                return Err(failure(
                    PortErrorKind::Other,
                    "the object changed after it was listed".to_owned(),
                ));
            }
            Err(error) => return Err(sdk_error(READ, &object.name, &error)),
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let read = object_version(got.e_tag.as_deref().unwrap_or_default(), given(id).as_deref());
        let mut body = got.body;
        self.aws
            .block_on(async {
                while bytes.len() < most {
                    let Some(chunk) = body.try_next().await.map_err(|error| error_chain(&error))? else {
                        break;
                    };
                    let room = most.saturating_sub(bytes.len()).min(chunk.len());
                    bytes.extend_from_slice(chunk.get(..room).unwrap_or_default());
                }
                Ok(read)
            })
            .map_err(|said: String| failure(PortErrorKind::Unavailable, said))
    }
}
