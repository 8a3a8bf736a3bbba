//! `onlooker report --remote`: the reports that a deployment has published.
//!
//! Enters: the table and the bucket of a deployment. Leaves: one of its reports in any format, or the list of them.
//! Laws: the deployment is not changed; a status that is no longer current counts as not enough evidence, unless the
//! report shows a violation, which remains one.

use std::{collections::BTreeMap, io::Write};

use onlooker_core::{
    config::Diagnostic,
    current_status::CurrentStatus,
    escape::escape_hidden,
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
    fail_on::FailOn,
    output,
    report_output::{ReportOutput, conclude, note},
    sweep::EvidencePeriod,
};

/// The deployment to read.
#[derive(Debug)]
pub struct Deployment {
    /// Name of the deployment's table.
    pub table: String,
    /// Name of the deployment's bucket.
    pub bucket: String,
}

impl Deployment {
    /// The deployment that options or variables name: by its table and bucket, or by its stack, which has both as outputs.
    pub fn from_args(
        stack: Option<String>,
        table: Option<String>,
        bucket: Option<String>,
    ) -> Result<Self, CommandError> {
        let outputs = stack.as_deref().map(StackOutputs::read).transpose()?;
        let need = |given: Option<String>, variable: &str, option: &str, output: &str| {
            if let Some(name) = given {
                return Ok(name);
            }
            if let Some(outputs) = &outputs {
                return outputs.get(output);
            }
            environment::variable_text(variable).ok_or_else(|| {
                let message = format!("`--remote` needs `--stack NAME`, or `{option}`");
                let remedy = format!("name the stack of the deployment, or set `{variable}`");
                CommandError::Usage(Diagnostic { message, remedy })
            })
        };
        Ok(Self {
            table: need(table, "ONLOOKER_TABLE", "--table NAME", "Table")?,
            bucket: need(bucket, "ONLOOKER_BUCKET", "--bucket NAME", "Bucket")?,
        })
    }
}

/// The outputs of a stack.
struct StackOutputs<'a> {
    stack: &'a str,
    outputs: BTreeMap<String, String>,
}

impl<'a> StackOutputs<'a> {
    fn read(stack: &'a str) -> Result<Self, CommandError> {
        let cloud = AwsConnection::connect("--remote --stack")?;
        let outputs = cloud.stack_outputs(stack).map_err(|error| match error {
            CommandError::Aws(error) if error.kind == PortErrorKind::NotFound => {
                CommandError::Usage(Diagnostic {
                    message: format!("there is no stack `{}` in {}", escape_hidden(stack), cloud.region()),
                    remedy: "correct the name, or set AWS_REGION to the region of the stack".to_owned(),
                })
            }
            other => other,
        })?;
        Ok(Self { stack, outputs })
    }

    fn get(&self, output: &str) -> Result<String, CommandError> {
        self.outputs.get(output).cloned().ok_or_else(|| {
            CommandError::Usage(Diagnostic {
                message: format!("the stack `{}` has no output `{output}`", escape_hidden(self.stack)),
                remedy: "name a stack of Onlooker whose creation has ended".to_owned(),
            })
        })
    }
}

/// Shows the latest report, or the newest report for a window.
pub fn show(
    global: &GlobalArgs,
    deployment: &Deployment,
    period: EvidencePeriod,
    publication: &ReportOutput,
    fail_on: &FailOn,
) -> Result<CommandOutcome, CommandError> {
    let cloud = AwsConnection::connect("report --remote")?;
    let table = cloud.table(&deployment.table);
    let (key, current_status) = match (period.since, period.until) {
        (None, None) => {
            let current_status = latest(&*table).map_err(CommandError::Aws)?;
            let report = current_status.as_ref().and_then(|current_status| current_status.report.as_ref());
            let key =
                report.map(|report| report.report_key.clone()).ok_or_else(|| not_published("no report"))?;
            (key, current_status)
        }
        (Some(since), Some(until)) => {
            let window = ReportWindow {
                since: since.hour().start(),
                until: Hour(until.0.div_ceil(HOUR_SECONDS)).start(),
            };
            let found = table.query(&format!("WINDOW#{window}"), "REVISION#").map_err(CommandError::Aws)?;
            // An unreadable revision may be the newest, so an older one must not be shown in its place.
            let read = |item: TableItem| {
                let name = format!("{} {}", item.partition_key, item.sort_key);
                serde_json::from_value::<RevisionRecord>(item.body)
                    .map_err(|cause| unreadable_item(name, cause))
            };
            let revisions: Vec<RevisionRecord> = found.into_iter().map(read).collect::<Result<_, _>>()?;
            let newest = revisions.into_iter().max_by_key(|revision| revision.report.revision);
            let none = || not_published(&format!("no report for {} to {}", window.since, window.until));
            (newest.ok_or_else(none)?.report.report_key, None)
        }
        _ => {
            return Err(CommandError::Usage(Diagnostic {
                message: "a report of a deployment needs both ends of its window".to_owned(),
                remedy: "give both `--since` and `--until`, or neither for the latest report".to_owned(),
            }));
        }
    };
    let bytes = cloud.store(&deployment.bucket).read(&key, None).map_err(CommandError::Aws)?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|cause| unreadable_item(key, cause))?;
    publication.write(global, &report, &[])?;
    let validity = current_status.as_ref().map_or(Ok(()), check_still_valid);
    match validity {
        Ok(()) => Ok(conclude(global, &report, fail_on)),
        Err(reason) => {
            if !global.quiet {
                note(&format!("the status is not current: {reason}"));
            }
            Ok(match conclude(global, &report, fail_on) {
                CommandOutcome::Proven if fail_on.fails_without_evidence() => {
                    CommandOutcome::InsufficientEvidence
                }
                outcome => outcome,
            })
        }
    }
}

fn unreadable_item(name: String, cause: serde_json::Error) -> CommandError {
    let (operation, kind, cause) = ("parse", PortErrorKind::Other, Box::new(cause));
    CommandError::Aws(PortError { operation, name, kind, cause })
}

/// Checks that the status is still current; the error is the reason why not.
fn check_still_valid(current_status: &CurrentStatus) -> Result<(), String> {
    let now = environment::now();
    if let Some(reason) = &current_status.reason {
        return Err(reason.clone());
    }
    if now >= current_status.valid_until {
        return Err(format!("no report was published since {}", current_status.set_at));
    }
    Ok(())
}

/// Lists the published reports and statuses, oldest first.
pub fn list(deployment: &Deployment, json: bool) -> Result<CommandOutcome, CommandError> {
    let cloud = AwsConnection::connect("report --remote")?;
    let statuses = history(&*cloud.table(&deployment.table), "").map_err(CommandError::Aws)?;
    if json {
        output::json(&statuses)?;
        return Ok(CommandOutcome::Proven);
    }
    output::write(|out| {
        writeln!(
            out,
            "{:20}  {:20}  {:20}  {:>3}  {:21}  {:>6}  {:>5}  {:>8}",
            "set at", "since", "until", "rev", "status", "score", "risk", "findings"
        )?;
        statuses.iter().try_for_each(|current_status| print_row(out, current_status))
    })?;
    Ok(CommandOutcome::Proven)
}

fn print_row(out: &mut dyn Write, current_status: &CurrentStatus) -> std::io::Result<()> {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let status = current_status.status.map_or_else(|| "discovery".to_owned(), |status| status.to_string());
    let Some(report) = current_status.report.as_ref().filter(|_| current_status.reason.is_none()) else {
        let reason = current_status.reason.as_deref().unwrap_or_default();
        return writeln!(
            out,
            "{:20}  {:48}  {status:21}  {}",
            current_status.set_at.to_string(),
            "",
            escape_hidden(reason)
        );
    };
    writeln!(
        out,
        "{:20}  {:20}  {:20}  {:>3}  {status:21}  {:>6}  {:>5}  {:>8}",
        current_status.set_at.to_string(),
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
        message: format!("the deployment has published {what}"),
        remedy: "list its reports with `onlooker report --remote --list`, or invoke its report function"
            .to_owned(),
    })
}
