//! The AWS adapters against an AWS of our own, through the SDKs and HTTP as they are shipped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod failures;
mod history;
mod laws;
mod news;
mod objects;
mod permissions;

use aws_credential_types::Credentials;
use onlooker_aws::AwsSession;
use tokio::runtime::Runtime;

use test_support::cloud::{self, ACCOUNT, Cloud, REGION};

/// A cloud and a connection to it.
struct Place {
    cloud: Cloud,
    aws: AwsSession,
    _runtime: Runtime,
}

impl Place {
    fn new() -> Self {
        let cloud = Cloud::start();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let aws = AwsSession::connect_with(runtime.handle().clone(), |loader| {
            loader
                .endpoint_url(cloud.endpoint())
                .region(aws_config::Region::new(REGION))
                .credentials_provider(Credentials::new(ACCOUNT, "secret", None, None, "test"))
        });
        Self { cloud, aws, _runtime: runtime }
    }

    /// With a table `t` and a bucket `b`.
    fn furnished() -> Self {
        let place = Self::new();
        place.cloud.state().tables.insert("t".to_owned(), Default::default());
        place.cloud.state().bucket("b");
        place
    }
}
