//! `onlooker manual`: manual pages and completion scripts as files, for packages.
//!
//! Enters: a directory. Leaves: a page for each command in `man/`, a script for each shell in `completions/`. Law: the same
//! program writes the same bytes.

use std::{fs, path::PathBuf};

use clap::{Args, CommandFactory as _, ValueEnum as _};
use clap_complete::Shell;

use crate::{
    args::Cli,
    exit::{CommandError, CommandOutcome},
};

/// Options of `manual`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker manual --out /tmp/onlooker
  man /tmp/onlooker/man/onlooker-sweep.1

A release has these files in the archive of the command line; `make dist` makes
them.")]
pub struct ManualArgs {
    /// Directory for the folders `man` and `completions`; created if missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes the files.
pub fn run(args: ManualArgs) -> Result<CommandOutcome, CommandError> {
    let (pages, scripts) = (args.out.join("man"), args.out.join("completions"));
    for folder in [&pages, &scripts] {
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
    }
    clap_mangen::generate_to(Cli::command(), &pages).map_err(failed("write", &pages))?;
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut Cli::command(), "onlooker", &scripts)
            .map_err(failed("write", &scripts))?;
    }
    Ok(CommandOutcome::Proven)
}

fn failed(operation: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> CommandError {
    let path = path.to_owned();
    move |source| CommandError::File { operation, path, source }
}
