//! The pull job against a fake CloudTrail that behaves as LookupEvents is documented.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod fake_cloudtrail;
mod faults;
mod fixture;
mod laws;
mod leases;
mod lookup_window;
mod second_lookup;

use test_support::environment;
