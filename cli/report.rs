//! `onlooker report`: shows the reports of past sweeps.
//!
//! Enters: the state of past sweeps, or two reports. Leaves: one report in any format, the list of them, a new report
//! for a period, or what changed from one report to another. Law: a stored report is shown unchanged.

pub mod diff;

use std::path::PathBuf;

use clap::Args;
use onlooker_core::{config::Diagnostic, escape::escape_hidden, render::Format};
use onlooker_local::{
    local_files::LocalFiles,
    sweep_state::{PastRun, SWEEP_LIST_SCHEMA_VERSION, SweepState},
};

use crate::{
    args::{self, GlobalArgs},
    authorization_details,
    deployment_report::{self, Deployment},
    environment,
    exit::{CommandError, CommandOutcome},
    fail_on::FailOn,
    output,
    report_output::{ReportExtent, ReportOutput, conclude},
    standards::StandardChoice,
    sweep::{EvidencePeriod, SweepScope, run_sweep},
    text_table::ScreenSettings,
    time_arg::TimeArg,
};

/// Options of `report`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker report                          the latest sweep on one screen
  onlooker report --full                   all of it
  onlooker report --list                   all sweeps
  onlooker report --run 01J8 --format html,csv --out reports
  onlooker report --format markdown --out comment.md
  onlooker report --since 2027-01-01 --until 2027-02-01 --json
  onlooker report --since 7d --authorization-details iam.json
  onlooker report --standard SOC2          a new report with these controls, for
                                           the principals of the configuration
  onlooker report --remote --stack onlooker
                                           current status of a deployment
  onlooker report --remote --table NAME --bucket NAME
  onlooker report --remote --list
  onlooker report --diff old/report.json new/report.json
                                           what changed, and did anything get
                                           worse?

`--remote` needs `cargo install --path . --features aws` and the permissions
dynamodb:Query and s3:GetObject; with `--stack` also
cloudformation:DescribeStacks. Table and bucket are outputs of the stack.

The exit code is that of the sweep that is shown, by the statuses and severities
of --fail-on. With --diff, only what got worse counts: a watched principal that
is NON_COMPLIANT and was not, one that was COMPLIANT and is
INSUFFICIENT_EVIDENCE, and findings that are new or more severe.")]
pub struct ReportArgs {
    /// Show a published report of a deployment: its latest, or with `--since` and `--until` the newest for that
    /// window
    #[arg(long, conflicts_with_all = ["run", "state", "standard", "pack"])]
    pub remote: bool,
    /// Stack of the deployment, whose outputs name its table and bucket; in the region of AWS_REGION or the profile
    #[arg(long, value_name = "NAME", requires = "remote")]
    pub stack: Option<String>,
    /// Table of the deployment [env: ONLOOKER_TABLE]
    #[arg(long, value_name = "NAME", requires = "remote")]
    pub table: Option<String>,
    /// Bucket of the deployment [env: ONLOOKER_BUCKET]
    #[arg(long, value_name = "NAME", requires = "remote")]
    pub bucket: Option<String>,
    /// Sweep to show: its id, the start of its id, or `latest`
    #[arg(long, value_name = "ID", default_value = "latest", conflicts_with_all = ["standard", "pack"])]
    pub run: String,
    /// Compare two reports, each a `report.json` or `-`: new, gone and changed findings, statuses and scores; as text, `json` or
    /// `markdown`
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"],
          conflicts_with_all = ["run", "list", "since", "until", "authorization_details", "standard", "pack", "remote", "state"])]
    pub diff: Vec<PathBuf>,
    /// List the sweeps with their time, status and score
    #[arg(long, conflicts_with_all = ["run", "since", "until", "standard", "pack", "format", "out", "fail_on"])]
    pub list: bool,
    /// Generate a new report for the stored evidence from this time: a time, a date or a span before now such as
    /// `24h`
    #[arg(long, value_name = "WHEN", conflicts_with = "run")]
    pub since: Option<TimeArg>,
    /// Generate a new report for the stored evidence up to this time
    #[arg(long, value_name = "WHEN", conflicts_with = "run")]
    pub until: Option<TimeArg>,
    /// Policies of the principals for a new report: the output of `aws iam get-account-authorization-details`, which
    /// counts as in force for the whole period; repeatable, one file for each account
    #[arg(long, value_name = "FILE", conflicts_with_all = ["run", "list", "remote"])]
    pub authorization_details: Vec<PathBuf>,
    /// The controls of a new report.
    #[command(flatten)]
    pub standard: StandardChoice,
    /// Formats to write to `--out`, or the format to print; separated by commas [default: terminal]
    #[arg(long, value_name = "FORMATS", value_parser = args::format(), value_delimiter = ',')]
    pub format: Vec<&'static Format>,
    /// Directory for the files `report.json`, `report.html` and so on, created if missing; or, for one format of one file, a
    /// file: a name with an ending, such as `page.html`
    #[arg(long, value_name = "FILE|DIR")]
    pub out: Option<PathBuf>,
    /// Print JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// How much is printed.
    #[command(flatten)]
    pub extent: ReportExtent,
    /// What the command fails on.
    #[command(flatten)]
    pub fail_on: FailOn,
    /// Directory of the state of earlier sweeps
    #[arg(long, value_name = "DIR", default_value = ".onlooker")]
    pub state: PathBuf,
}

/// Runs `report`.
pub fn run(global: &GlobalArgs, args: ReportArgs) -> Result<CommandOutcome, CommandError> {
    let publication = ReportOutput {
        formats: args.format,
        out: args.out,
        json: args.json,
        extent: args.extent,
        again: None,
    };
    publication.validate()?;
    args.fail_on.validate()?;
    if !args.diff.is_empty() {
        return diff::run(global, &args.diff, &publication, &args.fail_on);
    }
    if args.remote {
        let deployment = Deployment::from_args(args.stack, args.table, args.bucket)?;
        if args.list {
            return deployment_report::list(&deployment, publication.json);
        }
        let period = EvidencePeriod::from_args(args.since, args.until)?;
        return deployment_report::show(global, &deployment, period, &publication, &args.fail_on);
    }
    let Some(mut state) = SweepState::open_existing(&args.state)? else {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("there is no state in `{}`", args.state.display()),
            remedy: "sweep log files first with `onlooker sweep PATH`, or give the state with `--state DIR`"
                .into(),
        }));
    };
    let runs = state.runs()?;
    if args.list {
        list(global, &runs, publication.json)?;
        return Ok(CommandOutcome::Proven);
    }
    let anew = args.since.is_some()
        || args.until.is_some()
        || args.standard.is_given()
        || !args.authorization_details.is_empty();
    if anew {
        let policies = authorization_details::policies(&args.authorization_details)?;
        let period = EvidencePeriod::from_args(args.since, args.until)?;
        let mut loaded = environment::configuration(global)?;
        args.standard.apply(&mut loaded.config);
        let nothing_else = LocalFiles::new([] as [String; 0]);
        let integrity = state.integrity()?;
        let scope = SweepScope { integrity: integrity.as_ref(), ..period.into() };
        let report =
            run_sweep(global, &loaded, &policies, &nothing_else, Some(&mut state), scope, None)?.report;
        publication.write(global, &report, &[])?;
        return Ok(conclude(global, &report, &args.fail_on));
    }
    if runs.is_empty() {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("there is no sweep in `{}`", args.state.display()),
            remedy: "sweep log files first with `onlooker sweep PATH`, or give the state with `--state DIR`"
                .into(),
        }));
    }
    let wanted = |run: &&PastRun| args.run == "latest" || run.run_id.starts_with(&args.run);
    let found: Vec<&PastRun> = runs.iter().filter(wanted).collect();
    let run = match *found {
        [] => {
            return Err(CommandError::Usage(Diagnostic {
                message: format!(
                    "no past sweep (run) in `{}` has the id `{}`",
                    args.state.display(),
                    escape_hidden(&args.run)
                ),
                remedy: "list the past sweeps with `onlooker report --list`".into(),
            }));
        }
        [run] => run,
        [latest, ..] if args.run == "latest" => latest,
        [..] => {
            return Err(CommandError::Usage(Diagnostic {
                message: format!(
                    "the id is ambiguous: {} past sweeps (runs) have an id that begins with `{}`",
                    found.len(),
                    escape_hidden(&args.run)
                ),
                remedy: "give more characters of the id; `onlooker report --list` lists the ids".into(),
            }));
        }
    };
    let report = state.report(&run.run_id)?;
    publication.write(global, &report, &[state.report_path(&run.run_id)])?;
    Ok(conclude(global, &report, &args.fail_on))
}

fn list(global: &GlobalArgs, runs: &[PastRun], json: bool) -> Result<(), CommandError> {
    /// Columns of the whole list.
    const WIDE: usize = 121;
    if json {
        return output::versioned_list(SWEEP_LIST_SCHEMA_VERSION, runs);
    }
    // On a narrow terminal, the start of the id, which `--run` takes too, and no counts.
    let is_narrow = ScreenSettings::of(global).width.is_some_and(|width| width < WIDE);
    let id_width = if is_narrow { 13 } else { 36 };
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let line = |cells: [&str; 7]| {
        let [id, time, status, score, risk, events, findings] = cells;
        let id: String = id.chars().take(id_width).collect();
        let line = format!("{id:id_width$}  {time:20}  {status:21}  {score:>6}  {risk:>5}");
        match is_narrow {
            true => line,
            false => format!("{line}  {events:>10}  {findings:>8}"),
        }
    };
    output::write(|out| {
        let heading = ["run", "generated at", "status", "score", "risk", "events", "findings"];
        writeln!(out, "{}", line(heading))?;
        runs.iter().try_for_each(|run| {
            let cells = [
                &*run.run_id,
                &run.generated_at.to_string(),
                run.status.as_deref().unwrap_or("discovery"),
                &number(run.compliance_score),
                &number(run.risk_score),
                &run.events.to_string(),
                &run.findings.to_string(),
            ];
            writeln!(out, "{}", line(cells))
        })
    })
}

#[cfg(test)]
mod tests {
    use onlooker_core::render::versioned::versioned_list_schema;
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        assert_published("sweep-list", SWEEP_LIST_SCHEMA_VERSION, &versioned_list_schema::<PastRun>());
    }
}
