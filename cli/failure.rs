//! How a command ends.
//!
//! Enters: the result of a command. Leaves: an exit code. Law: the code says which question was answered: 0 proven,
//! 1 violation found, 2 usage or invalid configuration, 3 not enough evidence, 4 the tool failed. A failure is never
//! mistaken for an answer.

use std::{error::Error, fmt::Write as _, io, process::ExitCode};

use shared::{
    config::{ConfigError, Fault},
    local::config_file::ConfigFileError,
};

/// What a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "the commands that judge evidence answer with the other two")]
pub enum Answer {
    /// What was asked holds, or was done.
    Proven,
    /// A violation was found.
    Violation,
    /// There is not enough evidence to say.
    NotEnoughEvidence,
}

/// Why a command could not answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration or the file it is in.
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    /// The command line asks for something that cannot be.
    #[error(transparent)]
    Usage(#[from] Fault),
    /// Standard output is gone.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// The command is not part of this build.
    #[error("`onlooker {0}` is not built yet")]
    NotBuilt(&'static str),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.into())
    }
}

impl Answer {
    /// Its exit code.
    pub fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Proven => 0,
            Self::Violation => 1,
            Self::NotEnoughEvidence => 3,
        })
    }
}

impl Failure {
    /// Its exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(ConfigFileError::Write { .. }) | Self::Output(_) | Self::NotBuilt(_) => 4,
            Self::Config(_) | Self::Usage(_) => 2,
        })
    }

    /// The message for standard error, causes included.
    pub fn message(&self, colored: bool) -> String {
        let (label, help) = match colored {
            true => ("\u{1b}[1;31merror:\u{1b}[0m", "\u{1b}[1;36mhelp:\u{1b}[0m"),
            false => ("error:", "help:"),
        };
        let mut text = String::new();
        for line in self.to_string().lines() {
            let _ = match line.strip_prefix("  help:") {
                Some(remedy) => writeln!(text, "  {help}{remedy}"),
                None => writeln!(text, "{label} {line}"),
            };
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            let _ = writeln!(text, "  cause: {error}");
            cause = error.source();
        }
        text
    }
}
