//! A guard for clients of the AWS SDK for Rust: a call that is not read-only is refused before it is signed.
//!
//! ```no_run
//! # async fn list(config: &aws_config::SdkConfig) -> Result<(), Box<dyn std::error::Error>> {
//! use onlooker_guard::{ReadOnlyGuard, Refusal};
//!
//! let guard = ReadOnlyGuard::new();
//! let s3 = aws_sdk_s3::config::Builder::from(config).interceptor(guard).build();
//! let s3 = aws_sdk_s3::Client::from_conf(s3);
//! s3.list_buckets().send().await?;
//! let error = s3.delete_bucket().bucket("evidence").send().await.unwrap_err();
//! println!("{}", Refusal::of(&error).ok_or("another error")?);
//! # Ok(())
//! # }
//! ```
//!
//! | part | what it does |
//! |---|---|
//! | [`ReadOnlyGuard`] | judges a call by the catalog and the overrides; an interceptor, and [`ReadOnlyGuard::run`] for any other call |
//! | [`Refusal`] | why a call was not sent, and how to allow it |
//! | [`CallMonitor`] | circuit breakers, and a [`CallLog`] of how calls ended |
//! | [`DecisionLog`] | gets every decision; the audit trail is one |
//!
//! What the guard does not see is in `docs/guard.md`: it is a safety net inside a program, and no substitute for a role
//! without write permissions.

#![forbid(unsafe_code)]

mod decision;
mod failure;
mod guard;
mod interceptor;
mod monitor;
mod refusal;
mod sent_request;

pub use decision::{Decision, DecisionBuffer, DecisionLog, LogError};
pub use failure::{CallError, connector_kind, error_chain};
pub use guard::{GuardedCall, GuardedError, ReadOnlyGuard};
pub use monitor::{CallLog, CallMonitor, FinishedCall};
pub use refusal::Refusal;
