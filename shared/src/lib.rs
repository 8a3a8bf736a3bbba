//! The stages from a CloudTrail record to a report, each a file of its name:
//!
//! ```text
//! record -> event -> segment -> extract -> evidence summary -> tally -> coverage
//!        -> classification + role chains -> assessment -> access matrix, findings, score -> report -> render
//! ```
//!
//! | stage | what leaves it |
//! |---|---|
//! | [`record`] | the fields of each CloudTrail record of a log file, and each piece that could not be read |
//! | [`event`] | one record in the terms of the later stages |
//! | [`segment`] | the evidence of a set of log files, each event once; segments merge |
//! | [`extract`] | what a report needs of one account, region and hour |
//! | [`evidence_summary`] | what a report needs of all evidence, from a segment or from extracts |
//! | [`tally`] | how often each principal made each call, and when; tallies merge |
//! | [`coverage`] | the hours and event classes for which there is evidence, of those expected |
//! | [`classification`] | whether an operation is read-only, and why |
//! | `role_chain` | the watched principal that a call made through an assumed role began with |
//! | [`assessment`] | the calls of the tally, classified and compared with the promises of the configuration |
//! | [`access_matrix`] | what each watched principal could do, tried and did |
//! | [`log_integrity`] | whether log files are as CloudTrail delivered them, by their digest files |
//! | [`finding`], [`score`] | what the rules found; compliance score, risk score and status |
//! | [`gate`] | whether a report passes the gate of a pipeline |
//! | [`health`], [`dashboard`] | whether Onlooker itself works; the newest report in numbers |
//! | [`report`], [`render`] | the report as a value, and as bytes in each format |
//!
//! The vocabulary ([`principal`], [`operation`]) is known to every stage, and stages depend on it and on earlier
//! stages; `tests/layers.rs` has the order of all modules. No stage does I/O, reads a clock or the environment, draws random numbers or logs.

#![forbid(unsafe_code)]

pub mod access_matrix;
pub mod alert;
pub mod api;
pub mod assessment;
pub mod attestation;
pub mod audit;
pub mod aws_error;
pub mod backup;
pub mod breaker;
pub mod catalog;
pub mod certificate;
pub mod classification;
pub mod config;
pub mod controls;
pub mod coverage;
pub mod current_status;
pub mod dashboard;
pub mod error_context;
pub mod escape;
pub mod event_selectors;
pub mod finding;
pub mod gate;
pub mod grants;
pub mod guardrails;
pub mod health;
pub mod jobs;
pub mod log_integrity;
pub mod number_text;
pub mod operation;
pub mod pattern;
pub mod permissions;
pub mod ports;
pub mod render;
pub mod report;
mod role_chain;
pub mod score;
pub mod severity;
pub mod suggest;

pub use onlooker_evidence::{
    event, evidence_summary, extract, hex, origin, period, principal, record, segment, tally, time,
};
