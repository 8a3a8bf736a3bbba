//! `onlooker override`: allow a call although it is not read-only, with somebody who answers for it.
//!
//! Enters: the command line and the configuration file. Leaves: the file with an `[[override]]` more or less, or the
//! list of them. Law: nothing is allowed without an owner, a reason and an end.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use onlooker_core::{
    config::{Fault, Override},
    plain::plain,
    time::Time,
};
use onlooker_local::config_file::{self, ConfigFileError};
use serde_json::json;

use crate::{
    args::Global,
    failure::{Answer, Failure},
    moment::Moment,
    output, surroundings,
};

/// Options of `override`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker override add session-manager \\
      --principal 'arn:aws:iam::111122223333:role/Auditor' \\
      --operation ssm:StartSession \\
      --resource 'arn:aws:ssm:*:111122223333:document/Audit*' \\
      --owner security@example.com --reason 'looks at hosts, changes nothing' \\
      --expires 90d
  onlooker override list
  onlooker override remove session-manager

An override is judged at the time of the call, so one that has expired still
covers calls made before. With --resource, every resource of a call must match,
and a call that names none is not covered.")]
pub struct OverrideArgs {
    #[command(subcommand)]
    command: OverrideCommand,
}

#[derive(Debug, Subcommand)]
enum OverrideCommand {
    /// Add an override to the configuration file, leaving the rest of it as it is
    Add(AddArgs),
    /// List the overrides in force and those that have expired
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Remove an override from the configuration file
    Remove {
        /// Its id
        id: String,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    /// Name to remove it by: letters, digits, `-`, `_`, `.`
    id: String,
    /// ARN pattern of the principals it is for
    #[arg(long, value_name = "ARN-PATTERN")]
    principal: String,
    /// `service:Operation`, with `*` and `?` in the operation
    #[arg(long, value_name = "SERVICE:OPERATION")]
    operation: String,
    /// ARN pattern that every resource of the call must match [default: any resource, also none]
    #[arg(long, value_name = "ARN-PATTERN")]
    resource: Option<String>,
    /// Who answers for it
    #[arg(long)]
    owner: String,
    /// Why it is allowed
    #[arg(long)]
    reason: String,
    /// When it ends: a time, a date (its first moment in UTC) or a span from now such as `90d`
    #[arg(long, value_name = "WHEN")]
    expires: Moment,
}

/// Runs `override`.
pub fn run(global: &Global, args: OverrideArgs) -> Result<Answer, Failure> {
    let now = surroundings::now();
    match args.command {
        OverrideCommand::Add(args) => add(global, args, now)?,
        OverrideCommand::List { json } => list(global, json, now)?,
        OverrideCommand::Remove { id } => {
            let path = file(global)?;
            config_file::remove_override(&path, &id)?;
            note(global, &format!("removed `{}` from `{}`", plain(&id), path.display()))?;
        }
    }
    Ok(Answer::Proven)
}

fn add(global: &Global, args: AddArgs, now: Time) -> Result<(), Failure> {
    let path = file(global)?;
    let AddArgs { id, principal, operation, resource, owner, reason, expires } = args;
    let expires = expires.after(now);
    if expires <= now {
        return Err(Failure::Usage(Fault {
            message: format!("`--expires {expires}` has passed"),
            remedy: "give a time to come, such as `90d`".into(),
        }));
    }
    let entry = Override { id, principal, operation, resource, owner, reason, expires };
    entry.check()?;
    config_file::add_override(&path, &entry)?;
    note(global, &format!("added `{}` to `{}`; it ends {expires}", entry.id, path.display()))
}

fn list(global: &Global, as_json: bool, now: Time) -> Result<(), Failure> {
    let overrides = surroundings::configuration(global)?.config.overrides;
    let state = |entry: &Override| if entry.expires <= now { "expired" } else { "live" };
    if as_json {
        let rows: Vec<_> = overrides
            .iter()
            .map(|entry| {
                let mut row = json!(entry);
                if let Some(fields) = row.as_object_mut() {
                    fields.insert("state".into(), state(entry).into());
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
        for entry in &overrides {
            let verb = if state(entry) == "live" { "until" } else { "since" };
            writeln!(out, "{}  {} {verb} {}", plain(&entry.id), state(entry), entry.expires)?;
            writeln!(out, "  allows  {} by {}", plain(&entry.operation), plain(&entry.principal))?;
            if let Some(resource) = &entry.resource {
                writeln!(out, "  on      {}", plain(resource))?;
            }
            writeln!(out, "  because {} ({})", plain(&entry.reason), plain(&entry.owner))?;
        }
        Ok(())
    })
}

/// The file to change; there must be one.
fn file(global: &Global) -> Result<PathBuf, Failure> {
    Ok(surroundings::configuration_file(global).ok_or(ConfigFileError::Missing)?)
}

fn note(global: &Global, text: &str) -> Result<(), Failure> {
    if global.quiet { Ok(()) } else { output::write(|out| writeln!(out, "{text}")) }
}
