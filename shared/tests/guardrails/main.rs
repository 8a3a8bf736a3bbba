//! Guardrails: patterns that say what was meant, documents within limits, proofs that can fail.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may fail, and says what it left out"
)]

mod kinds;
mod managed_policies;
mod patterns;
mod scenario;
mod schema;
mod tampering;
