//! `onlooker backup list` and `verify`.
//!
//! Enters: a destination. Leaves: its backups, or what is wrong with one. Law: the exit code of `verify` is 0 only if a backup
//! was read completely and nothing is wrong.

use std::io;

use clap::Args;
use onlooker_core::{
    backup::{BackupProblemKind, BackupStatus},
    jobs::backup::{
        BACKUP_LIST_SCHEMA_VERSION, BACKUP_VERIFICATION_SCHEMA_VERSION, BackupError, BackupVerification,
        ListedBackup, list, verify,
    },
    render::format::count_noun,
};

use super::{Destination, LATEST, counts, name_or_latest, named, size};
use crate::{
    args::GlobalArgs,
    exit::{CommandError, CommandOutcome},
    output,
    progress::ProgressMeter,
    text_table::{self, CellTone, ScreenSettings, TextCell},
};

/// Options of `backup list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Where the backups are: a directory, or a bucket with a prefix
    #[arg(value_name = "DEST")]
    destination: String,
    /// Print the list with the manifests as JSON
    #[arg(long)]
    json: bool,
}

/// Options of `backup verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Where the backups are: a directory, or a bucket with a prefix
    #[arg(value_name = "DEST")]
    destination: String,
    /// Name of the backup, or `latest`
    #[arg(value_name = "NAME", default_value = LATEST, value_parser = name_or_latest)]
    name: String,
    /// Print the verification as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `backup list`.
pub fn list_backups(global: &GlobalArgs, args: &ListArgs) -> Result<CommandOutcome, CommandError> {
    let destination = Destination::open_existing(&args.destination)?;
    let found = list(destination.repository()).map_err(CommandError::BackupStore)?;
    if args.json {
        output::versioned_list(BACKUP_LIST_SCHEMA_VERSION, &found)?;
    } else if found.is_empty() {
        output::write(|out| writeln!(out, "no backups"))?;
    } else {
        let titles = ["name", "status", "size", "ratio", "what"];
        let mut rows = vec![titles.map(|title| TextCell::new(title, CellTone::Faint)).to_vec()];
        rows.extend(found.iter().map(row));
        output::write(|out| text_table::print(out, ScreenSettings::of(global), &rows))?;
    }
    Ok(CommandOutcome::Proven)
}

fn row(backup: &ListedBackup) -> Vec<TextCell> {
    let tone = match backup.status {
        BackupStatus::Complete => CellTone::Good,
        BackupStatus::Incomplete | BackupStatus::Unsupported => CellTone::Warn,
        BackupStatus::Damaged => CellTone::Bad,
    };
    let ratio = backup.manifest.as_ref().map(|manifest| format!("{:.2}x", manifest.ratio));
    let what = match (&backup.problem, &backup.manifest) {
        (Some(problem), _) => problem.to_string(),
        (None, Some(manifest)) => counts(manifest),
        (None, None) => String::new(),
    };
    vec![
        TextCell::plain(backup.name.as_str()),
        TextCell::new(backup.status.as_str(), tone),
        TextCell::plain(&size(backup.stored_bytes)),
        TextCell::plain(&ratio.unwrap_or_default()),
        TextCell::plain(&what),
    ]
}

/// Runs `backup verify`.
pub fn verify_backup(global: &GlobalArgs, args: &VerifyArgs) -> Result<CommandOutcome, CommandError> {
    let destination = Destination::open_existing(&args.destination)?;
    let repository = destination.repository();
    let Some(name) = named(repository, &args.name)? else { return no_backup() };
    let bar = ProgressMeter::for_items(global, "checking", "parts");
    let found = verify(repository, &name, &|number, total| bar.set_count(number, total));
    bar.finish();
    let found = match found {
        Err(BackupError::NotFound(_)) => return no_backup(),
        other => other?,
    };
    if args.json {
        output::versioned_json(BACKUP_VERIFICATION_SCHEMA_VERSION, &found)?;
    } else {
        output::write(|out| print(out, &found))?;
    }
    Ok(outcome(&found))
}

fn outcome(found: &BackupVerification) -> CommandOutcome {
    if found.problems.is_empty() {
        CommandOutcome::Proven
    } else if found.has(BackupProblemKind::Damaged) {
        CommandOutcome::Violation
    } else {
        CommandOutcome::InsufficientEvidence
    }
}

fn no_backup() -> Result<CommandOutcome, CommandError> {
    output::write(|out| writeln!(out, "no such backup"))?;
    Ok(CommandOutcome::InsufficientEvidence)
}

fn print(out: &mut dyn io::Write, found: &BackupVerification) -> io::Result<()> {
    for problem in &found.problems {
        writeln!(out, "{problem}")?;
    }
    let verdict = if found.problems.is_empty() { "intact" } else { "not intact" };
    match &found.manifest {
        Some(manifest) => writeln!(
            out,
            "{verdict}: {}, {} in {}, {}",
            manifest.name,
            size(manifest.compressed_bytes),
            count_noun(manifest.parts.len() as u64, "part"),
            counts(manifest)
        ),
        None => writeln!(out, "{verdict}: {}", found.name),
    }
}
