//! `onlooker completions`: a completion script for a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{
    args::Cli,
    exit::{CommandError, CommandOutcome},
    output,
};

/// Options of `completions`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  onlooker completions bash > /etc/bash_completion.d/onlooker
  onlooker completions zsh  > ~/.zfunc/_onlooker
  onlooker completions fish > ~/.config/fish/completions/onlooker.fish")]
pub struct CompletionsArgs {
    /// Shell to print completions for
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completion script of the shell.
pub fn run(args: CompletionsArgs) -> Result<CommandOutcome, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "onlooker", &mut script);
    output::write(|out| out.write_all(&script))?;
    Ok(CommandOutcome::Proven)
}
