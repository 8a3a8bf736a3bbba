//! `onlooker check`: may a read-only principal make this call?
//!
//! Enters: names of operations in any form. Leaves: a result for each, in the given order. Laws: no operation is left
//! out; a name that is not an operation is unknown, and unknown is never safe.

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
An operation is an IAM action, an SDK call, or the event source and event name
of CloudTrail. Case, `-`, `_` and a date in the name, such as
`ListFunctions20150331`, are ignored.

  s3:GetObject                            IAM action
  ec2:describe_instances                  SDK call; `ec2 describe_instances` in
                                          quotes is the same
  monitoring.amazonaws.com:PutMetricAlarm event source and event name

An operation that is not in the catalog is classified by its name: Get, List and
Describe are reads, everything else is unknown, and unknown is never safe.

Examples:
  onlooker check s3:GetObject ec2:describe_instances
  onlooker check --explain kms:Decrypt     what do the sources say?
  onlooker check --stdin --json < operations.txt
  onlooker check s3:PutObject --principal arn:aws:iam::111122223333:role/ci \\
      --resource arn:aws:s3:::artifacts/build.zip

Standard input may contain blank lines and `#` comments. With --json, each
object has the fields is_valid, operation, operation_type, risk_level,
validation_message, timestamp, compliance_notes and more, in the given order.

Exit codes:
  0  all operations are read-only or allowed by an override
  1  at least one other operation is unknown or not read-only
  2  usage or invalid configuration")]
pub struct CheckArgs {
    /// `service:operation`; repeatable
    #[arg(value_name = "OP", required_unless_present = "stdin")]
    pub operations: Vec<String>,
    /// Read more operations from standard input, one per line
    #[arg(long)]
    pub stdin: bool,
    /// Show what each source says and the reason for the classification
    #[arg(long)]
    pub explain: bool,
    /// Print a JSON array, one object per operation in the given order; its schema is published
    #[arg(long)]
    pub json: bool,
    /// ARN of the principal that would make the call, to apply overrides
    #[arg(long, value_name = "ARN", value_parser = args::arn)]
    pub principal: Option<String>,
    /// ARN of a resource of the call, for overrides that are scoped to resources; repeatable
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
        let question = CheckRequest { operation, principal, resources, line, ..CheckRequest::default() };
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
            // The writer of standard input may wait for a result before it sends the next operation.
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
            message: "standard input contains no operation".into(),
            remedy: "write one operation per line, such as `s3:GetObject`".into(),
        })),
        None => {
            answers.summarize(global);
            // A reader that closes standard output early has not received every result.
            Ok(match answers.outcome() {
                CommandOutcome::Proven if !all_asked => CommandOutcome::InsufficientEvidence,
                answer => answer,
            })
        }
    }
}
