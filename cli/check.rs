//! `onlooker check`: may a read-only principal make this call?
//!
//! Enters: names of operations in any form. Leaves: a verdict each, in the order given. Laws: no question is left out;
//! what names no operation is unknown, and unknown is never safe.

mod explanation;
mod printer;
mod stdin_operations;

use clap::Args;
use onlooker_core::{
    config::Diagnostic,
    jobs::check::{CheckRequest, check},
};

use self::{printer::CheckPrinter, stdin_operations::OperationLines};
use crate::{
    args::{self, GlobalArgs},
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
};

/// Options of `check`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
An operation is named as it comes: an IAM action, an SDK call, or what
CloudTrail writes. Case, `-` and `_` do not matter; neither does a date in the
name, such as `ListFunctions20150331`.

  s3:GetObject                            IAM action
  ec2:describe_instances                  SDK call; `ec2 describe_instances` in
                                          quotes is the same
  monitoring.amazonaws.com:PutMetricAlarm event source and event name

What the catalog does not know is judged by its name: a plain Get, List or
Describe reads, anything else is unknown, and unknown is never safe.

Examples:
  onlooker check s3:GetObject ec2:describe_instances
  onlooker check --explain kms:Decrypt     what AWS's own sources say
  onlooker check --stdin --json < operations.txt
  onlooker check s3:PutObject --principal arn:aws:iam::111122223333:role/ci \\
      --resource arn:aws:s3:::artifacts/build.zip

Standard input may hold blank lines and `#` comments. With --json, each object
has the fields is_valid, operation, operation_type, risk_level,
validation_message, timestamp, compliance_notes and more, in the order asked.

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
    /// ARN of the principal that would make the call, so that overrides decide too
    #[arg(long, value_name = "ARN", value_parser = args::arn)]
    pub principal: Option<String>,
    /// ARN the call would touch, for overrides scoped to resources; repeatable
    #[arg(long, value_name = "ARN", value_parser = args::arn, requires = "principal")]
    pub resource: Vec<String>,
}

/// Runs `check`.
pub fn run(global: &GlobalArgs, args: CheckArgs) -> Result<CommandOutcome, CommandError> {
    let loaded = environment::configuration(global)?;
    let (catalog, pack) = (inputs::catalog(&loaded)?, inputs::pack(&loaded)?);
    let now = environment::now();
    let ask = |operation: String, line: Option<u64>| {
        let (principal, resources) = (args.principal.clone(), args.resource.clone());
        let question = CheckRequest { operation, principal, resources, line };
        check(catalog, &loaded.config, &pack, &question, now, args.explain)
    };
    let mut answers = CheckPrinter::new(global, args.json, args.explain);
    let mut lines = args.stdin.then(|| OperationLines::from_stdin(global));
    let (mut failed, mut all_asked) = (None, false);
    output::write(|out| {
        answers.begin(out)?;
        for operation in &args.operations {
            answers.push(ask(operation.clone(), None));
        }
        while let Some(lines) = &mut lines {
            match lines.next() {
                Ok(Some((text, line))) => answers.push(ask(text, Some(line))),
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            // Somebody may be waiting for the answer before asking the next question.
            if lines.would_block() || answers.pending() >= CheckPrinter::BATCH_SIZE {
                answers.print(out)?;
                out.flush()?;
            }
        }
        all_asked = true;
        answers.print(out)?;
        answers.end(out)
    })?;
    match failed {
        Some(source) => Err(CommandError::File { operation: "read", path: "standard input".into(), source }),
        None if answers.total() == 0 => Err(CommandError::Usage(Diagnostic {
            message: "standard input names no operation".into(),
            remedy: "write one a line, such as `s3:GetObject`".into(),
        })),
        None => {
            answers.summarize(global);
            // A reader that left early has not had every question asked.
            Ok(match answers.outcome() {
                CommandOutcome::Proven if !all_asked => CommandOutcome::InsufficientEvidence,
                answer => answer,
            })
        }
    }
}
