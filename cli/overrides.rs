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
use serde_json::json;

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
    let state = |entry: &Override| match (entry.expires <= now, entry.has_begun(now)) {
        (true, _) => "expired",
        (false, true) => "live",
        (false, false) => "not begun",
    };
    if as_json {
        let rows: Vec<_> = overrides
            .iter()
            .map(|entry| {
                let mut row = json!(entry);
                if let Some(fields) = row.as_object_mut() {
                    fields.insert("state".into(), state(entry).into());
                    fields.insert("warnings".into(), entry.warnings(catalog, now).into());
                }
                row
            })
            .collect();
        return output::json(&rows);
    }
    if overrides.is_empty() {
        return note(global, "no overrides");
    }
    output::write(|out| {
        for entry in overrides {
            let verb = if state(entry) == "expired" { "since" } else { "until" };
            writeln!(out, "{}  {} {verb} {}", escape_hidden(&entry.id), state(entry), entry.expires)?;
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
