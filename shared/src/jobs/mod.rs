//! Use cases: a job takes ports, runs the stages and returns values. A Lambda function and a CLI command call the
//! same job.
//!
//! Law: a job takes everything it needs as arguments; it reads neither the system clock nor the environment.

pub mod answers;
pub mod audit;
pub mod backup;
pub mod breakers;
pub mod check;
pub mod error_watch;
pub mod evaluation;
pub mod evidence;
pub mod evidence_pool;
pub mod gather;
pub mod guardrails;
pub mod health;
pub mod history;
pub mod import_findings;
#[cfg(feature = "ingest")]
pub mod ingest;
pub mod maintain;
pub mod notifications;
pub mod ops;
pub mod permissions;
pub mod publish;
pub mod pull;
mod retry;
pub mod runs;
#[cfg(feature = "ingest")]
pub mod s3_events;
pub mod sweep;
mod sweep_inputs;
pub mod sweep_verification;
pub mod table_backup;
pub mod verify_trail;
pub mod watch;
