//! What watched principals could do, tried and did: the matrix, its findings, and what policies may not change.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod claims;
#[path = "../river/events.rs"]
#[allow(dead_code, reason = "the river's tests use more of it")]
mod events;
mod laws;
mod lineage;
#[path = "../river/policies.rs"]
mod policies;
mod rows;
mod silence;
