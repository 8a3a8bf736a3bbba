//! `onlooker config validate`: whether a configuration can be used, and whether what it is used with is in order.
//!
//! Enters: the configuration in force. Leaves: its mistakes, or a diagnosis. Laws: a configuration that other commands refuse is
//! invalid, whatever else is in order; one that they accept is checked further, and a warning is not a mistake.

use std::{error::Error as _, path::PathBuf};

use clap::Args;
use onlooker_core::{
    config::{Config, ConfigError, ConfigLocation, ConfigProblem, Diagnostic},
    controls::ControlPackError,
    escape::escape_hidden,
    number_text::count_noun,
};
use onlooker_local::config_file::{ConfigFileError, LoadedConfig};
use schemars::JsonSchema;
use serde::Serialize;

use super::{benchmarks, checks, name, security_checks};
use crate::{
    args::GlobalArgs,
    diagnosis::{Check, Diagnosis},
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
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
    /// Print the result as JSON: `valid`, `file`, `problems` with location, message and remedy, and `checks`
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
                count_noun(watch.len() as u64, "pattern"),
                count_noun(exempt.len() as u64, "pattern"),
                count_noun(overrides.len() as u64, "override"),
            )
        })?;
        if watch.is_empty() {
            note("no principal is watched, so a sweep is a discovery; add `[[watch]]` or give `--watch`");
        }
    }
    let diagnosis = diagnose(&loaded, args.quick)?;
    diagnosis.print(global.quiet)?;
    Ok(diagnosis.outcome())
}

/// All checks of a valid configuration.
fn diagnose(loaded: &LoadedConfig, quick: bool) -> Result<Diagnosis, CommandError> {
    let mut checks = checks::settings(loaded);
    checks.extend(checks::overrides(loaded, inputs::catalog(loaded)?));
    checks.extend(checks::permissions(loaded, &checks::default_state()));
    checks.extend(checks::deployed());
    checks.extend(checks::dependencies(loaded));
    checks.extend(security_checks::all());
    if !quick {
        checks.extend(benchmarks::all(&loaded.config));
    }
    Ok(Diagnosis { checks })
}

/// Version of the shape of what `onlooker config validate --json` prints.
const SCHEMA_VERSION: &str = "2.0";

/// What `onlooker config validate --json` prints.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct ConfigValidation {
    /// Whether commands accept the configuration.
    valid: bool,
    /// The file of a valid configuration; absent without one.
    file: Option<PathBuf>,
    /// What is wrong with a configuration that is not valid.
    problems: Vec<LocatedProblem>,
    /// What was checked of a valid configuration.
    checks: Vec<Check>,
}

/// A problem, with `file`, `line` and `column`, or `variable`, or `key`.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct LocatedProblem {
    /// Name of the file, as given by the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// One-based number of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    /// Name of the environment variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    variable: Option<String>,
    /// Path of the key, such as `watch[0].principal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// What is wrong: lower case, no period, input in backticks.
    message: String,
    /// What to do about the problem, as an instruction.
    remedy: String,
}

impl From<&ConfigProblem> for LocatedProblem {
    fn from(ConfigProblem { location, diagnostic }: &ConfigProblem) -> Self {
        let Diagnostic { message, remedy } = diagnostic.clone();
        let problem = Self { message, remedy, ..Self::default() };
        match location {
            ConfigLocation::File { file, line, column } => Self {
                file: Some(file.to_string()),
                line: Some(*line as u64),
                column: Some(*column as u64),
                ..problem
            },
            ConfigLocation::Variable { variable } => Self { variable: Some(variable.to_string()), ..problem },
            ConfigLocation::Key { key } => Self { key: Some(key.to_string()), ..problem },
        }
    }
}

impl ConfigValidation {
    /// The validation of a configuration that is not valid.
    fn invalid(problems: impl IntoIterator<Item = LocatedProblem>) -> Self {
        Self { problems: problems.into_iter().collect(), ..Self::default() }
    }
}

fn validate_json(
    checked: Result<LoadedConfig, CommandError>,
    quick: bool,
) -> Result<CommandOutcome, CommandError> {
    let error = match checked {
        Ok(loaded) => {
            let diagnosis = diagnose(&loaded, quick)?;
            let outcome = diagnosis.outcome();
            let (problems, checks) = (Vec::new(), diagnosis.checks);
            let validation = ConfigValidation { valid: true, file: loaded.path, problems, checks };
            output::versioned_json(SCHEMA_VERSION, &validation)?;
            return Ok(outcome);
        }
        Err(error) => error,
    };
    let problems: Vec<LocatedProblem> = match &error {
        CommandError::Config(ConfigFileError::Invalid(invalid))
        | CommandError::Pack(ControlPackError::Invalid(invalid)) => {
            invalid.problems.iter().map(LocatedProblem::from).collect()
        }
        other => {
            let key = match other {
                CommandError::Catalog { .. } => "catalog",
                CommandError::Pack(_) => "standard_file",
                _ => return Err(error),
            };
            let mut causes = vec![other.to_string().lines().next().unwrap_or_default().to_owned()];
            causes.extend(other.source().map(ToString::to_string));
            let (key, message, remedy) =
                (Some(key.to_owned()), causes.join(": "), "correct the file".to_owned());
            vec![LocatedProblem { key, message, remedy, ..LocatedProblem::default() }]
        }
    };
    output::versioned_json(SCHEMA_VERSION, &ConfigValidation::invalid(problems))?;
    Err(error)
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

#[cfg(test)]
mod tests {
    use onlooker_core::render::versioned::versioned_schema;
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        assert_published("config-validation", SCHEMA_VERSION, &versioned_schema::<ConfigValidation>());
    }
}
