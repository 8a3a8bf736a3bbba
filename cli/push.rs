//! `onlooker push`: sends the findings and controls of a report to another service.
//!
//! Enters: a report. Leaves: findings in AWS Security Hub, and a line that counts them. Laws: nothing is sent unless this command is
//! run; the exit code is 0 only if every finding was imported.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use onlooker_core::{
    config::Diagnostic,
    escape::escape_hidden,
    jobs::import_findings::{ImportSummary, import_findings},
    render::asff::SecurityHubTarget,
};

use crate::{
    args::GlobalArgs,
    aws::AwsConnection,
    exit::{CommandError, CommandOutcome},
    output,
    report_file::given_or_latest,
};

/// Refused findings that the error lists.
const MAX_REASONS: usize = 10;

/// Options of `push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// Where to send the report
    #[command(subcommand)]
    target: PushTarget,
}

/// Services that take findings.
#[derive(Debug, Subcommand)]
enum PushTarget {
    /// AWS Security Hub of the account and region of the credentials
    #[command(after_long_help = "\
All findings and controls go to the account of the credentials, whatever account
they are about: their resources name it. A finding has the same id in every report,
so that it is updated; its workflow, notes and suppressions stay.

Needs `cargo install --path . --features aws` and the permission
securityhub:BatchImportFindings.

Examples:
  onlooker sweep ./AWSLogs --fail-on none && onlooker push security-hub
  onlooker push security-hub out/report.json
  onlooker report --remote --stack onlooker --json | onlooker push security-hub -

Exit codes:
  0  every finding was imported
  2  usage, or a file that is not a report
  4  a finding was refused, or the import failed")]
    SecurityHub(SecurityHubArgs),
}

/// Options of `push security-hub`.
#[derive(Debug, Args)]
struct SecurityHubArgs {
    /// Report to send: a `report.json`, or `-` for standard input [default: the latest sweep of the state]
    #[arg(value_name = "REPORT", conflicts_with = "state")]
    report: Option<PathBuf>,
    /// Directory of the state of earlier sweeps
    #[arg(long, value_name = "DIR", default_value = ".onlooker")]
    state: PathBuf,
}

/// Runs `push`.
pub fn run(global: &GlobalArgs, args: PushArgs) -> Result<CommandOutcome, CommandError> {
    let PushTarget::SecurityHub(args) = args.target;
    let report = given_or_latest(args.report.as_deref(), &args.state)?;
    let cloud = AwsConnection::connect("push security-hub")?;
    let region = cloud.configured_region().ok_or_else(|| {
        CommandError::Usage(Diagnostic {
            message: "no region is set, so Security Hub of none is meant".to_owned(),
            remedy: "set AWS_REGION to the region of Security Hub".to_owned(),
        })
    })?;
    let target = SecurityHubTarget::new(&cloud.caller()?.account, region);
    let summary = import_findings(&*cloud.security_hub(), &*cloud.clock(), &report, &target)?;
    if !global.quiet {
        let (imported, sent) = (summary.imported, summary.sent);
        output::write(|out| {
            writeln!(
                out,
                "Security Hub of {} in {region} imported {imported} of {sent} findings",
                target.account
            )
        })?;
    }
    match summary.is_complete() {
        true => Ok(CommandOutcome::Proven),
        false => Err(incomplete(&summary)),
    }
}

/// The error of an import that Security Hub did not take in full.
fn incomplete(summary: &ImportSummary) -> CommandError {
    let line = |id: &str, code: &str, said: &str| {
        format!("\n  {}: {}: {}", escape_hidden(id), escape_hidden(code), escape_hidden(said))
    };
    let mut reasons: String =
        summary.refused.iter().take(MAX_REASONS).map(|one| line(&one.id, &one.code, &one.message)).collect();
    if let more @ 1.. = summary.refused.len().saturating_sub(MAX_REASONS) {
        reasons.push_str(&format!("\n  {more} more were refused"));
    }
    if let unconfirmed @ 1.. = summary.unconfirmed() {
        reasons.push_str(&format!("\n  {unconfirmed} were neither imported nor refused"));
    }
    let missing = summary.sent.saturating_sub(summary.imported);
    CommandError::NotImported { missing, sent: summary.sent, reasons }
}
