//! `onlooker report`: past sweeps again.
//!
//! Enters: the state of past sweeps. Leaves: one of their reports in any format, the list of them, or a report over a
//! period. Law: showing a report again does not change it.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{Format, Global},
    failure::{Answer, Failure},
    moment::Moment,
};

/// Options of `report`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker report                          the latest sweep on one screen
  onlooker report --list                   all of them
  onlooker report --run 01J8 --format html,csv --out reports
  onlooker report --since 2027-01-01 --until 2027-02-01 --json

Exit codes are those of the sweep that is shown.")]
pub struct ReportArgs {
    /// Sweep to show: its id, the beginning of it, or `latest`
    #[arg(long, value_name = "ID", default_value = "latest")]
    pub run: String,
    /// List the sweeps with their time, status and score
    #[arg(long, conflicts_with_all = ["run", "since", "until", "format", "out"])]
    pub list: bool,
    /// Report anew over the evidence kept from here on: a time, a date or a span before now such as `24h`
    #[arg(long, value_name = "WHEN", conflicts_with = "run")]
    pub since: Option<Moment>,
    /// Report anew over the evidence kept up to here
    #[arg(long, value_name = "WHEN", conflicts_with = "run")]
    pub until: Option<Moment>,
    /// Formats to write into `--out`, or the one to print: separated by commas [default: terminal]
    #[arg(long, value_name = "FORMATS", value_enum, value_delimiter = ',')]
    pub format: Vec<Format>,
    /// Directory for the files `report.json`, `report.html` and so on; made if missing
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// Directory of the state that sweeps left
    #[arg(long, value_name = "DIR", default_value = ".onlooker")]
    pub state: PathBuf,
}

/// Runs `report`.
pub fn run(_: &Global, _: ReportArgs) -> Result<Answer, Failure> {
    Err(Failure::NotBuilt("report"))
}
