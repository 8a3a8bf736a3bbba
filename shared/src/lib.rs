//! One river, from a CloudTrail record to a report:
//!
//! ```text
//! record -> event -> verdict -> tally -> coverage -> score -> findings -> report -> sinks
//! ```
//!
//! Words ([`operation`]) are known to every stage; stages know words only.
//! No stage does I/O, reads a clock or the environment, draws random numbers or logs.

#![forbid(unsafe_code)]

pub mod config;
pub mod event;
#[cfg(feature = "local")]
pub mod local;
pub mod nearest;
pub mod operation;
pub mod pattern;
pub mod plain;
pub mod principal;
pub mod segment;
pub mod time;
