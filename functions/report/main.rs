//! Lambda function `report`: publishes reports and keeps the current status.
//!
//! Enters: an invocation by a schedule (`{"schedule": "rate(1 hour)"}`, or any payload without a window) for the last 24
//! settled hours, with `"skip_first": true` unless it is the first run of a deployment, which then leaves only its record; or a payload `{"since", "until"}`. The permissions of watched principals come from the policies of that
//! time, which the function `permissions` stored. Leaves: reports, findings and the current status. Permissions: the table, to
//! read evidence and `policies/`, to write each object of `reports/`, `findings/`, `summaries/` and `cache/` once, the topic and
//! the bus. It sends alert digests that are due.

use std::{collections::BTreeSet, time::Duration};

use lambda_runtime::Error;
use onlooker_core::{
    config::{Config, Diagnostic},
    jobs::{
        answers::FunctionAnswer,
        evaluation::EvaluationCriteria,
        evidence::{compact, record_identity, record_removal},
        history::AccountRegion,
        maintain::{last_tasks, verified_log_files},
        permissions::policies_in_force,
        publish::{
            BoxError, PublishedReports, ReportPublisher, ReportPurpose, ReportWindow, latest, publish,
            report_from_evidence,
        },
        runs::heartbeat,
    },
    ports::{Clock as _, Table},
    render::Format,
    report::{Report, ReportRun},
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, serve};
use serde_json::Value;

/// Number of seconds between scheduled reports, for a payload without a schedule.
const DEFAULT_INTERVAL_SECONDS: u32 = 3_600;

/// Time that must remain for compaction after the report.
const RESERVED_TIME: Duration = Duration::from_secs(300);

fn main() -> Result<(), Error> {
    serve("report", std::env::vars_os(), run)
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources, settings, clock, run, .. } = invocation;
    let (window, purpose) =
        ReportWindow::from_request(&payload, clock.now(), settings.config.lookup.settling_seconds())?;
    if payload.get("skip_first") == Some(&Value::Bool(true)) && is_first_run(resources.table)? {
        return skipped();
    }
    record_identity(resources.table, &resources.table_origin()?, clock.now())?;
    if let Some(days) = settings.config.retention.evidence_days {
        record_removal(resources.table, days, clock.now())?;
    }
    let account_regions =
        AccountRegion::configured(&settings.config, &resources.caller.account, resources.aws.region());
    let not_looked_up = AccountRegion::accounts_without_role(&settings.config, &resources.caller.account);
    let make_report = |window: ReportWindow, run: ReportRun| -> Result<Report, BoxError> {
        let policies =
            policies_in_force(resources.table, resources.store, &settings.config, window.period())?;
        let integrity = verified_log_files(resources.table, &settings.config, (window.since, window.until))?;
        let criteria =
            EvaluationCriteria { policies: &policies, integrity: integrity.as_ref(), ..settings.criteria() };
        let run = ReportRun { maintenance: last_tasks(resources.table)?, ..run };
        report_from_evidence(
            &resources.evidence,
            criteria,
            &account_regions,
            &not_looked_up,
            settings.threads(),
        )(window, run)
    };
    let formats = formats(&settings.config)?;
    let webhooks = invocation.webhooks();
    let sinks = resources.sinks(&webhooks)?;
    let publisher = ReportPublisher {
        table: resources.table,
        store: resources.store,
        sinks: &sinks,
        policy: settings.config.alerts.policy(),
        report_sinks: &resources.program_sinks(),
        latest_reports: Some(resources.latest_reports),
        bucket: &resources.bucket,
        clock,
        formats: &formats,
        make_report: &make_report,
        account: &resources.caller.account,
        interval_seconds: payload
            .get("schedule")
            .and_then(Value::as_str)
            .map_or(DEFAULT_INTERVAL_SECONDS, schedule_seconds),
        retention: &settings.config.retention,
    };
    let published = publish(&publisher, window, purpose, run).map_err(|error| {
        let metrics = error.metrics();
        FunctionError::from(error).with_metrics(metrics)
    })?;
    let metrics = published.metrics();
    let mut compacted = Default::default();
    if purpose == ReportPurpose::Current && clock.remaining() > RESERVED_TIME {
        let done = compact(&resources.evidence, (window.previous().since, window.until), clock.now());
        compacted = done.map_err(|error| FunctionError::from(error).with_metrics(metrics.clone()))?;
    }
    let metrics = metrics.count("parts_merged", compacted.parts_merged);
    // Digests that no run of `watch` has sent, also after the configuration ended them.
    let digests = invocation.notifier(&sinks).flush_digests();
    let digests = digests.map_err(|error| FunctionError::from(error).with_metrics(metrics.clone()))?;
    let metrics = metrics.field("digests_sent", digests.sent as f64);
    Ok(JobOutcome { response: response(&published)?, metrics, is_quiet: false, notes: Vec::new() })
}

/// The formats that the configuration names, each once.
fn formats(config: &Config) -> Result<Vec<&'static Format>, Diagnostic> {
    let names: BTreeSet<&str> = config.report.formats.iter().map(|format| format.as_str()).collect();
    let named = |name: &str| {
        Format::named(name).map_err(|error| Diagnostic {
            message: format!("`report.formats` names a format that this function does not have: {error}"),
            remedy: "remove it from `report.formats` or from the parameter `ReportFormats`; `onlooker report --remote --format` writes it \
                     from the stored report"
                .to_owned(),
        })
    };
    names.into_iter().map(named).collect()
}

/// Whether this function has no record of a run, and no report was attempted.
fn is_first_run(table: &dyn Table) -> Result<bool, FunctionError> {
    Ok(heartbeat(table, "report")?.is_none() && latest(table)?.is_none())
}

/// The outcome of the first run, which begins before there is evidence.
fn skipped() -> Result<JobOutcome, FunctionError> {
    let note = "no report was made: this is the first run, and the first pull may not have ended";
    Ok(JobOutcome {
        response: response(&PublishedReports::default())?,
        metrics: PublishedReports::default().metrics(),
        is_quiet: false,
        notes: vec![note.to_owned()],
    })
}

fn response(published: &PublishedReports) -> Result<Value, FunctionError> {
    Ok(FunctionAnswer::Report(published.into()).to_json()?)
}

/// Seconds between two runs of a schedule such as `rate(1 hour)`. A `cron` expression counts as daily: few reports are
/// scheduled less often.
fn schedule_seconds(schedule: &str) -> u32 {
    const DAILY: u32 = 86_400;
    let rate = schedule.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let Some((number, unit)) = rate.and_then(|rate| rate.trim().split_once(' ')) else { return DAILY };
    let seconds = match unit.trim().trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        _ => DAILY,
    };
    number.parse::<u32>().map_or(DAILY, |number| number.saturating_mul(seconds))
}

#[cfg(test)]
mod tests {
    use onlooker_core::{config::ReportFormat, render::FORMATS};

    use super::*;

    #[test]
    fn the_formats_of_the_configuration_are_those_of_the_report_each_once() {
        let mut config = Config::default();
        let names =
            |config: &Config| -> Vec<&str> { formats(config).unwrap().iter().map(|one| one.name).collect() };
        assert_eq!(names(&config), ["csv", "html", "json"]);
        config.report.formats = vec![ReportFormat::Markdown, ReportFormat::Markdown];
        assert_eq!(names(&config), ["markdown"]);
    }

    #[test]
    fn a_format_that_the_function_does_not_have_is_named() {
        for format in ReportFormat::ALL {
            let mut config = Config::default();
            config.report.formats = vec![format];
            let has_it = FORMATS.iter().any(|one| one.name == format.as_str());
            match formats(&config) {
                Ok(_) => assert!(has_it, "{format:?}"),
                Err(fault) => {
                    assert!(
                        !has_it && fault.message.contains(&format!("`{}`", format.as_str())),
                        "{fault:?}"
                    );
                    assert!(fault.remedy.contains("`ReportFormats`"), "{fault:?}");
                }
            }
        }
    }

    #[test]
    fn schedules_are_read() {
        let intervals = ["rate(1 hour)", "rate(15 minutes)", "rate(2 days)", "cron(15 0 * * ? *)", ""]
            .map(schedule_seconds);
        assert_eq!(intervals, [3_600, 900, 172_800, 86_400, 86_400]);
    }
}
