//! The AWS adapters against a fake AWS on loopback, through the SDKs and HTTP as shipped.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod event_history;
mod failures;
mod kms_key;
mod laws;
mod notifications;
mod objects;
mod permissions;

use std::sync::Arc;

use aws_credential_types::Credentials;
use onlooker_aws::AwsSession;

use test_support::fake_aws::{self, ACCOUNT, FakeAws, REGION};

/// A fake AWS and a session connected to it.
struct AwsFixture {
    fake_aws: FakeAws,
    aws: AwsSession,
}

impl AwsFixture {
    fn new() -> Self {
        let fake_aws = FakeAws::start();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let aws = AwsSession::connect_with(Arc::new(runtime), |loader| {
            loader
                .endpoint_url(fake_aws.endpoint())
                .region(aws_config::Region::new(REGION))
                .credentials_provider(Credentials::new(ACCOUNT, "secret", None, None, "test"))
        });
        Self { fake_aws, aws }
    }

    /// With a table `t` and a bucket `b`.
    fn with_table_and_bucket() -> Self {
        let fixture = Self::new();
        fixture.fake_aws.state().tables.insert("t".to_owned(), Default::default());
        fixture.fake_aws.state().bucket("b");
        fixture
    }
}
