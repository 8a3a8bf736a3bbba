//! The functions' jobs on a world of our own: local ports, a clock that is moved, faults on demand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod counted;
mod delivered;
mod issue;
mod kept;
mod killed;
mod local_ports;
mod own;
mod permissions;
mod records;
mod scene;
mod watch;

use test_support::{iam, world};
