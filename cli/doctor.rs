//! `onlooker doctor`: what is wrong with this machine, the state of sweeps and a deployment, and the fix for it.
//!
//! Enters: the configuration, the state, and with `--stack` a deployment. Leaves: a diagnosis. Laws: each condition of the table of
//! troubles has a check here; nothing is changed; what cannot be checked is said.

mod account;
mod deployment;
mod state;
mod template;
mod toolchain;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::{
    args::GlobalArgs,
    diagnosis::{Check, Diagnosis},
    environment,
    exit::{CommandError, CommandOutcome},
    output,
};

/// Version of the shape of what `onlooker doctor --json` prints.
const SCHEMA_VERSION: &str = "1.0";

/// Options of `doctor`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker doctor                          this machine and the state of sweeps
  onlooker doctor --deploy                 the checklist before a deployment
  onlooker doctor --deploy --architecture arm64
  onlooker doctor --stack onlooker         a deployment
  onlooker doctor --json | jq '.checks[] | select(.fix)'

Nothing is changed, and no report is made. Checks of AWS send one request each,
with the credentials that other AWS tools find.

Exit codes:
  0  everything that could be checked is in order
  1  something should be changed
  2  something does not work")]
pub struct DoctorArgs {
    /// Check what a deployment needs: tools, Rust targets, credentials, parameters
    #[arg(long)]
    deploy: bool,
    /// Instruction set of the functions that will be built
    #[arg(long, value_enum, default_value_t = Architecture::X86, requires = "deploy")]
    architecture: Architecture,
    /// Folder with template.yaml and samconfig.toml
    #[arg(long, value_name = "DIR", default_value = ".", requires = "deploy")]
    folder: PathBuf,
    /// Check the deployment of this stack
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// Directory of the state of sweeps
    #[arg(long, value_name = "DIR", default_value = ".onlooker")]
    state: PathBuf,
    /// Print JSON: `checks` with `group`, `name`, `state`, `found` and `fix`
    #[arg(long)]
    json: bool,
}

/// Instruction set architecture of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Architecture {
    /// 64-bit x86, the default of the template
    #[value(name = "x86_64")]
    X86,
    /// 64-bit Arm
    #[value(name = "arm64")]
    Arm,
}

impl Architecture {
    /// The target of the Rust toolchain.
    const fn target(self) -> &'static str {
        match self {
            Self::X86 => "x86_64-unknown-linux-gnu",
            Self::Arm => "aarch64-unknown-linux-gnu",
        }
    }
}

/// Runs `doctor`.
pub fn run(global: &GlobalArgs, args: &DoctorArgs) -> Result<CommandOutcome, CommandError> {
    let mut checks = Vec::new();
    match environment::configuration(global) {
        Ok(loaded) => {
            let file = loaded.path.as_ref().map_or_else(
                || "no file: the defaults apply".to_owned(),
                |path| format!("`{}` is valid", path.display()),
            );
            checks.push(Check::ok("configuration", "configuration", file));
            checks.extend(state::settings(&loaded.config));
            checks.extend(state::all(&loaded.config, &args.state));
        }
        Err(error) => checks.push(Check::failed(
            "configuration",
            "configuration",
            &error,
            "correct the file; `onlooker config validate` lists every mistake",
        )),
    }
    if args.deploy {
        checks.extend(toolchain::all(args.architecture));
        checks.extend(template::all(&args.folder));
    }
    if args.deploy || args.stack.is_some() {
        checks.extend(account::all(&args.folder));
    }
    if let Some(stack) = &args.stack {
        checks.extend(deployment::all(stack));
    }
    let diagnosis = Diagnosis { checks };
    if args.json {
        output::versioned_json(SCHEMA_VERSION, &diagnosis)?;
    } else {
        diagnosis.print(global.quiet)?;
    }
    Ok(diagnosis.outcome())
}

#[cfg(test)]
mod tests {
    use onlooker_core::render::versioned::versioned_schema;
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        assert_published("doctor", SCHEMA_VERSION, &versioned_schema::<Diagnosis>());
    }
}
