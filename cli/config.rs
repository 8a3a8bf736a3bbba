//! `onlooker config`: writes, validates and shows the configuration.
//!
//! Enters: `onlooker.toml` and variables. Leaves: a new file, the result of a validation, or the configuration in
//! force. Law: `validate` accepts exactly the configurations that every other command accepts.

use std::{
    error::Error as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use onlooker_core::{
    config::{self, Config, ConfigError, ConfigLocation, ConfigProblem, ConfigProfile, Diagnostic},
    escape::escape_hidden,
};
use onlooker_local::config_file::{self, CONFIG_FILE_NAME, ConfigFileError, LoadedConfig};
use serde_json::json;

use crate::{
    args::GlobalArgs,
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
    overrides::warn,
};

/// Options of `config`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker config init        write an onlooker.toml with every key, commented
  onlooker config init --profile management-only
                              write a short one, for management events
  onlooker config validate    check it; exit code 2 if it is invalid
  onlooker config show        the configuration in force: file and variables
  onlooker config schema > onlooker.schema.json

Every key can be set as an environment variable, which overrides the file:
`thresholds.error_rate` is ONLOOKER_THRESHOLDS_ERROR_RATE. Lists are separated
by commas and replace the whole list of the file. An empty variable counts as
not set.")]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Write a commented configuration
    Init {
        /// File to write
        #[arg(default_value = CONFIG_FILE_NAME, value_name = "FILE")]
        path: PathBuf,
        /// Write only what a promise of this kind needs; docs/compliant.md has the recipe for each
        #[arg(long, value_name = "NAME", value_parser = profile)]
        profile: Option<ConfigProfile>,
        /// Replace an existing file
        #[arg(long)]
        force: bool,
    },
    /// Check the configuration, with its variables and the files that it names
    Validate {
        /// Print the result as JSON: `valid`, `file`, `problems` with location, message and remedy, and `warnings`
        /// about overrides
        #[arg(long)]
        json: bool,
    },
    /// Print the configuration in force: defaults, file and variables together
    Show {
        /// Print JSON instead of TOML
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the configuration, for editors
    Schema,
}

/// Runs `config`.
pub fn run(global: &GlobalArgs, args: ConfigArgs) -> Result<CommandOutcome, CommandError> {
    match args.command {
        ConfigCommand::Init { path, profile, force } => init(global, &path, profile, force)?,
        ConfigCommand::Validate { json } => return validate(global, json),
        ConfigCommand::Show { json } => show(global, json)?,
        ConfigCommand::Schema => output::write(|out| writeln!(out, "{:#}", config::schema()))?,
    }
    Ok(CommandOutcome::Proven)
}

fn profile(name: &str) -> Result<ConfigProfile, String> {
    ConfigProfile::ALL
        .into_iter()
        .find(|profile| profile.name() == name)
        .ok_or_else(|| format!("choose one of {}", ConfigProfile::ALL.map(ConfigProfile::name).join(", ")))
}

fn init(
    global: &GlobalArgs,
    path: &Path,
    profile: Option<ConfigProfile>,
    force: bool,
) -> Result<(), CommandError> {
    let text = profile.map_or_else(config::template, ConfigProfile::template);
    config_file::create(path, &text, force)?;
    if global.quiet {
        return Ok(());
    }
    output::write(|out| {
        writeln!(out, "wrote `{}`", path.display())?;
        if profile.is_some() {
            return writeln!(
                out,
                "  next: complete the lines with EDIT, then run `onlooker config validate` and `onlooker sweep`"
            );
        }
        writeln!(
            out,
            "  next: add principals that are promised to be read-only as `[[watch]]`, then run \
             `onlooker config validate`"
        )
    })
}

fn validate(global: &GlobalArgs, as_json: bool) -> Result<CommandOutcome, CommandError> {
    let checked = environment::configuration(global).and_then(|loaded| named_files(&loaded).map(|()| loaded));
    if as_json {
        return validate_json(checked);
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
            tracing::warn!(
                "no principal is watched, so a sweep is a discovery; add `[[watch]]` or give `--watch`"
            );
        }
    }
    Ok(CommandOutcome::Proven)
}

fn validate_json(checked: Result<LoadedConfig, CommandError>) -> Result<CommandOutcome, CommandError> {
    match checked {
        Ok(loaded) => {
            let warnings = warnings(&loaded)?;
            output::json(
                &json!({ "valid": true, "file": loaded.path, "problems": [], "warnings": warnings }),
            )?;
            Ok(CommandOutcome::Proven)
        }
        Err(CommandError::Config(ConfigFileError::Invalid(error))) => {
            output::json(&json!({ "valid": false, "problems": error.problems }))?;
            Err(CommandError::Config(ConfigFileError::Invalid(error)))
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
            output::json(&json!({ "valid": false, "problems": [problem] }))?;
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

fn show(global: &GlobalArgs, as_json: bool) -> Result<(), CommandError> {
    let loaded = environment::configuration(global)?;
    if as_json {
        return output::json(&loaded.config);
    }
    let text = loaded.config.to_toml().map_err(|error| CommandError::Output(std::io::Error::other(error)))?;
    let set: Vec<String> = environment::variables()?
        .into_iter()
        .filter(|(name, value)| {
            !value.is_empty() && !config::RESERVED_VARIABLES.iter().any(|(reserved, _)| reserved == name)
        })
        .map(|(name, _)| name)
        .collect();
    output::write(|out| {
        writeln!(out, "# from {}", name(&loaded))?;
        for variable in &set {
            writeln!(out, "# from the variable {variable}")?;
        }
        write!(out, "{text}")
    })
}

fn name(loaded: &LoadedConfig) -> String {
    loaded.path.as_ref().map_or_else(|| "defaults (no file)".into(), |path| path.display().to_string())
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
