//! Command line of Onlooker: parse, run, exit code.

mod args;
mod audit;
mod authorization_details;
#[cfg_attr(not(feature = "aws"), path = "no_aws.rs")]
mod aws;
mod backup;
mod catalog;
mod certify;
mod check;
#[cfg_attr(not(feature = "clouds"), path = "no_clouds.rs")]
mod clouds;
mod completions;
mod config;
mod confirmation;
mod demo;
mod deployment_report;
mod diagnosis;
mod doctor;
mod environment;
mod exit;
mod fail_on;
mod gate;
mod guardrails;
mod health;
mod inputs;
mod lookup;
mod manual;
mod metrics;
mod monitor;
mod monitored;
mod ops;
mod output;
mod output_path;
mod overrides;
mod permissions;
mod progress;
mod push;
mod replay;
mod report;
mod report_file;
mod report_output;
mod report_pages;
mod signing_key;
mod source;
mod standards;
mod sweep;
mod text_table;
mod time_arg;
mod verify;
mod version;

use std::{io::Write as _, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, error::ErrorKind};
use onlooker_core::health::HealthStatus;

use crate::{
    args::{Cli, CliCommand, ColorMode},
    exit::{CommandError, CommandOutcome},
};

fn main() -> ExitCode {
    let command = Cli::command().color(ColorMode::from_args(std::env::args_os()).into());
    let parsed = command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are a success, even if they cannot be written.
            let _ = match error.kind() {
                ErrorKind::DisplayVersion if std::env::args_os().any(|arg| arg == "--version") => {
                    std::io::stdout().lock().write_all(version::text().as_bytes())
                }
                _ => error.print(),
            };
            return ExitCode::from(match error.use_stderr() {
                true if is_health() => HealthStatus::Unknown.code(),
                true => 2,
                false => 0,
            });
        }
    };
    let colored = cli.global.colors_stderr();
    match environment::start_logging(&cli.global).and_then(|()| run(cli)) {
        Ok(answer) => answer.code(),
        Err(failure) => {
            let _ = std::io::stderr().lock().write_all(failure.message(colored).as_bytes());
            failure.code()
        }
    }
}

/// Whether the command is `health`, for which the code 2 says that something is known to be critical.
fn is_health() -> bool {
    let command = std::env::args_os().skip(1).find(|arg| !arg.to_string_lossy().starts_with('-'));
    command.is_some_and(|command| command == "health")
}

fn run(cli: Cli) -> Result<CommandOutcome, CommandError> {
    let global = &cli.global;
    match cli.command {
        CliCommand::Demo(args) => demo::run(global, args),
        CliCommand::Sweep(args) => sweep::run(global, args),
        CliCommand::Report(args) => report::run(global, args),
        CliCommand::Gate(args) => gate::run(args),
        CliCommand::Push(args) => push::run(global, args),
        CliCommand::Health(args) => health::run(global, args),
        CliCommand::Metrics(args) => metrics::run(global, args),
        CliCommand::Monitor(args) => monitor::run(global, args),
        CliCommand::Verify(args) => verify::run(global, args),
        CliCommand::Check(args) => check::run(global, args),
        CliCommand::Permissions(args) => permissions::run(global, *args),
        CliCommand::Guardrails(args) => guardrails::run(global, args),
        CliCommand::Audit(args) => audit::run(global, args),
        CliCommand::Backup(args) => backup::run(global, args),
        CliCommand::Certify(args) => certify::run(global, args),
        CliCommand::Replay(args) => replay::run(global, args),
        CliCommand::Ops(args) => ops::run(global, args),
        CliCommand::Catalog(args) => catalog::run(global, args),
        CliCommand::Config(args) => config::run(global, args),
        CliCommand::Doctor(args) => doctor::run(global, &args),
        CliCommand::Standards(args) => standards::run(global, args),
        CliCommand::Override(args) => overrides::run(global, args),
        CliCommand::Completions(args) => completions::run(args),
        CliCommand::Manual(args) => manual::run(args),
    }
}
