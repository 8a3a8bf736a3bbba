//! The access matrix (could, tried, did) of watched principals: rows, role chains, findings, missing evidence and
//! laws.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod findings;
mod laws;
mod missing_evidence;
mod role_chains;
mod rows;

use test_support::{events, policies};
