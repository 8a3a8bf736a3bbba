//! `onlooker ops`: search the operations of AWS.
//!
//! Enters: a pattern. Leaves: the operations it matches, with their verdicts. Law: the order is that of the names.

use clap::Args;

use crate::{
    args::Global,
    failure::{Answer, Failure},
};

/// Options of `ops`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker ops 's3:Get*'
  onlooker ops '*:*Password*'
  onlooker ops kms --json")]
pub struct OpsArgs {
    /// `service:Operation` with `*` and `?` as wildcards, or a service, or a part of a name
    #[arg(value_name = "PATTERN")]
    pub pattern: String,
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
}

/// Runs `ops`.
pub fn run(_: &Global, _: OpsArgs) -> Result<Answer, Failure> {
    Err(Failure::NotBuilt("ops"))
}
