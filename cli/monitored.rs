//! What `health`, `metrics` and `monitor` look at: the state of sweeps, or a deployment.
//!
//! Enters: options. Leaves: a [`MonitoredPlace`], and its [`MonitoredState`] each time that it is asked. Laws: nothing is changed; a
//! state that does not exist or cannot be read is an unknown value with the reason, and not a failure.

use std::path::PathBuf;

use clap::Args;
use onlooker_core::{
    catalog::Catalog,
    config::Config,
    health::HealthInput,
    jobs::health::{HealthReader, MonitoredState, SweepHistory},
    ports::{ObjectStore, Table},
    report::Report,
    time::Time,
};
use onlooker_local::{
    directory_store::DirectoryStore,
    sweep_state::{StateError, SweepState},
};

use crate::{
    args::GlobalArgs, aws::AwsConnection, deployment_report::Deployment, environment, exit::CommandError,
    inputs, time_arg::TimeArg,
};

/// Batches of the audit trail that are read from a bucket at the same time. Each read mostly waits.
const REMOTE_READERS: usize = 16;

/// Batches that are read from a directory at the same time.
const LOCAL_READERS: usize = 4;

/// What to look at.
#[derive(Debug, Args)]
pub struct MonitoredArgs {
    /// Directory of the state of sweeps
    #[arg(long, value_name = "DIR", default_value = ".onlooker")]
    state: PathBuf,
    /// Look at a deployment; needs `cargo install --path . --features aws` and the permissions dynamodb:Query,
    /// s3:GetObject and s3:ListBucket
    #[arg(long, conflicts_with = "state")]
    remote: bool,
    /// Stack of the deployment, whose outputs name its table and bucket; needs cloudformation:DescribeStacks too
    #[arg(long, value_name = "NAME", requires = "remote")]
    stack: Option<String>,
    /// Table of the deployment [env: ONLOOKER_TABLE]
    #[arg(long, value_name = "NAME", requires = "remote")]
    table: Option<String>,
    /// Bucket of the deployment [env: ONLOOKER_BUCKET]
    #[arg(long, value_name = "NAME", requires = "remote")]
    bucket: Option<String>,
    /// Age of the last sweep and of its newest evidence above which it is a warning; above twice the age it is critical
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span, conflicts_with = "remote")]
    max_age: u32,
    /// Judge ages as of this time: a time, a date or a span before now [default: now]
    #[arg(long, value_name = "WHEN")]
    at: Option<TimeArg>,
}

fn span(text: &str) -> Result<u32, String> {
    match text.parse::<TimeArg>() {
        Ok(TimeArg::Offset(seconds)) => Ok(seconds),
        _ => Err("write a span such as `90m`, `24h`, `30d` or `2w`".to_owned()),
    }
}

/// What is looked at.
pub struct MonitoredPlace {
    /// The place for people, as the user named it.
    pub name: String,
    config: Config,
    catalog: &'static Catalog,
    store: Box<dyn ObjectStore>,
    kind: PlaceKind,
    at: Option<TimeArg>,
}

enum PlaceKind {
    Sweeps { state: PathBuf, max_age_seconds: u32 },
    Deployment { table: Box<dyn Table>, _cloud: Box<AwsConnection> },
}

impl MonitoredPlace {
    /// Opens the place for a command of this name.
    pub fn open(global: &GlobalArgs, args: MonitoredArgs, command: &str) -> Result<Self, CommandError> {
        let loaded = environment::configuration(global)?;
        let catalog = inputs::catalog(&loaded)?;
        let (name, store, kind): (_, Box<dyn ObjectStore>, _) = if args.remote {
            let deployment = Deployment::from_args(args.stack, args.table, args.bucket)?;
            let cloud = AwsConnection::connect(&format!("{command} --remote"))?;
            let (table, store) = (cloud.table(&deployment.table), cloud.store(&deployment.bucket));
            (deployment.table, store, PlaceKind::Deployment { table, _cloud: Box::new(cloud) })
        } else {
            let name = args.state.display().to_string();
            let store = Box::new(DirectoryStore::new(&args.state));
            (name, store, PlaceKind::Sweeps { state: args.state, max_age_seconds: args.max_age })
        };
        Ok(Self { name, config: loaded.config, catalog, store, kind, at: args.at })
    }

    /// A reader of the place, which keeps answers from one reading to the next.
    pub fn reader(&self) -> HealthReader<'_> {
        let threads = match self.kind {
            PlaceKind::Sweeps { .. } => LOCAL_READERS,
            PlaceKind::Deployment { .. } => REMOTE_READERS,
        };
        HealthReader::new(&*self.store, &self.config, self.catalog, threads)
    }

    /// The state of the place now, or at the time of `--at`.
    pub fn read(&self, reader: &mut HealthReader<'_>) -> MonitoredState {
        let now = environment::now();
        let now = self.at.map_or(now, |at| at.in_past(now));
        match &self.kind {
            PlaceKind::Deployment { table, .. } => reader.deployment(&**table, now),
            PlaceKind::Sweeps { state, max_age_seconds } => {
                let (report, swept_at) = match newest_sweep(state) {
                    Ok(Some((report, at))) => (HealthInput::Known(report), Some(at)),
                    Ok(None) => {
                        let reason = format!("there is no sweep in `{}`", state.display());
                        (HealthInput::Unknown(reason), None)
                    }
                    Err(error) => (Err(error).into(), None),
                };
                let missing =
                    (!state.exists()).then(|| format!("there is no state in `{}`", state.display()));
                let max_age_seconds = *max_age_seconds;
                reader.sweeps(&SweepHistory { report, swept_at, max_age_seconds, missing }, now)
            }
        }
    }
}

/// The report of the newest sweep, and when it was made.
fn newest_sweep(dir: &std::path::Path) -> Result<Option<(Report, Time)>, StateError> {
    let Some(state) = SweepState::open_existing(dir)? else { return Ok(None) };
    let Some(run) = state.runs()?.into_iter().next() else { return Ok(None) };
    Ok(Some((state.report(&run.run_id)?, run.generated_at)))
}
