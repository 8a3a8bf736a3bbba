//! The policy evaluator against the IAM User Guide, an oracle and reference data.
//!
//! Enters: policies. Leaves: nothing. Law: each module states its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test may panic"
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
