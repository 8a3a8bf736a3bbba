//! Lambda function `pull`: pulls CloudTrail's event history, one time slice after another.
//!
//! Enters: an invocation by a schedule, with any payload, for all accounts and Regions; or a payload `{"account", "region"}`
//! for that one alone. Leaves: evidence, and a checkpoint for each account and Region. Permissions: `cloudtrail:LookupEvents`,
//! `sts:AssumeRole` of the role in other accounts, the table, and `evidence/` and `segments/` in the bucket.

use std::collections::BTreeSet;

use lambda_runtime::Error;
use onlooker_aws::EventHistory;
use onlooker_core::{
    config::{self, Diagnostic},
    jobs::{
        answers::{FunctionAnswer, PullAnswer},
        history::AccountRegion,
        pull::{PullOutcome, PullPorts, PullTask, pull},
    },
    render::emf::{MetricUnit, Metrics},
};
use onlooker_lambda::{FunctionError, Invocation, JobOutcome, serve};
use serde_json::Value;

/// Accounts and Regions to pull at the same time. Each thread waits for CloudTrail most of the time.
const THREADS: usize = 16;

fn main() -> Result<(), Error> {
    serve("pull", std::env::vars_os(), run)
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<JobOutcome, FunctionError> {
    let Invocation { resources, settings, clock, run, .. } = invocation;
    let (config, account) = (&settings.config, &resources.caller.account);
    let (account_regions, without_role) = match requested_account_region(&payload)? {
        None => (
            AccountRegion::configured(config, account, resources.aws.region()),
            AccountRegion::accounts_without_role(config, account),
        ),
        Some(account_region) => (vec![account_region], BTreeSet::new()),
    };
    let cloudtrail = EventHistory::new(resources.aws.clone(), account, config.lookup.role.clone());
    let ports = PullPorts { cloudtrail: &cloudtrail, clock, evidence: &resources.evidence };
    let task = PullTask {
        config,
        account_regions: &account_regions,
        run_id: &run.run_id,
        threads: THREADS,
        audit: Some(invocation.auditing()),
    };
    let pulled = pull(ports, task);
    let metrics = metrics(&pulled, without_role.len() as u64);
    let notes = notes(&pulled, &without_role);
    let failed: Vec<&str> = pulled.iter().filter_map(|one| one.error.as_deref()).collect();
    if failed.is_empty() {
        return Ok(JobOutcome {
            metrics,
            is_quiet: false,
            notes: notes.clone(),
            response: FunctionAnswer::Pull(PullAnswer { account_regions: pulled, notes }).to_json()?,
        });
    }
    let message = format!("{} of {} pulls failed: {}", failed.len(), pulled.len(), failed.join("; "));
    Err(FunctionError::new("AccountRegionFailed", message).with_metrics(metrics).with_notes(notes))
}

/// What the run did not pull although nothing failed.
fn notes(pulled: &[PullOutcome], without_role: &BTreeSet<String>) -> Vec<String> {
    let leased = pulled.iter().filter_map(|one| {
        let PullOutcome { account, region, leased_by, .. } = one;
        let holder = leased_by.as_deref()?;
        Some(format!("account {account} in {region} was not pulled: another run holds its lease, {holder}"))
    });
    let accounts: Vec<&str> = without_role.iter().map(String::as_str).collect();
    let unread = (!accounts.is_empty()).then(|| {
        format!(
            "the event history of these accounts was not looked up, because `lookup.role` (parameter LookupRole) is not \
             set: {}",
            accounts.join(", ")
        )
    });
    leased.chain(unread).collect()
}

/// The account and Region that a payload names, if it names one.
fn requested_account_region(payload: &Value) -> Result<Option<AccountRegion>, FunctionError> {
    let text = |name: &str| payload.get(name).and_then(Value::as_str);
    let invalid = |diagnostic: Diagnostic| FunctionError::new("InvalidRequest", diagnostic.to_string());
    match (text("account"), text("region")) {
        (Some(account), Some(region)) if payload.get("detail-type").is_none() => {
            config::account(account).and_then(|()| config::region(region)).map_err(invalid)?;
            Ok(Some(AccountRegion::new(account, region)))
        }
        _ => Ok(None),
    }
}

fn metrics(pulled: &[PullOutcome], without_role: u64) -> Metrics {
    let sum = |metric: fn(&PullOutcome) -> u64| pulled.iter().map(metric).sum();
    let lag = pulled.iter().filter_map(|one| one.lag_seconds).max();
    Metrics::default()
        .count("account_regions", pulled.len() as u64)
        .count("account_regions_failed", sum(|one| u64::from(one.error.is_some())))
        .count("account_regions_leased", sum(|one| u64::from(one.leased_by.is_some())))
        .count("accounts_without_role", without_role)
        .count("slices", sum(|one| one.slices))
        .count("requests", sum(|one| one.pages + one.throttled))
        .count("records", sum(|one| one.events + one.unreadable + one.dropped))
        .count("unreadable", sum(|one| one.unreadable))
        .count("dropped", sum(|one| one.dropped))
        .count("throttled", sum(|one| one.throttled))
        // The lag is unknown if the run reached no account and Region. Zero would claim that none is late.
        .with("lag", MetricUnit::Seconds, lag.map_or(f64::NAN, f64::from))
}
