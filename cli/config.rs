//! `onlooker config`: writes, validates and shows the configuration.
//!
//! Enters: `onlooker.toml` and variables. Leaves: a new file, the result of a validation, or the configuration in
//! force. Law: `validate` calls exactly those configurations invalid that every other command refuses.

mod benchmarks;
mod checks;
mod security_checks;
mod validate;

pub use self::checks::writable;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use onlooker_core::config::{self, ConfigProfile};
use onlooker_local::config_file::{self, CONFIG_FILE_NAME, LoadedConfig};

use crate::{
    args::GlobalArgs,
    environment,
    exit::{CommandError, CommandOutcome},
    output,
};

/// Options of `config`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker config init        write an onlooker.toml with every key, commented
  onlooker config init --profile management-only
                              write a short one, for management events
  onlooker config validate    check it; exit code 1 with warnings, 2 if invalid
  onlooker config validate --quick
                              the same without benchmarks
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
        /// Write only what a promise of this kind needs: `management-only` (one account), `full` (one account, with its data
        /// events) or `organization` (several accounts); docs/compliant.md has the recipe for each
        #[arg(long, value_name = "NAME", value_parser = profile)]
        profile: Option<ConfigProfile>,
        /// Replace an existing file
        #[arg(long)]
        force: bool,
    },
    /// Check the configuration, the folders it is used with, and the defenses and the speed of this program
    Validate(validate::ValidateArgs),
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
        ConfigCommand::Validate(args) => return validate::run(global, &args),
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

fn show(global: &GlobalArgs, as_json: bool) -> Result<(), CommandError> {
    let loaded = environment::configuration(global)?;
    if as_json {
        return output::versioned_json(config::CONFIG_SCHEMA_VERSION, &loaded.config);
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
