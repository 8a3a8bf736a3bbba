//! `onlooker report --remote`: what a deployment has issued.
//!
//! Enters: the table and the bucket of a deployment. Leaves: one of its reports in any format, or the list of them. Laws:
//! nothing there is changed; a status that is claimed no more ends as missing evidence, unless the report shows a violation,
//! which no time undoes.

use std::io::Write;

use onlooker_core::{
    config::Diagnostic,
    current_status::CurrentStatus,
    escape::escape_control,
    jobs::publish::{ReportWindow, RevisionRecord, history, latest},
    ports::{PortError, PortErrorKind, TableItem},
    report::Report,
    time::{HOUR_SECONDS, Hour},
};

use crate::{
    args::GlobalArgs,
    aws::AwsConnection,
    environment,
    exit::{CommandError, CommandOutcome},
    output,
    report_output::{ReportOutput, outcome},
    sweep::EvidencePeriod,
};

/// The deployment to read.
#[derive(Debug)]
pub struct Deployment {
    /// Its table.
    pub table: String,
    /// Its bucket.
    pub bucket: String,
}

impl Deployment {
    /// The deployment that options or variables name.
    pub fn from_args(table: Option<String>, bucket: Option<String>) -> Result<Self, CommandError> {
        let need = |given: Option<String>, variable: &str, option: &str| {
            given.or_else(|| environment::variable_text(variable)).ok_or_else(|| {
                let message = format!("`--remote` needs `{option}`");
                let remedy = format!(
                    "the outputs of the stack name it (`aws cloudformation describe-stacks`); it can be given as `{variable}` too"
                );
                CommandError::Usage(Diagnostic { message, remedy })
            })
        };
        Ok(Self {
            table: need(table, "ONLOOKER_TABLE", "--table NAME")?,
            bucket: need(bucket, "ONLOOKER_BUCKET", "--bucket NAME")?,
        })
    }
}

/// Shows the latest report, or the newest one on a window.
pub fn show(
    global: &GlobalArgs,
    deployment: &Deployment,
    period: EvidencePeriod,
    publication: &ReportOutput,
) -> Result<CommandOutcome, CommandError> {
    let cloud = AwsConnection::connect("report --remote")?;
    let table = cloud.table(&deployment.table);
    let (key, standing) = match (period.since, period.until) {
        (None, None) => {
            let standing = latest(&*table).map_err(CommandError::Aws)?;
            let report = standing.as_ref().and_then(|standing| standing.report.as_ref());
            let key =
                report.map(|report| report.report_key.clone()).ok_or_else(|| not_published("no report"))?;
            (key, standing)
        }
        (Some(since), Some(until)) => {
            let window = ReportWindow {
                since: since.hour().start(),
                until: Hour(until.0.div_ceil(HOUR_SECONDS)).start(),
            };
            let found = table.query(&format!("WINDOW#{window}"), "REVISION#").map_err(CommandError::Aws)?;
            // One that cannot be read may be the newest: an older one is no answer then.
            let read = |item: TableItem| {
                let name = format!("{} {}", item.partition_key, item.sort_key);
                serde_json::from_value::<RevisionRecord>(item.body)
                    .map_err(|cause| unreadable_item(name, cause))
            };
            let revisions: Vec<RevisionRecord> = found.into_iter().map(read).collect::<Result<_, _>>()?;
            let newest = revisions.into_iter().max_by_key(|revision| revision.report.revision);
            let none = || not_published(&format!("no report on {} to {}", window.since, window.until));
            (newest.ok_or_else(none)?.report.report_key, None)
        }
        _ => {
            return Err(CommandError::Usage(Diagnostic {
                message: "a deployment's report is named by both ends of its window".to_owned(),
                remedy: "give `--since` and `--until`, or neither for the latest".to_owned(),
            }));
        }
    };
    let bytes = cloud.store(&deployment.bucket).read(&key, None).map_err(CommandError::Aws)?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|cause| unreadable_item(key, cause))?;
    publication.write(global, &report, &[])?;
    let claimed = standing.as_ref().map_or(Ok(()), check_still_valid);
    match claimed {
        Ok(()) => Ok(outcome(&report)),
        Err(why) => {
            if !global.quiet {
                let note = format!("note: nothing is claimed now: {}\n", escape_control(&why));
                let _ = std::io::stderr().lock().write_all(note.as_bytes());
            }
            Ok(match outcome(&report) {
                CommandOutcome::Violation => CommandOutcome::Violation,
                CommandOutcome::Proven | CommandOutcome::InsufficientEvidence => {
                    CommandOutcome::InsufficientEvidence
                }
            })
        }
    }
}

fn unreadable_item(name: String, cause: serde_json::Error) -> CommandError {
    let (operation, kind, cause) = ("understand", PortErrorKind::Other, Box::new(cause));
    CommandError::Aws(PortError { operation, name, kind, cause })
}

/// Whether what the report says still holds; else why not.
fn check_still_valid(standing: &CurrentStatus) -> Result<(), String> {
    let now = environment::now();
    if let Some(reason) = &standing.reason {
        return Err(reason.clone());
    }
    if now >= standing.valid_until {
        return Err(format!("no report was issued since {}", standing.set_at));
    }
    Ok(())
}

/// Lists what was issued, oldest first.
pub fn list(deployment: &Deployment, json: bool) -> Result<CommandOutcome, CommandError> {
    let cloud = AwsConnection::connect("report --remote")?;
    let standings = history(&*cloud.table(&deployment.table), "").map_err(CommandError::Aws)?;
    if json {
        output::json(&standings)?;
        return Ok(CommandOutcome::Proven);
    }
    output::write(|out| {
        writeln!(
            out,
            "{:20}  {:20}  {:20}  {:>3}  {:21}  {:>6}  {:>5}  {:>8}",
            "set at", "since", "until", "rev", "status", "score", "risk", "findings"
        )?;
        standings.iter().try_for_each(|standing| print_row(out, standing))
    })?;
    Ok(CommandOutcome::Proven)
}

fn print_row(out: &mut dyn Write, standing: &CurrentStatus) -> std::io::Result<()> {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let status = standing.status.map_or_else(|| "discovery".to_owned(), |status| status.to_string());
    let Some(report) = standing.report.as_ref().filter(|_| standing.reason.is_none()) else {
        let reason = standing.reason.as_deref().unwrap_or_default();
        return writeln!(
            out,
            "{:20}  {:48}  {status:21}  {}",
            standing.set_at.to_string(),
            "",
            escape_control(reason)
        );
    };
    writeln!(
        out,
        "{:20}  {:20}  {:20}  {:>3}  {status:21}  {:>6}  {:>5}  {:>8}",
        standing.set_at.to_string(),
        report.since.to_string(),
        report.until.to_string(),
        report.revision,
        number(report.compliance_score),
        number(report.risk_score),
        report.findings
    )
}

fn not_published(what: &str) -> CommandError {
    CommandError::Usage(Diagnostic {
        message: format!("the deployment has issued {what}"),
        remedy: "list what there is with `onlooker report --remote --list`, or invoke its report function"
            .to_owned(),
    })
}
