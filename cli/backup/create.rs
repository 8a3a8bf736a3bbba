//! `onlooker backup create`.
//!
//! Enters: the state of sweeps and the configuration file. Leaves: a backup. Law: what the state names and does not have is
//! shown and in the exit code.

use std::path::PathBuf;

use clap::Args;
use onlooker_core::{
    backup::{BackupManifest, BackupName},
    escape::escape_hidden,
    jobs::backup::{BackupContents, NewBackup, create},
    render::format::{count_noun, thousands},
    time::Time,
};
use onlooker_local::{
    directory_store::DirectoryStore, state_restore::StateRestore, state_snapshot::StateSnapshot,
};

use super::{Destination, counts, size};
use crate::{
    args::GlobalArgs,
    environment,
    exit::{CommandError, CommandOutcome},
    output,
    progress::ProgressMeter,
    report_output::note,
};

/// Options of `backup create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Where to put the backup: a directory, `s3://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `gs://BUCKET/PREFIX`
    #[arg(long, value_name = "DEST")]
    to: String,
    /// Directory of the state to back up
    #[arg(long, value_name = "DIR", default_value = ".onlooker")]
    state: PathBuf,
    /// Print the manifest as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `backup create`.
pub fn run(global: &GlobalArgs, args: CreateArgs) -> Result<CommandOutcome, CommandError> {
    let destination = Destination::open(&args.to)?;
    let (now, run_id) = (environment::now(), environment::run_id());
    let configuration = environment::configuration_file(global);
    let snapshot = StateSnapshot::take(&args.state, configuration.as_deref())?;
    // The audit trail is part of the state; a missing directory has none.
    let audit = DirectoryStore::new(&args.state);
    let journal = StateRestore::new(&args.state, &PathBuf::new(), Time::default());
    let contents = BackupContents { source: &snapshot, audit: Some(&audit), journal: &journal };
    let name = BackupName::new(now, &run_id);
    let new = NewBackup { name: &name, run_id: &run_id, tool_version: env!("CARGO_PKG_VERSION") };
    let bar = ProgressMeter::for_items(global, "storing", "parts");
    let manifest =
        create(destination.repository(), contents, new, &|number, _| bar.set_count(number, number))?;
    bar.finish();
    if !manifest.counts.contains_key("runs") && !global.quiet {
        note(&format!(
            "`{}` has no sweep, so the backup has none; name the directory of the state with `--state`",
            escape_hidden(&args.state.to_string_lossy())
        ));
    }
    if args.json {
        output::json(&manifest)?;
    } else {
        output::write(|out| writeln!(out, "{}", summary(&manifest)))?;
    }
    Ok(match manifest.skipped.number {
        0 => CommandOutcome::Proven,
        _ => CommandOutcome::InsufficientEvidence,
    })
}

fn summary(manifest: &BackupManifest) -> String {
    let mut text = format!(
        "{}\n  {}\n  {} in {}, compressed {:.2}x from {}",
        manifest.name,
        counts(manifest),
        size(manifest.compressed_bytes),
        count_noun(manifest.parts.len() as u64, "part"),
        manifest.ratio,
        size(manifest.bytes)
    );
    if manifest.skipped.number > 0 {
        let names: Vec<_> = manifest.skipped.names.iter().take(3).map(|name| escape_hidden(name)).collect();
        text.push_str(&format!(
            "\n  not in the backup, because they are missing or damaged: {} of the files that the state names, such as {}",
            thousands(manifest.skipped.number),
            names.join(", ")
        ));
    }
    text
}
