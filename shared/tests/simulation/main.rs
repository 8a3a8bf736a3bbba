//! Random schedules of the functions against one world: many processes at once, faults of every kind, and a slow model that judges.
//!
//! `ONLOOKER_SCHEDULES=n` runs so many schedules, `ONLOOKER_SEED=n` begins with this seed: `ONLOOKER_SCHEDULES=1 ONLOOKER_SEED=n`
//! replays one. A schedule that fails is printed with its seed, its smallest list of faults, and what happened in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod baton;
mod bugs;
mod checks;
mod deliveries;
mod draw;
mod faults;
#[path = "../serverless/fixtures.rs"]
mod fixtures;
mod functions;
mod later_digest_files;
mod model;
mod observations;
mod planted;
mod ports;
#[path = "../serverless/records.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod records;
mod rest;
mod schedule;
mod schedules;
mod shrink;
mod timeline;
mod workload;
mod world;

use test_support::environment;
