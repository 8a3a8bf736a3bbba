//! `onlooker catalog`: what Onlooker knows of AWS's operations, and how to renew it.
//!
//! Enters: AWS's Service Reference, or two catalogs. Leaves: a catalog, or what changed between them. Law: every
//! catalog has a version and a hash, which every report names.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    args::Global,
    failure::{Answer, Failure},
};

/// Options of `catalog`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker catalog show
  onlooker catalog build ./service-reference --out catalog.bin
  onlooker catalog diff old.bin catalog.bin

A catalog of your own is used when onlooker.toml names it:
`catalog = \"catalog.bin\"`.")]
pub struct CatalogArgs {
    #[command(subcommand)]
    pub command: CatalogCommand,
}

/// What to do with a catalog.
#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Build a catalog from AWS's published Service Reference
    Build {
        /// Directory of Service Reference JSON files, one per service
        #[arg(value_name = "DIR")]
        source: PathBuf,
        /// Where to write the catalog
        #[arg(long, value_name = "FILE", default_value = "catalog.bin")]
        out: PathBuf,
    },
    /// Show which operations came, went or changed their verdict
    Diff {
        /// The older catalog
        old: PathBuf,
        /// The newer catalog [default: the built-in one]
        new: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show version, hash, sources and counts of the catalog in force
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs `catalog`.
pub fn run(_: &Global, _: CatalogArgs) -> Result<Answer, Failure> {
    Err(Failure::NotBuilt("catalog"))
}
