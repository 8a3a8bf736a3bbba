//! `onlooker backup prune`.
//!
//! Enters: how many backups stay. Leaves: fewer backups. Law: the newest complete backups stay, at least one.

use std::num::NonZeroU32;

use clap::Args;
use onlooker_core::{
    backup::{ROTATION_SCHEMA_VERSION, Rotation},
    jobs::backup::{plan_pruning, prune},
    render::format::count_noun,
};

use super::Destination;
use crate::{
    args::GlobalArgs,
    environment,
    exit::{CommandError, CommandOutcome},
    output,
};

/// Options of `backup prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Where the backups are: a directory, or a bucket with a prefix
    #[arg(value_name = "DEST")]
    destination: String,
    /// How many of the newest complete backups stay. What a killed run left is removed too, if it is a day old and a complete
    /// backup is newer
    #[arg(long, value_name = "N")]
    keep: NonZeroU32,
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Print what is removed and what stays as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `backup prune`.
pub fn run(global: &GlobalArgs, args: &PruneArgs) -> Result<CommandOutcome, CommandError> {
    let destination = Destination::open_existing(&args.destination)?;
    let repository = destination.repository();
    let rotation =
        plan_pruning(repository, args.keep, environment::now()).map_err(CommandError::BackupStore)?;
    if !args.dry_run {
        prune(repository, destination.remover(), &rotation).map_err(CommandError::BackupStore)?;
    }
    if args.json {
        output::versioned_json(ROTATION_SCHEMA_VERSION, &rotation)?;
    } else if !global.quiet {
        let verb = if args.dry_run { "would remove" } else { "removed" };
        output::write(|out| print(out, verb, &rotation))?;
    }
    Ok(CommandOutcome::Proven)
}

fn print(out: &mut dyn std::io::Write, verb: &str, rotation: &Rotation) -> std::io::Result<()> {
    for backup in &rotation.removed {
        writeln!(out, "{verb} {}  {}", backup.name, backup.status.as_str())?;
    }
    let kept = count_noun(rotation.kept.len() as u64, "backup");
    writeln!(out, "{verb} {}, {kept} kept", count_noun(rotation.removed.len() as u64, "backup"))
}
