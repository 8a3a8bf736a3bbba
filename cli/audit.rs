//! `onlooker audit`: the audit trail.
//!
//! Enters: the trail in the state of sweeps, or in the bucket of a deployment. Leaves: entries, counts, a verification, a
//! seal. Law: only `seal` and `prune` write, and only `prune` removes.

mod find;
mod verification;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use onlooker_core::ports::ObjectStore;
use onlooker_local::directory_store::DirectoryStore;

use crate::{
    args::GlobalArgs,
    aws::AwsConnection,
    exit::{CommandError, CommandOutcome},
};

/// Options of `audit`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
The audit trail has an entry for each call of a watched principal that is not a
plain read, for each call that an override allows, and for each run. Its batches
are chained by their hashes. `[audit]` in onlooker.toml says what is kept. Calls
that a watched principal makes through a role that is not watched are in the
report and not here; watch that role too to have them.

Examples:
  onlooker audit query --since 24h --outcome denied
  onlooker audit query --principal '*:role/Auditor' --format csv > calls.csv
  onlooker audit summary --since 7d
  onlooker audit verify
  onlooker audit seal > seal.json      keep it where the trail is not
  onlooker audit seal --sign key.pem
  onlooker audit verify --public-key public.pem
  onlooker audit prune --older-than 90d --dry-run

Exit codes:
  0  done; for `verify`: intact
  1  `verify`: something was changed
  2  usage or invalid configuration
  3  something is missing or unreadable
  4  the tool failed")]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Find entries
    Query(find::QueryArgs),
    /// Count entries by principal, operation, outcome and severity
    Summary(find::SummaryArgs),
    /// Check the chains and the seals
    Verify(verification::VerifyArgs),
    /// Write every entry as JSON lines
    Export(find::ExportArgs),
    /// Record the last batch of each chain, so that a lost end is found
    Seal(verification::SealArgs),
    /// Remove old batches
    Prune(verification::PruneArgs),
}

/// Where the trail is.
#[derive(Debug, Args)]
pub struct TrailPlace {
    /// Directory of the state with the trail
    #[arg(long, value_name = "DIR", default_value = ".onlooker", help_heading = "Audit trail")]
    state: PathBuf,
    /// Bucket of a deployment with the trail; needs `cargo install --path . --features aws`
    #[arg(long, value_name = "NAME", conflicts_with = "state", help_heading = "Audit trail")]
    bucket: Option<String>,
}

/// An opened trail.
struct OpenedTrail {
    store: Box<dyn ObjectStore>,
    /// Keeps the connection of the store.
    _cloud: Option<AwsConnection>,
}

impl TrailPlace {
    fn open(&self) -> Result<OpenedTrail, CommandError> {
        match &self.bucket {
            None => Ok(OpenedTrail { store: Box::new(self.directory()), _cloud: None }),
            Some(bucket) => {
                let cloud = AwsConnection::connect("audit --bucket")?;
                Ok(OpenedTrail { store: cloud.store(bucket), _cloud: Some(cloud) })
            }
        }
    }

    fn directory(&self) -> DirectoryStore {
        DirectoryStore::new(&self.state)
    }
}

/// Runs `audit`.
pub fn run(global: &GlobalArgs, args: AuditArgs) -> Result<CommandOutcome, CommandError> {
    match args.command {
        AuditCommand::Query(args) => find::query(global, args),
        AuditCommand::Summary(args) => find::summary(global, args),
        AuditCommand::Export(args) => find::export(args),
        AuditCommand::Verify(args) => verification::verify(global, args),
        AuditCommand::Seal(args) => verification::seal(args),
        AuditCommand::Prune(args) => verification::prune(global, args),
    }
}
