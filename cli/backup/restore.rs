//! `onlooker backup restore`.
//!
//! Enters: a backup and a state directory. Leaves: the restored state. Laws: the backup is verified and the changes are shown
//! before anything is changed; what is there is replaced only if that is confirmed on a terminal, or with `--force`.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;
use onlooker_core::{
    backup::{BackupKind, EntryComparison, RESTORE_PLAN_SCHEMA_VERSION, RestorePlan, RestoreRecord},
    config::Diagnostic,
    escape::escape_hidden,
    jobs::backup::{RestoreTargets, plan_restore, restore},
    render::format::thousands,
};
use onlooker_local::{
    config_file::CONFIG_FILE_NAME, directory_store::DirectoryStore, state_restore::StateRestore,
};

use super::{Destination, counts, name_or_latest, named};
use crate::{
    args::GlobalArgs,
    confirmation::confirms,
    environment,
    exit::{CommandError, CommandOutcome},
    output,
    progress::ProgressMeter,
};

/// Options of `backup restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Where the backups are: a directory, or a bucket with a prefix
    #[arg(value_name = "DEST")]
    destination: String,
    /// Name of the backup, or `latest`
    #[arg(value_name = "NAME", value_parser = name_or_latest)]
    name: String,
    /// Directory of the state to restore into
    #[arg(long, value_name = "DIR", default_value = ".onlooker")]
    state: PathBuf,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Do not ask, and replace also what is newer here
    #[arg(long)]
    force: bool,
    /// Print what changes as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `backup restore`.
pub fn run(global: &GlobalArgs, args: RestoreArgs) -> Result<CommandOutcome, CommandError> {
    let destination = Destination::open_existing(&args.destination)?;
    let repository = destination.repository();
    let Some(name) = named(repository, &args.name)? else {
        output::write(|out| writeln!(out, "no backup is complete"))?;
        return Ok(CommandOutcome::InsufficientEvidence);
    };
    // Not the nearest file: that of a folder above may be of something else.
    let configuration =
        environment::named_file(global).unwrap_or_else(|| environment::directory().join(CONFIG_FILE_NAME));
    let target = StateRestore::new(&args.state, &configuration, name.time());
    let audit = DirectoryStore::new(&args.state);
    let targets = RestoreTargets { target: &target, audit: &audit, journal: &target };
    let bar = ProgressMeter::for_items(global, "checking", "parts");
    let plan = plan_restore(repository, &name, targets, &|number, total| bar.set_count(number, total));
    bar.finish();
    let plan = plan?;
    if args.json {
        output::versioned_json(RESTORE_PLAN_SCHEMA_VERSION, &plan)?;
    } else {
        output::write(|out| print(out, &plan))?;
    }
    if args.dry_run || plan.is_done() {
        return Ok(CommandOutcome::Proven);
    }
    let replaces = plan.found.changes.iter().any(|change| change.comparison != EntryComparison::New);
    if replaces && !args.force && !confirms(&question(&plan))? {
        return Err(CommandError::Usage(Diagnostic {
            message: "nothing was restored".to_owned(),
            remedy: "confirm with `y` on a terminal, or give `--force`".to_owned(),
        }));
    }
    let record =
        RestoreRecord { name: name.clone(), destination: args.destination, began_at: environment::now() };
    let bar = ProgressMeter::for_items(global, "restoring", "parts");
    let restored =
        restore(repository, &plan, targets, &record, &|number, total| bar.set_count(number, total));
    bar.finish();
    restored?;
    if !global.quiet && !args.json {
        let shown = |path: &Path| escape_hidden(&path.to_string_lossy()).into_owned();
        let mut text = format!("restored {name} into {}", shown(&args.state));
        if plan.manifest.parts_of(BackupKind::Configuration).next().is_some() {
            text.push_str(&format!(", the configuration into {}", shown(&configuration)));
        }
        output::write(|out| writeln!(out, "{text}"))?;
    }
    Ok(CommandOutcome::Proven)
}

fn print(out: &mut dyn io::Write, plan: &RestorePlan) -> io::Result<()> {
    writeln!(out, "{} is intact: {}", plan.manifest.name, counts(&plan.manifest))?;
    if let Some(unfinished) = &plan.unfinished {
        writeln!(out, "  a restore of {} began at {} and did not end", unfinished.name, unfinished.began_at)?;
    }
    for (kind, found) in &plan.found.comparisons {
        let found: Vec<String> = found
            .iter()
            .map(|(comparison, number)| format!("{} {}", thousands(*number), comparison.as_str()))
            .collect();
        writeln!(out, "  {kind:<14} {}", found.join(", "))?;
    }
    for change in plan.found.changes.iter().take(20) {
        writeln!(out, "  {}: {}; {}", change.name, change.comparison.as_str(), change.detail)?;
    }
    if plan.found.changes.len() > 20 {
        writeln!(out, "  and more; `--json` has up to a thousand")?;
    }
    if plan.is_done() {
        writeln!(out, "  everything is there already")?;
    }
    Ok(())
}

/// What is asked before anything is changed.
fn question(plan: &RestorePlan) -> String {
    let newer = plan.found.changes.iter().filter(|change| change.comparison == EntryComparison::NewerHere);
    let newer: Vec<_> = newer.map(|change| escape_hidden(&change.name)).collect();
    match newer.is_empty() {
        true => format!("restore {}?", plan.manifest.name),
        false => {
            format!("restore {} and lose what is newer here ({})?", plan.manifest.name, newer.join(", "))
        }
    }
}
