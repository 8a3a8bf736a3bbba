//! The policy evaluator against what others say of the same policies.
//!
//! Enters: policies. Leaves: nothing. Law: each test says in its name which.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test may stop"
)]

mod condition_operators;
mod documents;
mod evaluation_table;
mod laws;
mod managed_policies;
mod oracle;
mod snapshots;

use onlooker_core::grants::{Policy, PolicyOrigin, PolicySnapshot};

/// An inline policy.
pub fn policy(name: &str, text: &str) -> Policy {
    Policy { name: name.into(), origin: PolicyOrigin::Inline, text: text.into() }
}

/// A role with one inline policy.
pub fn role(text: &str) -> PolicySnapshot {
    PolicySnapshot {
        principal: "arn:aws:iam::111122223333:role/Auditor".into(),
        account: "111122223333".into(),
        identity_policies: vec![policy("inline", text)],
        is_boundary_known: true,
        ..PolicySnapshot::default()
    }
}
