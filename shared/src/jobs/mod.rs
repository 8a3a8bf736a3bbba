//! Use cases: ports in, stages, values out. A function and a command are two callers of one job.
//!
//! Law: a job takes what it needs as arguments; it reads neither clock nor environment.

pub mod check;
pub mod evaluation;
pub mod evidence;
pub mod gather;
pub mod guardrails;
pub mod history;
pub mod ingest;
pub mod notifications;
pub mod permissions;
pub mod publish;
pub mod pull;
pub mod runs;
pub mod s3_events;
pub mod sweep;
pub mod watch;
