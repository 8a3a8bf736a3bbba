//! Support that several test programs share.
//!
//! - [`fake_aws`]: the part of AWS that Onlooker calls, on loopback.
//! - [`fake_google`]: Google Cloud Storage on loopback.
//! - [`environment`]: every port in memory or in a folder, a clock that a test moves, and faults on demand.
//! - [`iam`]: IAM, an organization and probes in memory.
//! - [`events`], [`policies`]: evidence and policies for the stages.
//! - [`schemas`]: the published schemas, and whether a value fits one.
//! - [`signed_trail`]: trails with signed digest files, and what may be done to them.
//! - [`test_data`]: labeled operations, policies and records, in the repository and outside it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "a test may fail"
)]

pub mod environment;
pub mod events;
pub mod fake_aws;
pub mod fake_google;
pub mod iam;
pub mod policies;
pub mod schemas;
pub mod signed_trail;
pub mod test_data;
