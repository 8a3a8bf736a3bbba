//! The environment of a command: clock, variables, working directory, log.
//!
//! Enters: the process. Leaves: values, so that other code need not read the environment. Law: a variable that cannot
//! be read is an error, and never skipped.

use std::{env, ffi::OsString, io, path::PathBuf, time::SystemTime};

use onlooker_core::{
    config::{Diagnostic, log_filter},
    escape::escape_hidden,
    time::Time,
};
use onlooker_local::config_file::{self, LoadedConfig};
use tracing_subscriber::{
    Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{args::GlobalArgs, exit::CommandError};

/// The current time of the system clock.
pub fn now() -> Time {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Time(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// Most memory that this process used so far, in bytes; `None` where the system does not say.
pub fn peak_memory() -> Option<u64> {
    process_memory("VmHWM:")
}

/// Memory that this process uses now, in bytes; `None` where the system does not say.
pub fn memory() -> Option<u64> {
    process_memory("VmRSS:")
}

/// Linux: proc_pid_status(5), in kB.
fn process_memory(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// A unique run id that sorts by time: a UUID of version 7.
pub fn run_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The working directory; `.` if it no longer exists.
pub fn directory() -> PathBuf {
    env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// The environment variables whose names begin with `ONLOOKER_`.
pub fn variables() -> Result<Vec<(String, String)>, CommandError> {
    let ours = env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with("ONLOOKER_"))?;
        Some((name, value))
    });
    ours.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(CommandError::Usage(Diagnostic {
            message: format!("the variable `{name}` is not UTF-8 text"),
            remedy: "set the variable to plain text, or unset the variable".into(),
        })),
    })
    .collect()
}

/// All environment variables that are text, for the clients of buckets.
#[cfg(feature = "clouds")]
pub fn all_variables() -> Vec<(String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The configuration in force: the file of `--config` or the nearest one, with the variables applied.
pub fn configuration(global: &GlobalArgs) -> Result<LoadedConfig, CommandError> {
    Ok(config_file::load(named_file(global).as_deref(), &directory(), variables()?)?)
}

/// The configuration file that the user named, or the nearest one.
pub fn configuration_file(global: &GlobalArgs) -> Option<PathBuf> {
    named_file(global).or_else(|| config_file::discover(&directory()))
}

/// The configuration file that `--config` or `ONLOOKER_CONFIG` names.
pub fn named_file(global: &GlobalArgs) -> Option<PathBuf> {
    global.config.clone().or_else(|| env_variable("ONLOOKER_CONFIG").map(PathBuf::from))
}

/// An `ONLOOKER_*` variable, as text; an empty one counts as not set.
pub fn variable_text(name: &str) -> Option<String> {
    env_variable(name).map(|value| value.to_string_lossy().into_owned())
}

/// A variable; an empty one counts as not set.
fn env_variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Warnings of Onlooker alone: the libraries describe in theirs what the error message of a command says too.
const OWN_WARNINGS: &str = "onlooker=warn,onlooker_core=warn,onlooker_evidence=warn,onlooker_aws=warn,onlooker_cloud=warn,onlooker_local=warn";

/// Starts logging to standard error at the requested level.
pub fn start_logging(global: &GlobalArgs) -> Result<(), CommandError> {
    let by_count = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => OWN_WARNINGS,
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let from_variable = || env_variable("ONLOOKER_LOG").map(|level| level.to_string_lossy().into_owned());
    let level = global.log_level.clone().or_else(from_variable).unwrap_or_else(|| by_count.to_owned());
    log_filter(&level)?;
    let filter: Targets = level.parse().map_err(|error| Diagnostic {
        message: format!("`{}` is not a log level: {error}", escape_hidden(&level)),
        remedy: "write a level, or `warn,onlooker_core=debug` for one target".into(),
    })?;
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(global.colors_stderr())
        .with_target(global.verbose > 1);
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init().map_err(|error| {
        CommandError::Usage(Diagnostic {
            message: format!("cannot start the log: {error}"),
            remedy: "report this".into(),
        })
    })
}
