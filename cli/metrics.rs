//! `onlooker metrics`: health and the newest report as OpenMetrics text.
//!
//! Enters: the state of sweeps, or a deployment. Leaves: text on standard output, in a file for node_exporter, or for each scrape.
//! Laws: the file is replaced as a whole, so a reader never sees half of it; the listener answers on this machine alone unless the
//! user says otherwise.

mod listener;

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use onlooker_core::{config::Diagnostic, render::openmetrics::openmetrics};
use onlooker_local::sweep_state::write_atomically;

use crate::{
    args::GlobalArgs,
    exit::{CommandError, CommandOutcome},
    monitored::{MonitoredArgs, MonitoredPlace},
    output,
};

/// Options of `metrics`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
docs/health.md lists the metrics; docs/integrations/grafana-dashboard.json shows them.

Examples:
  onlooker metrics
  onlooker metrics --out /var/lib/node_exporter/textfile/onlooker.prom
  onlooker metrics --listen 9464
  onlooker metrics --remote --stack onlooker --listen 9464

Exit codes:
  0  done; a status that is not healthy is a metric, and no failure
  2  usage or invalid configuration
  4  the tool failed")]
pub struct MetricsArgs {
    /// File to replace with the metrics, for the textfile collector of node_exporter
    #[arg(long, value_name = "FILE", conflicts_with = "listen")]
    out: Option<PathBuf>,
    /// Answer scrapes of Prometheus at http://ADDR/metrics until the process is ended: a port, or an address with a port
    #[arg(long, value_name = "ADDR", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Let `--listen` use an address that other machines reach; the metrics have no protection of their own
    #[arg(long, requires = "listen")]
    allow_other_machines: bool,
    #[command(flatten)]
    place: MonitoredArgs,
}

/// Reads `9464`, `127.0.0.1:9464` or `[::1]:9464`.
fn address(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<u16>() {
        Ok(port) => Ok(SocketAddr::from(([127, 0, 0, 1], port))),
        Err(_) => text.parse().map_err(|_| "write a port such as `9464`, or `127.0.0.1:9464`".to_owned()),
    }
}

/// Runs `metrics`.
pub fn run(global: &GlobalArgs, args: MetricsArgs) -> Result<CommandOutcome, CommandError> {
    if let Some(address) =
        args.listen.filter(|address| !address.ip().is_loopback() && !args.allow_other_machines)
    {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("`--listen {address}` would answer other machines"),
            remedy: "use `127.0.0.1`, or add `--allow-other-machines` and protect the port".to_owned(),
        }));
    }
    let place = MonitoredPlace::open(global, args.place, "metrics")?;
    let mut reader = place.reader();
    let mut text = |scrapes| {
        let state = place.read(&mut reader);
        openmetrics(&state.health, &state.dashboard, scrapes)
    };
    if let Some(address) = args.listen {
        listener::serve(global, address, args.allow_other_machines, &mut |scrapes| text(Some(scrapes)))?;
        return Ok(CommandOutcome::Proven);
    }
    let text = text(None);
    match args.out {
        Some(path) => write_atomically(&path, text.as_bytes())?,
        None => output::write(|out| out.write_all(text.as_bytes()))?,
    }
    Ok(CommandOutcome::Proven)
}
