//! Lambda function `sweep`: pulls CloudTrail's event history, slice by slice.
//!
//! Invoked by a schedule, with any payload; `{"account", "region"}` pulls that lane alone. Rights: `cloudtrail:LookupEvents`,
//! `sts:AssumeRole` of the role in other accounts, the table, and `evidence/` in the bucket.

use lambda_runtime::Error;
use onlooker_aws::EventHistory;
use onlooker_core::{
    config::{self, Diagnostic},
    jobs::{
        history::AccountRegion,
        pull::{PullOutcome, PullPorts, PullTask, pull},
    },
    render::emf::{MetricUnit, Metrics},
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, serve};
use serde_json::{Value, json};

/// Lanes pulled at the same time: each waits for CloudTrail most of the time.
const THREADS: usize = 16;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    serve("sweep", std::env::vars_os(), run).await
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources: base, settings, clock, run, .. } = invocation;
    let config = &settings.config;
    let all = AccountRegion::configured(config, &base.caller.account, base.aws.region());
    let lanes = match requested_account_region(&payload)? {
        None => all,
        Some(lane) => vec![lane],
    };
    let trail = EventHistory::new(base.aws.clone(), &base.caller.account, config.lookup.role.clone());
    let ports = PullPorts { cloudtrail: &trail, clock, evidence: &base.evidence };
    let pulled =
        pull(ports, PullTask { config, account_regions: &lanes, run_id: &run.run_id, threads: THREADS });
    let figures = metrics(&pulled);
    let failed: Vec<&str> = pulled.iter().filter_map(|lane| lane.error.as_deref()).collect();
    if failed.is_empty() {
        return Ok(JobOutcome {
            response: json!({ "lanes": pulled }),
            metrics: figures,
            skip_run_record: false,
        });
    }
    let message = format!("{} of {} lanes failed: {}", failed.len(), pulled.len(), failed.join("; "));
    Err(FunctionError::new("AccountRegionFailed", message).with_metrics(figures))
}

/// The lane a payload names, if it names one.
fn requested_account_region(payload: &Value) -> Result<Option<AccountRegion>, FunctionError> {
    let text = |name: &str| payload.get(name).and_then(Value::as_str);
    let refused = |fault: Diagnostic| FunctionError::new("InvalidRequest", fault.to_string());
    match (text("account"), text("region")) {
        (Some(account), Some(region)) if payload.get("detail-type").is_none() => {
            config::account(account).and_then(|()| config::region(region)).map_err(refused)?;
            Ok(Some(AccountRegion::new(account, region)))
        }
        _ => Ok(None),
    }
}

fn metrics(pulled: &[PullOutcome]) -> Metrics {
    let sum = |figure: fn(&PullOutcome) -> u64| pulled.iter().map(figure).sum();
    let lag = pulled.iter().filter_map(|lane| lane.lag_seconds).max();
    Metrics::default()
        .count("lanes", pulled.len() as u64)
        .count("lanes_failed", sum(|lane| u64::from(lane.error.is_some())))
        .count("slices", sum(|lane| lane.slices))
        .count("requests", sum(|lane| lane.pages + lane.throttled))
        .count("records", sum(|lane| lane.events + lane.unreadable + lane.dropped))
        .count("unreadable", sum(|lane| lane.unreadable))
        .count("dropped", sum(|lane| lane.dropped))
        .count("throttled", sum(|lane| lane.throttled))
        // Of lanes nobody got to nothing is known; zero would be good news.
        .with("lag", MetricUnit::Seconds, lag.map_or(f64::NAN, f64::from))
}
