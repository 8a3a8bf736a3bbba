//! Guardrails: patterns match exactly the intended actions, documents stay within quotas, and proofs can fail.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may fail and may print"
)]

mod changes;
mod kinds;
mod managed_policies;
mod patterns;
mod scenario;
mod tampering;
mod templates;
mod through_services;
mod used_reads;
