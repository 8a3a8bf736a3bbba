//! The functions' jobs in a test environment: local ports, a clock that tests move, and faults on demand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod alerts;
mod breakers;
mod error_watch;
mod evidence_store;
mod faults;
mod fixtures;
mod ingest;
mod local_ports;
mod maintain;
mod maintain_logs;
mod own_roles;
mod permissions;
mod publish;
mod records;
mod request_counts;
mod watch;

use test_support::{environment, iam};
