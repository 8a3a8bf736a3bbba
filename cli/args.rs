//! The command line as a value.
//!
//! Enters: arguments. Leaves: [`Cli`]. Law: no option is read and then ignored; the options of a command are in the
//! file of the command.

use std::{
    ffi::{OsStr, OsString},
    io::IsTerminal,
    path::PathBuf,
};

use clap::{
    Arg, ArgAction, Args, Command, Parser, Subcommand, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use onlooker_core::{
    config::{self, Standard, Watch},
    render::{FORMATS, Format, OMITTED_FORMATS, UnknownFormat},
};

use crate::{
    audit, backup, catalog, certify, check, completions, config as config_command, demo, doctor, gate,
    guardrails, health, manual, metrics, monitor, ops, overrides, permissions, push, replay, report,
    standards, sweep, verify,
};

/// Prove that AWS principals which are supposed to be read-only are.
#[derive(Debug, Parser)]
#[command(name = "onlooker", version, max_term_width = 100, after_long_help = EXAMPLES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command to run.
    #[command(subcommand)]
    pub command: CliCommand,
}

const EXAMPLES: &str = "\
Examples:
  onlooker demo                            a report on an example trail
  onlooker sweep ./cloudtrail              what did each principal do?
  onlooker sweep ./cloudtrail --watch 'arn:aws:iam::*:role/Auditor'
                                           was this role read-only?
  onlooker verify trail ./cloudtrail       are the log files as delivered?
  onlooker check s3:GetObject kms:Decrypt  may a read-only principal do this?
  onlooker permissions --policy role.json  what does this policy grant?
  onlooker config init                     write a configuration

Exit codes:
  0  proven                     3  not enough evidence
  1  violation found            4  the tool failed
  2  usage or invalid configuration

Results go to standard output; progress and logs go to standard error.";

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Configuration file [default: the nearest onlooker.toml here or in a directory above] [env: ONLOOKER_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print results and errors only: no progress, no notes, no warnings
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log more: -v for each step, -vv for details, -vvv for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Log filter, which overrides -v: a level, or levels for targets such as `warn,onlooker_core=debug`
    /// [env: ONLOOKER_LOG]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Color the output
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorMode::Auto)]
    pub color: ColorMode,
}

/// When to use color.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorMode {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Color the output always, also in a file or pipe
    Always,
    /// Never color the output
    Never,
}

impl ColorMode {
    /// The value of `--color`, read first so that it also applies to help and usage errors.
    pub fn from_args(args: impl Iterator<Item = OsString>) -> Self {
        let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
        let joined = args.iter().filter_map(|arg| arg.strip_prefix("--color="));
        let apart = args.iter().zip(args.iter().skip(1)).filter(|(flag, _)| *flag == "--color");
        let value = joined.chain(apart.map(|(_, value)| value.as_str())).last();
        value.and_then(|value| Self::from_str(value, false).ok()).unwrap_or(Self::Auto)
    }

    /// Whether output to `stream` is colored.
    pub fn enables_color_on(self, stream: &impl IsTerminal) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
    }
}

impl From<ColorMode> for clap::ColorChoice {
    fn from(color: ColorMode) -> Self {
        match color {
            ColorMode::Auto => Self::Auto,
            ColorMode::Always => Self::Always,
            ColorMode::Never => Self::Never,
        }
    }
}

impl GlobalArgs {
    /// Whether notes and logs on standard error are colored.
    pub fn colors_stderr(&self) -> bool {
        self.color.enables_color_on(&std::io::stderr())
    }

    /// Whether progress is shown.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Write the trail of a fictional organization and report on it
    Demo(demo::DemoArgs),
    /// Read CloudTrail log files and report which principals were read-only
    Sweep(sweep::SweepArgs),
    /// Show a past sweep, or list all sweeps
    Report(report::ReportArgs),
    /// Verify that log files are as CloudTrail delivered them
    Verify(verify::VerifyArgs),
    /// Let a pipeline go on only if a report passes
    Gate(gate::GateArgs),
    /// Send the findings and controls of a report to another service
    Push(push::PushArgs),
    /// Check whether Onlooker itself works
    Health(health::HealthArgs),
    /// Print metrics for Prometheus, or answer its scrapes
    Metrics(metrics::MetricsArgs),
    /// Show health and the newest report on a screen that renews itself
    Monitor(monitor::MonitorArgs),
    /// Check whether a read-only principal may make a call
    Check(check::CheckArgs),
    /// Show what the policies of principals grant
    Permissions(Box<permissions::PermissionsArgs>),
    /// Generate policies that limit a principal to reads, with proof
    Guardrails(guardrails::GuardrailsArgs),
    /// Show what another catalog would change in past results
    Replay(replay::ReplayArgs),
    /// Sign a certificate that a principal only read
    Certify(certify::CertifyArgs),
    /// Find, verify and prune the entries of the audit trail
    Audit(audit::AuditArgs),
    /// Make, verify and restore backups of state, audit trail and configuration
    Backup(backup::BackupArgs),
    /// Search the operations of AWS
    Ops(ops::OpsArgs),
    /// Build, compare or show the operation catalog
    Catalog(catalog::CatalogArgs),
    /// Write, check or show the configuration
    Config(config_command::ConfigArgs),
    /// Find what is wrong with this machine, the state and a deployment, and say the fix
    Doctor(doctor::DoctorArgs),
    /// List, show and check standards and their control packs
    Standards(standards::StandardsArgs),
    /// Allow a call although it is not read-only
    Override(overrides::OverrideArgs),
    /// Print shell completions
    Completions(completions::CompletionsArgs),
    /// Write manual pages and completion scripts, for packages
    Manual(manual::ManualArgs),
}

/// Reads the name of a format.
pub fn format() -> impl TypedValueParser<Value = &'static Format> {
    let names = FORMATS.iter().map(|format| PossibleValue::new(format.name).help(format.help));
    let omitted = OMITTED_FORMATS.iter().map(|(name, _)| PossibleValue::new(*name).hide(true));
    PossibleValuesParser::new(names.chain(omitted)).try_map(|name| {
        Format::named(&name).map_err(|error| match error {
            UnknownFormat::Omitted { feature, .. } => {
                format!(
                    "{error}: install `onlooker` again with `cargo install --path . --features {feature}`"
                )
            }
            UnknownFormat::Nonexistent { .. } => error.to_string(),
        })
    })
}

/// Reads one of these values by its word.
pub fn one_of<T: Copy + Send + Sync + 'static, const N: usize>(
    all: [T; N],
    word_of: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.map(word_of)).try_map(move |word| {
        let found = all.into_iter().find(|one| word_of(*one).eq_ignore_ascii_case(&word));
        found.ok_or("this is not one of the values")
    })
}

/// Reads an account id.
pub fn account(text: &str) -> Result<String, String> {
    config::account(text).map(|()| text.to_owned()).map_err(|fault| fault.remedy)
}

/// Reads a region name.
pub fn region(text: &str) -> Result<String, String> {
    config::region(text).map(|()| text.to_owned()).map_err(|fault| fault.remedy)
}

/// Reads a pattern for the ARNs of principals.
pub fn watch(text: &str) -> Result<Watch, String> {
    Watch::new(text).map_err(|fault| format!("{}; {}", fault.message, fault.remedy))
}

/// Reads an ARN.
pub fn arn(text: &str) -> Result<String, String> {
    let is_arn = text.starts_with("arn:") && text.split(':').count() >= 6;
    let remedy =
        "write a whole ARN, such as `arn:aws:iam::111122223333:role/ci` or `arn:aws:s3:::bucket/key`";
    if is_arn { Ok(text.to_owned()) } else { Err(remedy.to_owned()) }
}

/// Reads the name of a standard; shells complete it.
pub const fn standard() -> StandardParser {
    StandardParser
}

/// Reads the name of a standard. The error for an unknown one is that of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct StandardParser;

impl TypedValueParser for StandardParser {
    type Value = Standard;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Standard, clap::Error> {
        let read = |text: &str| -> Result<Standard, String> {
            text.parse().map_err(|fault: config::Diagnostic| fault.remedy)
        };
        read.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Standard::ALL.map(|standard| PossibleValue::new(standard.as_str())).into_iter()))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
