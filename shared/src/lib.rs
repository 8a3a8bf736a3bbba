//! One river, from a CloudTrail record to a report:
//!
//! ```text
//! record -> event -> verdict -> tally -> coverage -> score -> findings -> report -> sinks
//! ```
//!
//! Words ([`operation`]) are known to every stage; stages know words only.
//! No stage does I/O, reads a clock or the environment, draws random numbers or logs.

#![forbid(unsafe_code)]

#[cfg(feature = "local")]
pub mod local;
pub mod operation;
