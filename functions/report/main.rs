//! Lambda function `report`: issues reports and keeps the status.
//!
//! Invoked by a schedule (`{"schedule": "rate(1 hour)"}`; any payload that names no window will do) for the last 24 settled
//! hours, or with `{"since", "until"}`. What watched principals could do is told by the policies the function `permissions`
//! has kept of that time. Rights: the table, evidence and `policies/` to read, `reports/`, `findings/` and `cache/` to
//! write once, the topic and the bus.

use std::time::Duration;

use lambda_runtime::Error;
use onlooker_core::{
    jobs::{
        evaluation::EvaluationCriteria,
        evidence::compact,
        history::AccountRegion,
        permissions::policies_in_force,
        publish::{
            BoxError, PublishedReport, PublishedReports, ReportPublisher, ReportPurpose, ReportWindow,
            publish, report_from_evidence,
        },
    },
    ports::Clock as _,
    report::{Report, ReportRun},
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, serve};
use serde_json::{Value, json};

/// Seconds between scheduled reports where the payload does not say.
const DEFAULT_INTERVAL_SECONDS: u32 = 3_600;

/// Time that has to be left for tidying up after the report.
const RESERVED_TIME: Duration = Duration::from_secs(300);

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    serve("report", std::env::vars_os(), run).await
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources: base, settings, clock, run, .. } = invocation;
    let (window, purpose) =
        ReportWindow::from_request(&payload, clock.now(), settings.config.lookup.settling_seconds())?;
    let lanes = AccountRegion::configured(&settings.config, &base.caller.account, base.aws.region());
    let reporter = |window: ReportWindow, run: ReportRun| -> Result<Report, BoxError> {
        let policies = policies_in_force(base.table, base.store, &settings.config, window.period())?;
        let order = EvaluationCriteria { policies: &policies, ..settings.criteria() };
        report_from_evidence(&base.evidence, order, &lanes, settings.threads())(window, run)
    };
    let press = ReportPublisher {
        table: base.table,
        store: base.store,
        sinks: &base.sinks()?,
        clock,
        make_report: &reporter,
        account: &base.caller.account,
        interval_seconds: payload
            .get("schedule")
            .and_then(Value::as_str)
            .map_or(DEFAULT_INTERVAL_SECONDS, schedule_seconds),
        retention: &settings.config.retention,
    };
    let issued = publish(&press, window, purpose, run)?;
    let figures = issued.metrics();
    let mut compacted = Default::default();
    if purpose == ReportPurpose::Current && clock.remaining() > RESERVED_TIME {
        let done = compact(&base.evidence, (window.previous().since, window.until), clock.now());
        compacted = done.map_err(|error| FunctionError::from(error).with_metrics(figures.clone()))?;
    }
    let figures = figures.count("parts_merged", compacted.parts_merged);
    Ok(JobOutcome { response: response(&issued), metrics: figures, skip_run_record: false })
}

fn response(issued: &PublishedReports) -> Value {
    let report = |printed: &PublishedReport| {
        json!({
            "window": printed.window, "purpose": printed.purpose, "new": printed.is_new,
            "report": printed.revision.report, "keys": printed.revision.keys,
        })
    };
    let reports: Vec<Value> = issued.reports.iter().map(report).collect();
    let laid_aside: Vec<String> = issued.parked.iter().map(|owed| owed.window.to_string()).collect();
    json!({ "reports": reports, "standing": issued.current_status, "laid_aside": laid_aside })
}

/// Seconds between two runs of a schedule: `rate(1 hour)`. Of a `cron` expression nothing is known but that it is rarely
/// less often than daily.
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
    use super::schedule_seconds;

    #[test]
    fn schedules_are_read() {
        let intervals = ["rate(1 hour)", "rate(15 minutes)", "rate(2 days)", "cron(15 0 * * ? *)", ""]
            .map(schedule_seconds);
        assert_eq!(intervals, [3_600, 900, 172_800, 86_400, 86_400]);
    }
}
