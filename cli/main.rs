//! Command line of Onlooker: parse, run, exit code.

mod args;
mod authorization;
mod basis;
mod catalog;
mod check;
#[cfg(feature = "aws")]
mod cloud;
#[cfg(not(feature = "aws"))]
#[path = "no_cloud.rs"]
mod cloud;
mod completions;
mod config;
mod demo;
mod failure;
mod guardrails;
mod lookup;
mod moment;
mod ops;
mod output;
mod overrides;
mod permissions;
mod progress;
mod publish;
mod remote;
mod report;
mod source;
mod surroundings;
mod sweep;
mod table;

use std::{io::Write as _, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::{
    args::{Cli, Color, Command},
    failure::{Answer, Failure},
};

fn main() -> ExitCode {
    let command = Cli::command().color(Color::asked_for(std::env::args_os()).into());
    let parsed = command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output and is a success; whether anybody read it is not known.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let colored = cli.global.colors_stderr();
    match surroundings::start_logging(&cli.global).and_then(|()| run(cli)) {
        Ok(answer) => answer.code(),
        Err(failure) => {
            let _ = std::io::stderr().lock().write_all(failure.message(colored).as_bytes());
            failure.code()
        }
    }
}

fn run(cli: Cli) -> Result<Answer, Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Demo(args) => demo::run(global, args),
        Command::Sweep(args) => sweep::run(global, args),
        Command::Report(args) => report::run(global, args),
        Command::Check(args) => check::run(global, args),
        Command::Permissions(args) => permissions::run(global, args),
        Command::Guardrails(args) => guardrails::run(global, args),
        Command::Ops(args) => ops::run(global, args),
        Command::Catalog(args) => catalog::run(global, args),
        Command::Config(args) => config::run(global, args),
        Command::Override(args) => overrides::run(global, args),
        Command::Completions(args) => completions::run(args),
    }
}
