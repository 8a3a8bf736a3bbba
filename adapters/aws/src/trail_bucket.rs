//! The bucket of a trail, as a port.
//!
//! Enters: a session and the name of a bucket. Leaves: the objects below prefixes, and CloudTrail's public keys. Law: what is listed is
//! below the prefixes that the caller names, and nothing else of the bucket is read.

use super::{
    s3_source::{S3Source, S3Uri},
    session::AwsSession,
};
use onlooker_core::{
    log_integrity::PublicKeys,
    ports::{ObjectMetadata, PortError, TrailBucket},
    time::Time,
};

/// An S3 bucket to which a trail delivers.
#[derive(Clone, Debug)]
pub struct S3TrailBucket {
    aws: AwsSession,
    bucket: String,
}

impl S3TrailBucket {
    /// The bucket of this name.
    pub const fn new(aws: AwsSession, bucket: String) -> Self {
        Self { aws, bucket }
    }
}

impl TrailBucket for S3TrailBucket {
    fn below(&self, prefixes: &[String]) -> Box<dyn ObjectMetadata + '_> {
        let below = prefixes.iter().map(|key| S3Uri { bucket: self.bucket.clone(), key: key.clone() });
        Box::new(S3Source::new(self.aws.clone(), below.collect()))
    }

    fn public_keys(&self, region: &str, since: Time, until: Time) -> Result<PublicKeys, PortError> {
        self.aws.public_keys(region, since, until)
    }
}
