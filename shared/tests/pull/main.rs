//! The pull job against a CloudTrail of our own, which behaves as LookupEvents is documented to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod bench;
mod cloudtrail;
mod faults;
mod holders;
mod late;
mod laws;
mod window;

use test_support::world;
