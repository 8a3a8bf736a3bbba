//! `onlooker check`: may a read-only principal make this call?
//!
//! Enters: names of operations in any form. Leaves: a verdict each, in the order given. Law: an operation nobody knows
//! is never called read-only.

use clap::Args;

use crate::{
    args::Global,
    failure::{Answer, Failure},
};

/// Options of `check`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
An operation is named as it comes: an IAM action, an SDK call, or what
CloudTrail writes. With --principal, overrides of the configuration decide too.

Examples:
  onlooker check s3:GetObject ec2:describe_instances
  onlooker check monitoring.amazonaws.com:PutMetricAlarm
  onlooker check --explain kms:Decrypt     what AWS's own sources say
  onlooker check --stdin --json < operations.txt
  onlooker check s3:PutObject --principal arn:aws:iam::111122223333:role/ci \\
      --resource arn:aws:s3:::artefacts/build.zip

Exit codes:
  0  all are read-only
  1  at least one is not, or is not known
  2  usage or invalid configuration")]
pub struct CheckArgs {
    /// `service:operation`; repeatable
    #[arg(value_name = "OP", required_unless_present = "stdin")]
    pub operations: Vec<String>,
    /// Read more operations from standard input, one a line
    #[arg(long)]
    pub stdin: bool,
    /// Show what each source says and why the verdict is what it is
    #[arg(long)]
    pub explain: bool,
    /// Print a JSON array, one object per operation in the order given
    #[arg(long)]
    pub json: bool,
    /// ARN of the principal that would make the call, for overrides
    #[arg(long, value_name = "ARN")]
    pub principal: Option<String>,
    /// ARN the call would touch, for overrides; repeatable
    #[arg(long, value_name = "ARN", requires = "principal")]
    pub resource: Vec<String>,
}

/// Runs `check`.
pub fn run(_: &Global, _: CheckArgs) -> Result<Answer, Failure> {
    Err(Failure::NotBuilt("check"))
}
