//! Lambda function `sweep`: pulls CloudTrail's event history, slice by slice.
//!
//! Invoked by a schedule, with any payload; `{"account", "region"}` pulls that lane alone. Rights: `cloudtrail:LookupEvents`,
//! `sts:AssumeRole` of the role in other accounts, the table, and `evidence/` in the bucket.

use lambda_runtime::Error;
use serde_json::{Value, json};
use shared::{
    aws::EventHistory,
    config::{self, Fault},
    jobs::{
        evidence::{Batch, Lane as Kind, keep},
        history::Lane,
        pull::{Harvest, Order, Ports, Pulled, pull},
    },
    lambda::{Failure, Invocation, Outcome, serve},
    ports::Object,
    ports::ReadObject,
    render::emf::{Figures, Unit},
    report::hex,
};

/// Lanes pulled at the same time: each waits for CloudTrail most of the time.
const THREADS: usize = 16;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    serve("sweep", std::env::vars_os(), sweep).await
}

fn sweep(invocation: &Invocation<'_>, payload: Value) -> Result<Outcome, Failure> {
    let Invocation { base, settings, clock, run, .. } = invocation;
    let config = &settings.config;
    let all = Lane::of(config, &base.caller.account, base.aws.region());
    let lanes = match asked(&payload)? {
        None => all,
        Some(lane) => vec![lane],
    };
    let trail = EventHistory::new(base.aws.clone(), &base.caller.account, config.lookup.role.clone());
    let keep = |harvest: Harvest<'_>| {
        let (source, hour) = (harvest.source(), harvest.slice.since.hour());
        let read = read(&harvest, &source);
        let mut batch = Batch::new(Kind::Lookup, source);
        batch.add(harvest.segment, hour, read);
        keep(&base.house, batch).map(|_| ()).map_err(Into::into)
    };
    let ports = Ports { trail: &trail, table: base.table, clock, keep: &keep };
    let pulled = pull(ports, Order { config, lanes: &lanes, run: &run.run_id, threads: THREADS });
    let figures = figures(&pulled);
    let failed =
        |lane: &Pulled| Some(format!("{} in {}: {}", lane.account, lane.region, lane.error.as_ref()?));
    let failed: Vec<String> = pulled.iter().filter_map(failed).collect();
    if failed.is_empty() {
        return Ok(Outcome { answer: json!({ "lanes": pulled }), figures, is_quiet: false });
    }
    let message = format!("{} of {} lanes failed: {}", failed.len(), pulled.len(), failed.join("; "));
    Err(Failure::new("LaneFailed", message).with(figures))
}

/// The lane a payload names, if it names one.
fn asked(payload: &Value) -> Result<Option<Lane>, Failure> {
    let text = |name: &str| payload.get(name).and_then(Value::as_str);
    let refused = |fault: Fault| Failure::new("InvalidRequest", fault.to_string());
    match (text("account"), text("region")) {
        (Some(account), Some(region)) if payload.get("detail-type").is_none() => {
            config::account(account).and_then(|()| config::region(region)).map_err(refused)?;
            Ok(Some(Lane::new(account, region)))
        }
        _ => Ok(None),
    }
}

/// A slice as evidence names what it was read from.
fn read(harvest: &Harvest<'_>, source: &str) -> ReadObject {
    let name = format!("lookup://{}/{}/{}", harvest.lane.account, harvest.lane.region, harvest.slice.since);
    ReadObject {
        object: Object { name, size: 0, version: source.to_owned() },
        sha256: hex(&harvest.segment.sha256()),
        records: harvest.segment.rows().len() as u64 + harvest.unreadable.len() as u64,
        unreadable: harvest.unreadable.clone(),
    }
}

fn figures(pulled: &[Pulled]) -> Figures {
    let sum = |figure: fn(&Pulled) -> u64| pulled.iter().map(figure).sum();
    let lag = pulled.iter().filter_map(|lane| lane.behind).max();
    Figures::default()
        .count("lanes", pulled.len() as u64)
        .count("lanes_failed", sum(|lane| u64::from(lane.error.is_some())))
        .count("slices", sum(|lane| lane.slices))
        .count("requests", sum(|lane| lane.pages + lane.throttled))
        .count("records", sum(|lane| lane.events + lane.unreadable + lane.dropped))
        .count("unreadable", sum(|lane| lane.unreadable))
        .count("dropped", sum(|lane| lane.dropped))
        .count("throttled", sum(|lane| lane.throttled))
        .with("lag", Unit::Seconds, f64::from(lag.unwrap_or_default()))
}
