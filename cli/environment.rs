//! What a command finds around it: clock, environment, working directory, log.
//!
//! Enters: the process. Leaves: values, so that nothing below a command has to look. Law: a variable that cannot be
//! read is told, not passed over.

use std::{env, ffi::OsString, io, path::PathBuf, time::SystemTime};

use onlooker_core::{
    config::{Diagnostic, log_filter},
    escape::escape_control,
    time::Time,
};
use onlooker_local::config_file::{self, LoadedConfig};
use tracing_subscriber::EnvFilter;

use crate::{args::GlobalArgs, exit::CommandError};

/// The time now.
pub fn now() -> Time {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Time(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// An id no other run has, and that sorts by time: a UUID of version 7.
pub fn run_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The working directory; `.` if it has no name any more.
pub fn directory() -> PathBuf {
    env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// The `ONLOOKER_*` variables.
pub fn variables() -> Result<Vec<(String, String)>, CommandError> {
    let ours = env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| name.starts_with("ONLOOKER_"))?;
        Some((name, value))
    });
    ours.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(CommandError::Usage(Diagnostic {
            message: format!("the variable `{name}` is not UTF-8 text"),
            remedy: "set it to plain text, or unset it".into(),
        })),
    })
    .collect()
}

/// The configuration in force: the file of `--config` or the nearest one, with the variables over it.
pub fn configuration(global: &GlobalArgs) -> Result<LoadedConfig, CommandError> {
    Ok(config_file::load(named_file(global).as_deref(), &directory(), variables()?)?)
}

/// The configuration file the user named, or the nearest one.
pub fn configuration_file(global: &GlobalArgs) -> Option<PathBuf> {
    named_file(global).or_else(|| config_file::discover(&directory()))
}

fn named_file(global: &GlobalArgs) -> Option<PathBuf> {
    global.config.clone().or_else(|| env_variable("ONLOOKER_CONFIG").map(PathBuf::from))
}

/// A variable of ours, as text; an empty one counts as not set.
pub fn variable_text(name: &str) -> Option<String> {
    env_variable(name).map(|value| value.to_string_lossy().into_owned())
}

/// A variable; an empty one counts as not set.
fn env_variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Sends logs to standard error, as loud as asked for.
pub fn start_logging(global: &GlobalArgs) -> Result<(), CommandError> {
    let by_count = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let from_variable = || env_variable("ONLOOKER_LOG").map(|level| level.to_string_lossy().into_owned());
    let level = global.log_level.clone().or_else(from_variable).unwrap_or_else(|| by_count.to_owned());
    log_filter(&level)?;
    let filter = EnvFilter::try_new(&level).map_err(|error| Diagnostic {
        message: format!("`{}` is not a log level: {error}", escape_control(&level)),
        remedy: "write a level, or `warn,onlooker_core=debug` for one part".into(),
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(global.colors_stderr())
        .with_target(global.verbose > 1)
        .try_init()
        .map_err(|error| {
            CommandError::Usage(Diagnostic {
                message: format!("cannot start the log: {error}"),
                remedy: "report this".into(),
            })
        })
}
