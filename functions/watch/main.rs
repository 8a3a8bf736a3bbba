//! Lambda function `watch`: alerts within seconds of a violation.
//!
//! Invoked by EventBridge with events of CloudTrail. Best effort: it alerts, and nothing it sees counts as evidence. Rights:
//! `ALERT#` items of the table, the topic and the bus.

use lambda_runtime::Error;
use onlooker_core::{
    jobs::{
        news::Newsroom,
        watch::{Watched, watch},
    },
    render::emf::{Figures, Unit},
};
use onlooker_lambda::{Failure, Invocation, Outcome, serve};
use serde_json::{Value, json};

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Error> {
    serve("watch", std::env::vars_os(), run).await
}

fn run(invocation: &Invocation<'_>, payload: Value) -> Result<Outcome, Failure> {
    let Invocation { base, settings, clock, .. } = invocation;
    let announcers = base.announcers()?;
    let newsroom = Newsroom { table: base.table, announcers: &announcers, clock };
    match watch(payload.to_string().as_bytes(), &settings.config, settings.catalog, &newsroom) {
        Ok(watched) => {
            let answer =
                json!({ "events": watched.events, "alerts": watched.alerts.len(), "told": watched.told });
            // Most events are nobody's business: a record of each would cost more than the rest together.
            let is_quiet = watched.alerts.is_empty();
            Ok(Outcome { answer, figures: figures(&watched), is_quiet })
        }
        Err(error) => {
            let figures = figures(&error.watched);
            Err(Failure::from(error).with(figures))
        }
    }
}

fn figures(watched: &Watched) -> Figures {
    let lag = watched.lag.map_or(f64::NAN, f64::from);
    Figures::default()
        .count("records", watched.events + watched.aside + watched.unreadable.len() as u64)
        .count("unreadable", watched.unreadable.len() as u64)
        .count("alerts", watched.alerts.len() as u64)
        .count("told", watched.told)
        .count("duplicates", watched.told_before)
        .with("lag", Unit::Seconds, lag)
}
