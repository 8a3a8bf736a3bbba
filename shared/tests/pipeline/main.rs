//! The pipeline from events to the result of a report: its laws, each rule, and a slow reference implementation.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod coverage;
mod delivery;
mod expected_places;
mod laws;
mod log_integrity;
mod objects;
mod omitted;
mod promise;
mod reference_chains;
mod reference_report;
mod role_chains;
mod rules;
mod shards;

use test_support::{events, policies};
