//! What watched principals could do, tried and did: the matrix, its findings, and what policies may not change.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod findings;
mod laws;
mod missing_evidence;
mod role_chains;
mod rows;

use test_support::{events, policies};
