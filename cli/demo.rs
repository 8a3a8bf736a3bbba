//! `onlooker demo`: a trail of a fictional organisation, swept.
//!
//! Enters: a seed. Leaves: log objects as CloudTrail lays them out, a report of them, and the state of the sweep. Law:
//! the same seed makes the same trail.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::Global,
    failure::{Answer, Failure},
};

/// Options of `demo`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Needs no AWS account and no configuration. Writes the trail, `report.html` and
`report.json` into the directory and the state of the sweep into `./.onlooker`,
and replaces what an earlier demo left there.

Examples:
  onlooker demo
  onlooker demo --out /tmp/demo --seed 7")]
pub struct DemoArgs {
    /// Where to write the trail and the reports
    #[arg(long, value_name = "DIR", default_value = "onlooker-demo")]
    pub out: PathBuf,
    /// Seed of the organisation; the same seed tells the same story
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

/// Runs `demo`.
pub fn run(_: &Global, _: DemoArgs) -> Result<Answer, Failure> {
    Err(Failure::NotBuilt("demo"))
}
