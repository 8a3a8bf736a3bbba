//! `onlooker report --remote`: what a deployment has issued.
//!
//! Enters: the table and the bucket of a deployment. Leaves: one of its reports in any format, or the list of them. Laws:
//! nothing there is changed; a status that is claimed no more ends as missing evidence, unless the report shows a violation,
//! which no time undoes.

use std::io::Write;

use onlooker_core::{
    config::Fault,
    jobs::issue::{Revision, Window, history, latest},
    plain::plain,
    ports::{FailureKind, Item, PortError},
    report::Report,
    standing::Standing,
    time::{HOUR, Hour},
};

use crate::{
    args::Global,
    cloud::Cloud,
    failure::{Answer, Failure},
    output,
    publish::{Publication, answer},
    surroundings,
    sweep::Span,
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
    pub fn named(table: Option<String>, bucket: Option<String>) -> Result<Self, Failure> {
        let need = |given: Option<String>, variable: &str, option: &str| {
            given.or_else(|| surroundings::variable(variable)).ok_or_else(|| {
                let message = format!("`--remote` needs `{option}`");
                let remedy = format!(
                    "the outputs of the stack name it (`aws cloudformation describe-stacks`); it can be given as `{variable}` too"
                );
                Failure::Usage(Fault { message, remedy })
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
    global: &Global,
    deployment: &Deployment,
    period: Span,
    publication: &Publication,
) -> Result<Answer, Failure> {
    let cloud = Cloud::connect("report --remote")?;
    let table = cloud.table(&deployment.table);
    let (key, standing) = match (period.since, period.until) {
        (None, None) => {
            let standing = latest(&*table).map_err(Failure::Cloud)?;
            let report = standing.as_ref().and_then(|standing| standing.report.as_ref());
            let key = report.map(|report| report.key.clone()).ok_or_else(|| nothing("no report"))?;
            (key, standing)
        }
        (Some(since), Some(until)) => {
            let window = Window { since: since.hour().start(), until: Hour(until.0.div_ceil(HOUR)).start() };
            let found = table.query(&format!("WINDOW#{window}"), "REVISION#").map_err(Failure::Cloud)?;
            // One that cannot be read may be the newest: an older one is no answer then.
            let read = |item: Item| {
                let name = format!("{} {}", item.partition, item.sort);
                serde_json::from_value::<Revision>(item.body).map_err(|cause| misunderstood(name, cause))
            };
            let revisions: Vec<Revision> = found.into_iter().map(read).collect::<Result<_, _>>()?;
            let newest = revisions.into_iter().max_by_key(|revision| revision.report.revision);
            let none = || nothing(&format!("no report on {} to {}", window.since, window.until));
            (newest.ok_or_else(none)?.report.key, None)
        }
        _ => {
            return Err(Failure::Usage(Fault {
                message: "a deployment's report is named by both ends of its window".to_owned(),
                remedy: "give `--since` and `--until`, or neither for the latest".to_owned(),
            }));
        }
    };
    let bytes = cloud.store(&deployment.bucket).read(&key, None).map_err(Failure::Cloud)?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|cause| misunderstood(key, cause))?;
    publication.publish(global, &report, &[])?;
    let claimed = standing.as_ref().map_or(Ok(()), claimed);
    match claimed {
        Ok(()) => Ok(answer(&report)),
        Err(why) => {
            if !global.quiet {
                let note = format!("note: nothing is claimed now: {}\n", plain(&why));
                let _ = std::io::stderr().lock().write_all(note.as_bytes());
            }
            Ok(match answer(&report) {
                Answer::Violation => Answer::Violation,
                Answer::Proven | Answer::NotEnoughEvidence => Answer::NotEnoughEvidence,
            })
        }
    }
}

fn misunderstood(name: String, cause: serde_json::Error) -> Failure {
    let (operation, kind, cause) = ("understand", FailureKind::Other, Box::new(cause));
    Failure::Cloud(PortError { operation, name, kind, cause })
}

/// Whether what the report says still holds; else why not.
fn claimed(standing: &Standing) -> Result<(), String> {
    let now = surroundings::now();
    if let Some(reason) = &standing.reason {
        return Err(reason.clone());
    }
    if now >= standing.valid_until {
        return Err(format!("no report was issued since {}", standing.set_at));
    }
    Ok(())
}

/// Lists what was issued, oldest first.
pub fn list(deployment: &Deployment, json: bool) -> Result<Answer, Failure> {
    let cloud = Cloud::connect("report --remote")?;
    let standings = history(&*cloud.table(&deployment.table), "").map_err(Failure::Cloud)?;
    if json {
        output::json(&standings)?;
        return Ok(Answer::Proven);
    }
    output::write(|out| {
        writeln!(
            out,
            "{:20}  {:20}  {:20}  {:>3}  {:21}  {:>6}  {:>5}  {:>8}",
            "set at", "since", "until", "rev", "status", "score", "risk", "findings"
        )?;
        standings.iter().try_for_each(|standing| line(out, standing))
    })?;
    Ok(Answer::Proven)
}

fn line(out: &mut dyn Write, standing: &Standing) -> std::io::Result<()> {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let status = standing.status.map_or_else(|| "discovery".to_owned(), |status| status.to_string());
    let Some(report) = standing.report.as_ref().filter(|_| standing.reason.is_none()) else {
        let reason = standing.reason.as_deref().unwrap_or_default();
        return writeln!(
            out,
            "{:20}  {:48}  {status:21}  {}",
            standing.set_at.to_string(),
            "",
            plain(reason)
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

fn nothing(what: &str) -> Failure {
    Failure::Usage(Fault {
        message: format!("the deployment has issued {what}"),
        remedy: "list what there is with `onlooker report --remote --list`, or invoke its report function"
            .to_owned(),
    })
}
