//! `onlooker override`: allows calls that are not read-only, with an owner.
//!
//! Enters: the command line and the configuration file. Leaves: the file with an `[[override]]` added or removed, or
//! the list of overrides. Laws: every override has an owner, a reason and an expiry; one that is wide, or that names an
//! operation that the catalog does not know, is shown with a warning.

use std::{io::Write as _, path::PathBuf};

use clap::{Args, Subcommand};
use onlooker_core::{
    config::{Diagnostic, Override},
    escape::escape_hidden,
    time::Time,
};
use onlooker_local::config_file::{self, ConfigFileError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
    time_arg::TimeArg,
};

/// Options of `override`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker override add session-manager \\
      --principal 'arn:aws:iam::111122223333:role/Auditor' \\
      --operation ssm:StartSession \\
      --resource 'arn:aws:ssm:*:111122223333:document/Audit*' \\
      --owner security@example.com --reason 'views hosts, changes nothing' \\
      --expires 90d
  onlooker override add last-week ... --from 7d --expires 1d
  onlooker override list
  onlooker override remove session-manager

An override is evaluated at the time of the call, so an expired override still
covers earlier calls, and one that begins now allows no call of the past. It
does not change what a call is: a principal that wrote still wrote. With
--resource, every resource of a call must match, and a call without resources is
not covered.")]
pub struct OverrideArgs {
    #[command(subcommand)]
    command: OverrideCommand,
}

#[derive(Debug, Subcommand)]
enum OverrideCommand {
    /// Add an override to the configuration file and keep the rest of it
    Add(OverrideAddArgs),
    /// List the active and the expired overrides
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Remove an override from the configuration file
    Remove {
        /// Id of the override
        id: String,
    },
}

#[derive(Debug, Args)]
struct OverrideAddArgs {
    /// Name of the override: letters, digits, `-`, `_`, `.`
    id: String,
    /// ARN pattern of the principals that it applies to
    #[arg(long, value_name = "ARN-PATTERN")]
    principal: String,
    /// `service:Operation`, with `*` and `?` in the operation
    #[arg(long, value_name = "SERVICE:OPERATION")]
    operation: String,
    /// ARN pattern that every resource of the call must match [default: any resource, or none]
    #[arg(long, value_name = "ARN-PATTERN")]
    resource: Option<String>,
    /// Who is responsible for the override
    #[arg(long)]
    owner: String,
    /// Why it is allowed
    #[arg(long)]
    reason: String,
    /// When it begins: a time, a date (midnight UTC) or a span before now such as `7d`; it allows no earlier call [default:
    /// now]
    #[arg(long, value_name = "WHEN")]
    from: Option<TimeArg>,
    /// When it expires: a time, a date (midnight UTC) or a span from now such as `90d`
    #[arg(long, value_name = "WHEN")]
    expires: TimeArg,
}

/// An override, as `onlooker override list --json` prints it.
#[derive(Debug, Serialize, JsonSchema)]
struct ListedOverride<'a> {
    /// The override.
    #[serde(flatten)]
    entry: &'a Override,
    /// Whether it allows calls of now.
    state: OverrideState,
    /// What a reader should check.
    warnings: Vec<String>,
}

/// Whether an override allows calls of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
enum OverrideState {
    /// It expired.
    #[serde(rename = "expired")]
    Expired,
    /// It does.
    #[serde(rename = "live")]
    Live,
    /// It begins later.
    #[serde(rename = "not begun")]
    NotBegun,
}

impl OverrideState {
    fn of(entry: &Override, now: Time) -> Self {
        match (entry.expires <= now, entry.has_begun(now)) {
            (true, _) => Self::Expired,
            (false, true) => Self::Live,
            (false, false) => Self::NotBegun,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Live => "live",
            Self::NotBegun => "not begun",
        }
    }
}

/// Version of the shape of what `onlooker override list --json` prints.
const SCHEMA_VERSION: &str = "1.0";

/// Runs `override`.
pub fn run(global: &GlobalArgs, args: OverrideArgs) -> Result<CommandOutcome, CommandError> {
    let now = environment::now();
    match args.command {
        OverrideCommand::Add(args) => add(global, args, now)?,
        OverrideCommand::List { json } => list(global, json, now)?,
        OverrideCommand::Remove { id } => {
            let path = file(global)?;
            config_file::remove_override(&path, &id)?;
            note(global, &format!("removed `{}` from `{}`", escape_hidden(&id), path.display()))?;
        }
    }
    Ok(CommandOutcome::Proven)
}

fn add(global: &GlobalArgs, args: OverrideAddArgs, now: Time) -> Result<(), CommandError> {
    let path = file(global)?;
    let OverrideAddArgs { id, principal, operation, resource, owner, reason, from, expires } = args;
    let expires = expires.in_future(now);
    let begins_now = from.is_none();
    let from = from.map_or(now, |from| from.in_past(now));
    if expires <= now {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("`--expires {expires}` is in the past"),
            remedy: "give a time in the future, such as `90d`".into(),
        }));
    }
    if from >= expires {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("`--from {from}` is not before `--expires {expires}`"),
            remedy: "give an `--expires` that is later than `--from`".into(),
        }));
    }
    let entry = Override { id, principal, operation, resource, owner, reason, from: Some(from), expires };
    entry.validate()?;
    let warnings = entry.warnings(inputs::catalog(&environment::configuration(global)?)?, now);
    config_file::add_override(&path, &entry)?;
    let (id, path) = (&entry.id, path.display());
    note(global, &format!("added `{id}` to `{path}`; it begins {from} and expires {expires}"))?;
    if begins_now {
        note(global, "  it allows no call of the past; `--from 7d` would begin a week ago")?;
    }
    warn(global, &warnings);
    Ok(())
}

/// Writes warnings about overrides to standard error.
pub fn warn(global: &GlobalArgs, warnings: &[String]) {
    for warning in warnings.iter().filter(|_| !global.quiet) {
        // A write error on standard error is ignored.
        let _ = writeln!(std::io::stderr().lock(), "warning: {}", escape_hidden(warning));
    }
}

fn list(global: &GlobalArgs, as_json: bool, now: Time) -> Result<(), CommandError> {
    let loaded = environment::configuration(global)?;
    let (overrides, catalog) = (&loaded.config.overrides, inputs::catalog(&loaded)?);
    if as_json {
        let rows: Vec<_> = overrides
            .iter()
            .map(|entry| ListedOverride {
                entry,
                state: OverrideState::of(entry, now),
                warnings: entry.warnings(catalog, now),
            })
            .collect();
        return output::versioned_list(SCHEMA_VERSION, &rows);
    }
    if overrides.is_empty() {
        return note(global, "no overrides");
    }
    output::write(|out| {
        for entry in overrides {
            let state = OverrideState::of(entry, now);
            let verb = if state == OverrideState::Expired { "since" } else { "until" };
            writeln!(out, "{}  {} {verb} {}", escape_hidden(&entry.id), state.word(), entry.expires)?;
            writeln!(
                out,
                "  allows  {} by {}",
                escape_hidden(&entry.operation),
                escape_hidden(&entry.principal)
            )?;
            if let Some(resource) = &entry.resource {
                writeln!(out, "  on      {}", escape_hidden(resource))?;
            }
            if let Some(from) = entry.from {
                writeln!(out, "  from    {from}")?;
            }
            writeln!(out, "  because {} ({})", escape_hidden(&entry.reason), escape_hidden(&entry.owner))?;
            for warning in entry.warnings(catalog, now) {
                writeln!(out, "  warning {}", escape_hidden(&warning))?;
            }
        }
        Ok(())
    })
}

/// The file to change; it must exist.
fn file(global: &GlobalArgs) -> Result<PathBuf, CommandError> {
    Ok(environment::configuration_file(global).ok_or(ConfigFileError::NotFound)?)
}

fn note(global: &GlobalArgs, text: &str) -> Result<(), CommandError> {
    if global.quiet { Ok(()) } else { output::write(|out| writeln!(out, "{text}")) }
}

#[cfg(test)]
mod tests {
    use onlooker_core::render::versioned::versioned_list_schema;
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        assert_published("override-list", SCHEMA_VERSION, &versioned_list_schema::<ListedOverride<'_>>());
    }
}
