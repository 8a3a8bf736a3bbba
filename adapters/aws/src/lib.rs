//! AWS as source, store and sink.
//!
//! Enters: the AWS environment: region, credentials, endpoints, proxy. Leaves: adapters that implement the
//! [`onlooker_core::ports`]. Laws: nothing is connected to, read or loaded before it is needed; an error names the
//! operation with its IAM action, and keeps the message of AWS.
//!
//! The ports are synchronous: an adapter blocks its thread until the call is done. Never call them from an async task.

#![forbid(unsafe_code)]

mod attribute_value;
mod clock;
mod cross_account;
mod dynamodb_table;
mod error;
mod event_history;
mod http;
mod iam;
mod kms_key;
mod missing_credentials;
mod notification_sinks;
mod organization;
mod other_thread;
mod probe;
mod public_keys;
mod s3_source;
mod s3_store;
mod security_hub;
mod session;
mod signed_request;
mod stack_outputs;
mod trail_bucket;

pub use self::{
    clock::SystemClock,
    dynamodb_table::DynamoDbTable,
    event_history::EventHistory,
    iam::AccountPolicies,
    kms_key::KmsKey,
    missing_credentials::MissingCredentials,
    notification_sinks::{EventBus, SnsTopic},
    organization::OrganizationPolicies,
    other_thread::OtherThreadTable,
    probe::AwsProber,
    s3_source::{S3Source, S3Uri, object_version},
    s3_store::S3Store,
    security_hub::SecurityHub,
    session::AwsSession,
    trail_bucket::S3TrailBucket,
};
