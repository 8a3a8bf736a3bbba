//! The laws of the whole river, from events to the result of a report, and a slow obvious judge of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod chains;
mod coverage;
mod delivery;
mod judge;
mod laws;
mod lineage;
mod objects;
mod promise;
mod rules;
mod shards;

use test_support::{events, policies};
