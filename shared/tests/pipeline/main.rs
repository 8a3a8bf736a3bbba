//! The laws of the whole river, from events to the result of a report, and a slow obvious judge of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod coverage;
mod delivery;
mod laws;
mod objects;
mod promise;
mod reference_chains;
mod reference_report;
mod role_chains;
mod rules;
mod shards;

use test_support::{events, policies};
