//! One river, from a CloudTrail record to a report:
//!
//! ```text
//! record -> event -> verdict -> tally -> coverage -> score -> findings -> report -> sinks
//! ```
//!
//! Between event and tally evidence is kept as [`segment`]s, which merge; an [`extract`] is what a report needs of one hour
//! of one place, and a [`dossier`] what it needs of them all. Between tally and score `lineage` says with whom a call began.
//!
//! Words ([`operation`]) are known to every stage; stages know words only.
//! No stage does I/O, reads a clock or the environment, draws random numbers or logs.

#![forbid(unsafe_code)]

pub mod alert;
pub mod assessment;
pub mod catalog;
pub mod classification;
pub mod config;
pub mod controls;
pub mod coverage;
pub mod current_status;
mod envelope;
pub mod escape;
pub mod event;
pub mod event_selectors;
pub mod evidence_summary;
pub mod extract;
pub mod finding;
pub mod grants;
pub mod guardrails;
pub mod jobs;
pub mod operation;
pub mod pattern;
pub mod permissions;
pub mod ports;
pub mod principal;
pub mod record;
pub mod render;
pub mod report;
mod role_chain;
pub mod score;
pub mod segment;
pub mod suggest;
pub mod tally;
pub mod time;
