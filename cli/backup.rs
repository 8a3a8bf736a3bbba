//! `onlooker backup`: backups of state, audit trail and configuration.
//!
//! Enters: the state of sweeps, or a backup. Leaves: a backup in a directory or a bucket, a list, a verification, or a
//! restored state. Law: only `restore` changes the state, and only `prune` removes a backup.

mod create;
mod destination;
mod prune;
mod restore;
mod show;

use clap::{Args, Subcommand};
use onlooker_core::{
    backup::{BackupManifest, BackupName},
    escape::escape_hidden,
    jobs::backup::{BackupRepository, list},
    render::format::thousands,
};

use self::destination::Destination;
use crate::{
    args::GlobalArgs,
    exit::{CommandError, CommandOutcome},
};

/// Options of `backup`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A backup has the state of sweeps (runs, findings, the index of log files), the
evidence and the reports that the state names, the audit trail, and the
configuration file. It may be made while sweeps run. docs/backup.md describes
its form, which other programs can read; it is not encrypted.

Destinations:
  DIR                     a directory
  s3://BUCKET/PREFIX      Amazon S3; credentials as for other AWS tools
  az://CONTAINER/PREFIX   Azure Blob Storage; AZURE_STORAGE_CONNECTION_STRING,
                          or AZURE_STORAGE_ACCOUNT_NAME and a credential
  gs://BUCKET/PREFIX      Google Cloud Storage; GOOGLE_APPLICATION_CREDENTIALS
The last three need `cargo install --path . --features clouds`.

Examples:
  onlooker backup create --to /mnt/backups
  onlooker backup list /mnt/backups
  onlooker backup verify s3://my-backups/onlooker
  onlooker backup restore /mnt/backups latest --dry-run
  onlooker backup restore /mnt/backups 20271104T101530Z-0123456789ab
  onlooker backup prune /mnt/backups --keep 14

Exit codes:
  0  done; for `verify`: intact
  1  a backup was changed or is damaged
  2  usage, or a restore that was not confirmed
  3  something is missing: of the state, of a backup, or every backup
  4  the tool failed")]
pub struct BackupArgs {
    #[command(subcommand)]
    command: BackupCommand,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Make a backup
    Create(create::CreateArgs),
    /// List the backups
    List(show::ListArgs),
    /// Read a backup completely and check it
    Verify(show::VerifyArgs),
    /// Restore the state, the audit trail and the configuration
    Restore(restore::RestoreArgs),
    /// Remove all but the newest backups
    Prune(prune::PruneArgs),
}

/// Runs `backup`.
pub fn run(global: &GlobalArgs, args: BackupArgs) -> Result<CommandOutcome, CommandError> {
    match args.command {
        BackupCommand::Create(args) => create::run(global, args),
        BackupCommand::List(args) => show::list_backups(global, &args),
        BackupCommand::Verify(args) => show::verify_backup(global, &args),
        BackupCommand::Restore(args) => restore::run(global, args),
        BackupCommand::Prune(args) => prune::run(global, &args),
    }
}

/// The word for the newest complete backup.
const LATEST: &str = "latest";

/// Reads the name of a backup, or `latest`.
fn name_or_latest(text: &str) -> Result<String, String> {
    let is_name = text == LATEST || BackupName::parse(text).is_some();
    let remedy = "write the name of a backup, such as `20271104T101530Z-0123456789ab`, or `latest`";
    if is_name { Ok(text.to_owned()) } else { Err(remedy.to_owned()) }
}

/// The backup with this name, or the newest complete one; `None` if none is complete.
fn named(repository: BackupRepository<'_>, name: &str) -> Result<Option<BackupName>, CommandError> {
    if let Some(name) = BackupName::parse(name) {
        return Ok(Some(name));
    }
    let mut listed = list(repository).map_err(CommandError::BackupStore)?;
    listed.retain(|backup| backup.problem.is_none());
    Ok(listed.pop().map(|backup| backup.name))
}

/// A size for people: `1.4 MB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for larger in ["kB", "MB", "GB", "TB"] {
        if value < 1_000.0 {
            break;
        }
        (value, unit) = (value / 1_000.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

/// Counts for people: `12 runs, 3 findings`.
fn counts(manifest: &BackupManifest) -> String {
    let shown = |(name, number): (&String, &u64)| {
        let noun = escape_hidden(name).replace('_', " ");
        let singular = match noun.strip_suffix("hes") {
            Some(stem) => format!("{stem}h"),
            None => noun.strip_suffix('s').unwrap_or(&noun).to_owned(),
        };
        format!("{} {}", thousands(*number), if *number == 1 { singular } else { noun })
    };
    manifest.counts.iter().map(shown).collect::<Vec<_>>().join(", ")
}
