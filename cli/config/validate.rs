//! `onlooker config validate`: whether a configuration can be used, and whether what it is used with is in order.
//!
//! Enters: the configuration in force. Leaves: its mistakes, or a diagnosis. Laws: a configuration that other commands refuse is
//! invalid, whatever else is in order; one that they accept is checked further, and a warning is not a mistake.

use std::error::Error as _;

use clap::Args;
use onlooker_core::{
    config::{Config, ConfigError, ConfigLocation, ConfigProblem, Diagnostic},
    controls::ControlPackError,
    escape::escape_hidden,
};
use onlooker_local::config_file::{ConfigFileError, LoadedConfig};
use serde_json::json;

use super::{benchmarks, checks, counted, name, security_checks};
use crate::{
    args::GlobalArgs,
    diagnosis::Diagnosis,
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
    overrides::warn,
    report_output::note,
};

/// Options of `config validate`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Checks the values of settings, whether the folders can be written, what this
program was built with, and its defenses, by trying to break them. Without
--quick also how fast it writes and finds audit entries.

Exit codes:
  0  valid, and everything is in order
  1  valid, with warnings
  2  invalid, or something does not work")]
pub struct ValidateArgs {
    /// Leave out the benchmarks, which take a few seconds
    #[arg(long)]
    quick: bool,
    /// Print the result as JSON: `valid`, `file`, `problems` with location, message and remedy, `warnings` about
    /// overrides, and `checks`
    #[arg(long)]
    json: bool,
}

/// Runs `config validate`.
pub fn run(global: &GlobalArgs, args: &ValidateArgs) -> Result<CommandOutcome, CommandError> {
    let checked = environment::configuration(global).and_then(|loaded| named_files(&loaded).map(|()| loaded));
    if args.json {
        return validate_json(checked, args.quick);
    }
    let loaded = checked?;
    if !global.quiet {
        let Config { watch, exempt, overrides, .. } = &loaded.config;
        let now = environment::now();
        let expired = overrides.iter().filter(|entry| entry.expires <= now).count();
        output::write(|out| {
            writeln!(
                out,
                "{}: valid; {} watched, {} exempt, {} ({expired} expired)",
                name(&loaded),
                counted(watch.len(), "pattern"),
                counted(exempt.len(), "pattern"),
                counted(overrides.len(), "override"),
            )
        })?;
        warn(global, &warnings(&loaded)?);
        if watch.is_empty() {
            note("no principal is watched, so a sweep is a discovery; add `[[watch]]` or give `--watch`");
        }
    }
    let diagnosis = diagnose(&loaded, args.quick);
    diagnosis.print(global.quiet)?;
    Ok(diagnosis.outcome())
}

/// All checks of a valid configuration.
fn diagnose(loaded: &LoadedConfig, quick: bool) -> Diagnosis {
    let mut checks = checks::settings(loaded);
    checks.extend(checks::permissions(loaded, &checks::default_state()));
    checks.extend(checks::deployed());
    checks.extend(checks::dependencies(loaded));
    checks.extend(security_checks::all());
    if !quick {
        checks.extend(benchmarks::all(&loaded.config));
    }
    Diagnosis { checks }
}

/// Version of the shape of what `onlooker config validate --json` prints.
const SCHEMA_VERSION: &str = "1.0";

fn validate_json(
    checked: Result<LoadedConfig, CommandError>,
    quick: bool,
) -> Result<CommandOutcome, CommandError> {
    match checked {
        Ok(loaded) => {
            let (warnings, diagnosis) = (warnings(&loaded)?, diagnose(&loaded, quick));
            output::versioned_json(
                SCHEMA_VERSION,
                &json!({
                    "valid": true, "file": loaded.path, "problems": [], "warnings": warnings,
                    "checks": diagnosis.checks,
                }),
            )?;
            Ok(diagnosis.outcome())
        }
        Err(CommandError::Config(ConfigFileError::Invalid(error))) => {
            output::versioned_json(SCHEMA_VERSION, &json!({ "valid": false, "problems": error.problems }))?;
            Err(CommandError::Config(ConfigFileError::Invalid(error)))
        }
        Err(CommandError::Pack(ControlPackError::Invalid(error))) => {
            output::json(&json!({ "valid": false, "problems": error.problems }))?;
            Err(CommandError::Pack(ControlPackError::Invalid(error)))
        }
        Err(other) => {
            let key = match &other {
                CommandError::Catalog { .. } => "catalog",
                CommandError::Pack(_) => "standard_file",
                _ => return Err(other),
            };
            let mut causes = vec![other.to_string().lines().next().unwrap_or_default().to_owned()];
            causes.extend(other.source().map(ToString::to_string));
            let problem = json!({ "key": key, "message": causes.join(": "), "remedy": "correct the file" });
            output::versioned_json(SCHEMA_VERSION, &json!({ "valid": false, "problems": [problem] }))?;
            Err(other)
        }
    }
}

/// What a reader should check about the overrides of a valid configuration.
fn warnings(loaded: &LoadedConfig) -> Result<Vec<String>, CommandError> {
    let (catalog, now) = (inputs::catalog(loaded)?, environment::now());
    Ok(loaded.config.overrides.iter().flat_map(|entry| entry.warnings(catalog, now)).collect())
}

/// Checks that the files that the configuration names exist and are valid.
fn named_files(loaded: &LoadedConfig) -> Result<(), CommandError> {
    let named = [("standard_file", &loaded.config.standard_file), ("catalog", &loaded.config.catalog)];
    let missing = named.into_iter().filter_map(|(key, file)| {
        let path = loaded.resolve(file.as_deref()?);
        (!path.is_file()).then(|| ConfigProblem {
            location: ConfigLocation::Key { key: key.into() },
            diagnostic: Diagnostic {
                message: format!("`{}` is not a file", escape_hidden(&path.to_string_lossy())),
                remedy: "correct the path, which is relative to the configuration file".into(),
            },
        })
    });
    let problems: Vec<_> = missing.collect();
    if !problems.is_empty() {
        return Err(ConfigError { problems }.into());
    }
    inputs::catalog(loaded)?;
    inputs::pack(loaded)?;
    Ok(())
}
