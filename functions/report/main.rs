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
        evidence::compact,
        history::Lane,
        issue::{Cause, Issued, Press, Printed, Purpose, Window, issue, of_evidence},
        judge::Order,
        permissions::policies,
    },
    ports::Clock as _,
    report::{Report, Run},
};
use onlooker_lambda::{Failure, Invocation, Outcome, serve};
use serde_json::{Value, json};

/// Seconds between scheduled reports where the payload does not say.
const HOURLY: u32 = 3_600;

/// Time that has to be left for tidying up after the report.
const SPARE: Duration = Duration::from_secs(300);

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    serve("report", std::env::vars_os(), run).await
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<Outcome, Failure> {
    let Invocation { base, settings, clock, run, .. } = invocation;
    let (window, purpose) = Window::asked(&payload, clock.now(), settings.config.lookup.settling())?;
    let lanes = Lane::of(&settings.config, &base.caller.account, base.aws.region());
    let reporter = |window: Window, run: Run| -> Result<Report, Cause> {
        let policies = policies(base.table, base.store, &settings.config, window.period())?;
        let order = Order { policies: &policies, ..settings.order() };
        of_evidence(&base.house, order, &lanes, settings.threads())(window, run)
    };
    let press = Press {
        table: base.table,
        store: base.store,
        announcers: &base.announcers()?,
        clock,
        reporter: &reporter,
        account: &base.caller.account,
        interval: payload.get("schedule").and_then(Value::as_str).map_or(HOURLY, interval),
        retention: &settings.config.retention,
    };
    let issued = issue(&press, window, purpose, run)?;
    let figures = issued.figures();
    let mut compacted = Default::default();
    if purpose == Purpose::Standing && clock.remaining() > SPARE {
        let done = compact(&base.house, (window.before().since, window.until), clock.now());
        compacted = done.map_err(|error| Failure::from(error).with(figures.clone()))?;
    }
    let figures = figures.count("parts_merged", compacted.merged);
    Ok(Outcome { answer: answer(&issued), figures, is_quiet: false })
}

fn answer(issued: &Issued) -> Value {
    let report = |printed: &Printed| {
        json!({
            "window": printed.window, "purpose": printed.purpose, "new": printed.is_new,
            "report": printed.revision.report, "keys": printed.revision.keys,
        })
    };
    let reports: Vec<Value> = issued.reports.iter().map(report).collect();
    let laid_aside: Vec<String> = issued.laid_aside.iter().map(|owed| owed.window.to_string()).collect();
    json!({ "reports": reports, "standing": issued.standing, "laid_aside": laid_aside })
}

/// Seconds between two runs of a schedule: `rate(1 hour)`. Of a `cron` expression nothing is known but that it is rarely
/// less often than daily.
fn interval(schedule: &str) -> u32 {
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
    use super::interval;

    #[test]
    fn schedules_are_read() {
        let intervals =
            ["rate(1 hour)", "rate(15 minutes)", "rate(2 days)", "cron(15 0 * * ? *)", ""].map(interval);
        assert_eq!(intervals, [3_600, 900, 172_800, 86_400, 86_400]);
    }
}
