//! The laws of the whole river, from events to the result of a report, and a slow obvious judge of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod chains;
mod coverage;
mod delivery;
mod events;
mod judge;
mod laws;
mod lineage;
mod objects;
#[allow(dead_code, reason = "tests of matrices use more of it")]
mod policies;
mod promise;
mod rules;
mod shards;
