//! What watched principals could do, tried and did: the matrix, its findings, and what policies may not change.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod claims;
mod laws;
mod lineage;
mod rows;
mod silence;

use test_support::{events, policies};
