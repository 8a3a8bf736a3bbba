//! `onlooker sweep`: CloudTrail files in, report out.
//!
//! Enters: paths and promises. Leaves: a report and, unless told otherwise, state that the next sweep starts from.
//! Law: what could not be read is in the report, and in the exit code.

use std::path::PathBuf;

use clap::Args;
use shared::config::{Standard, Watch};

use crate::{
    args::{self, Format, Global},
    failure::{Answer, Failure},
    moment::Moment,
};

/// Options of `sweep`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Reads gzip or plain: log objects as CloudTrail delivers them, LookupEvents
pages, EventBridge envelopes, JSON lines, digest files. With nobody watched,
neither here nor in onlooker.toml, it is a discovery: every principal and what
it did; nothing was promised, so nothing is called compliant.

Examples:
  onlooker sweep ./AWSLogs
  onlooker sweep ./AWSLogs --watch 'arn:aws:iam::*:role/Auditor' --since 7d
  onlooker sweep 'logs/2027/01/*/*.json.gz' --format html,json --out reports
  zcat trail.json.gz | onlooker sweep - --no-state --json

Exit codes:
  0  proven, or a complete discovery
  1  a watched principal did more than read
  2  usage or invalid configuration
  3  not enough evidence, or something was unreadable
  4  the tool failed")]
pub struct SweepArgs {
    /// Files, directories (with all below them), globs, or `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Promise that principals matching this pattern are read-only, besides those of the configuration; repeatable
    #[arg(long, value_name = "ARN-PATTERN", value_parser = args::watch, help_heading = "What was promised")]
    pub watch: Vec<Watch>,
    /// Report by the controls of this standard: GENERAL, SOC2, ISO27001 or CUSTOM [default: as configured]
    #[arg(long, value_name = "NAME", value_parser = args::standard, help_heading = "What was promised")]
    pub standard: Option<Standard>,
    /// Control pack of your own; means `--standard CUSTOM`
    #[arg(long, value_name = "FILE", help_heading = "What was promised")]
    pub pack: Option<PathBuf>,
    /// Expect evidence from here on, and pass over what is older: a time, a date (its first moment in UTC) or a
    /// span before now such as `24h`
    #[arg(long, value_name = "WHEN", help_heading = "What evidence is expected")]
    pub since: Option<Moment>,
    /// Expect evidence up to here, and pass over what is newer
    #[arg(long, value_name = "WHEN", help_heading = "What evidence is expected")]
    pub until: Option<Moment>,
    /// Expect evidence of this account, besides those of the configuration; repeatable
    #[arg(long, value_name = "ID", value_parser = args::account, help_heading = "What evidence is expected")]
    pub account: Vec<String>,
    /// Expect evidence of this region, besides those of the configuration; repeatable
    #[arg(long, value_name = "NAME", value_parser = args::region, help_heading = "What evidence is expected")]
    pub region: Vec<String>,
    /// Formats to write into `--out`, or the one to print: separated by commas [default: terminal]
    #[arg(long, value_name = "FORMATS", value_enum, value_delimiter = ',', help_heading = "Output")]
    pub format: Vec<Format>,
    /// Directory for the files `report.json`, `report.html` and so on; made if missing
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print the report as JSON on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Directory of the state that the next sweep starts from
    #[arg(long, value_name = "DIR", default_value = ".onlooker", help_heading = "Work")]
    pub state: PathBuf,
    /// Read everything, keep nothing
    #[arg(long, conflicts_with = "state", help_heading = "Work")]
    pub no_state: bool,
    /// Threads to read with; 0 for one per core [default: as configured]
    #[arg(long, value_name = "NUMBER", help_heading = "Work",
          value_parser = clap::value_parser!(u16).range(0..=1024))]
    pub threads: Option<u16>,
}

/// Runs `sweep`.
pub fn run(_: &Global, _: SweepArgs) -> Result<Answer, Failure> {
    Err(Failure::NotBuilt("sweep"))
}
