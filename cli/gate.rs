//! `onlooker gate`: whether a pipeline may go on.
//!
//! Enters: a report, the least that is accepted, and an earlier report. Leaves: one line, or the result as JSON, JUnit or SARIF. Laws:
//! the exit code is 0 only if every check passes; a file that is not the report that its id names is refused.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use onlooker_core::{
    config::Diagnostic,
    escape::escape_hidden,
    finding::Severity,
    gate::{GateCriteria, GateOutcome, GateResult, baseline_problem, gate},
    render::{
        gate::{junit, sarif},
        json::escape_json,
    },
};
use onlooker_local::sweep_state::write_atomically;

use crate::{
    exit::{CommandError, CommandOutcome},
    output,
    report_file::{given_or_latest, read_report},
};

/// Options of `gate`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Judges a report that exists: the latest sweep of the state, or a file that
`onlooker sweep --out`, `onlooker report --out` or the function `report` wrote.

NON_COMPLIANT fails at any score. INSUFFICIENT_EVIDENCE passes only if nothing but
hours is missing, and --min-coverage of each account and region was observed; the
line says so. With --baseline, violations, errors, a low score and findings that
an earlier report has too do not fail; missing evidence always counts.

Examples:
  onlooker sweep ./AWSLogs --fail-on none && onlooker gate
  onlooker gate out/report.json --min-score 100 --fail-on high
  onlooker gate out/report.json --baseline main/report.json
  onlooker gate out/report.json --format junit --out gate.xml

Exit codes:
  0  the report passes
  1  it fails
  2  usage, or a file that is not a report
  3  the evidence does not suffice
  4  the tool failed")]
pub struct GateArgs {
    /// Report to judge: a `report.json`, or `-` for standard input [default: the latest sweep of the state]
    #[arg(value_name = "REPORT", conflicts_with = "state")]
    report: Option<PathBuf>,
    /// Least compliance score, in percent
    #[arg(long, value_name = "PERCENT", default_value = "95", value_parser = percent)]
    min_score: f64,
    /// Highest risk score, 0 to 100 [default: the risk does not count]
    #[arg(long, value_name = "NUMBER", value_parser = percent)]
    max_risk: Option<f64>,
    /// Most calls of watched principals that ended in an error other than a denial
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    max_errors: u64,
    /// Least share of the expected hours of each account and region that were observed, in percent
    #[arg(long, value_name = "PERCENT", default_value = "99", value_parser = percent)]
    min_coverage: f64,
    /// Fail on findings of this severity and the more severe ones
    #[arg(long, value_name = "SEVERITY", value_enum, ignore_case = true)]
    fail_on: Option<LeastSeverity>,
    /// Earlier report: fail only on what it does not have
    #[arg(long, value_name = "REPORT")]
    baseline: Option<PathBuf>,
    /// What to print, or to write with `--out`
    #[arg(long, value_enum, default_value_t = GateFormat::Text)]
    format: GateFormat,
    /// File for the result; the line is printed as well
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Directory of the state of earlier sweeps
    #[arg(long, value_name = "DIR", default_value = ".onlooker")]
    state: PathBuf,
}

/// Severity of `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LeastSeverity {
    Critical,
    High,
    Medium,
    Low,
    Info,
}

impl From<LeastSeverity> for Severity {
    fn from(least: LeastSeverity) -> Self {
        match least {
            LeastSeverity::Critical => Self::Critical,
            LeastSeverity::High => Self::High,
            LeastSeverity::Medium => Self::Medium,
            LeastSeverity::Low => Self::Low,
            LeastSeverity::Info => Self::Info,
        }
    }
}

/// Format of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GateFormat {
    /// One line
    Text,
    /// All checks
    Json,
    /// A test case for each check
    Junit,
    /// SARIF 2.1.0: a result for each check and finding that fails
    Sarif,
}

fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim_end_matches('%').parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=100.0).contains(&number) { Ok(number) } else { Err("not between 0 and 100".to_owned()) }
}

/// Runs `gate`.
pub fn run(args: GateArgs) -> Result<CommandOutcome, CommandError> {
    let report = given_or_latest(args.report.as_deref(), &args.state)?;
    let baseline = args.baseline.as_deref().map(read_report).transpose()?;
    if let Some(problem) = baseline.as_ref().and_then(|baseline| baseline_problem(&report, baseline)) {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("the baseline {problem}, so it excuses nothing"),
            remedy: "give an earlier report on a period that is not longer, or gate without `--baseline`"
                .to_owned(),
        }));
    }
    let criteria = GateCriteria {
        min_score: args.min_score,
        max_risk: args.max_risk,
        max_errors: args.max_errors,
        min_coverage: args.min_coverage,
        fail_on: args.fail_on.map(Severity::from),
    };
    let result = gate(&report, baseline.as_ref(), &criteria);
    print(&result, &args)?;
    Ok(match result.outcome {
        GateOutcome::Passed => CommandOutcome::Proven,
        GateOutcome::Failed => CommandOutcome::Violation,
        GateOutcome::InsufficientEvidence => CommandOutcome::InsufficientEvidence,
    })
}

/// Prints the result, or writes it to a file and prints the line.
fn print(result: &GateResult, args: &GateArgs) -> Result<(), CommandError> {
    let unwritable = |error| CommandError::Output(io::Error::other(error));
    let line = format!("{}\n", escape_hidden(&result.sentence()));
    let text = match args.format {
        // JSON for people on a terminal, and in one line otherwise.
        GateFormat::Json if args.out.is_none() => return output::json(result),
        GateFormat::Json => escape_json(serde_json::to_string_pretty(result).map_err(unwritable)?),
        GateFormat::Text => line.clone(),
        GateFormat::Junit => junit(result),
        GateFormat::Sarif => sarif(result, &location(args.report.as_deref())),
    };
    match &args.out {
        None => output::write(|out| out.write_all(text.as_bytes())),
        Some(path) => {
            write_atomically(path, text.as_bytes())?;
            output::write(|out| out.write_all(line.as_bytes()))
        }
    }
}

/// The URI of a report: the path, if it is a relative one that needs no escapes.
fn location(path: Option<&Path>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    let path = path.and_then(Path::to_str).filter(|path| *path != "-" && !path.starts_with('/'));
    path.filter(|path| path.chars().all(is_plain)).unwrap_or("report.json").to_owned()
}
