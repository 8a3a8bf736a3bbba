//! How a command ends.
//!
//! Enters: the result of a command. Leaves: an exit code. Law: the code is 0 proven, 1 violation found,
//! 2 usage or invalid configuration, 3 not enough evidence, or 4 the tool failed. A failure never has the code of a
//! result. `health` alone has the codes of a Nagios plugin.

use std::{error::Error, fmt::Write as _, io, process::ExitCode};

use std::path::PathBuf;

use onlooker_core::{
    attestation::SigningError,
    backup::BackupProblemKind,
    catalog::CatalogError,
    config::{ConfigError, Diagnostic},
    controls::ControlPackError,
    escape::escape_remaining,
    guardrails::GuardrailError,
    health::HealthStatus,
    jobs::{
        audit::{AuditError, TrailChangeError},
        backup::BackupError,
        import_findings::ImportError,
        sweep::SweepError,
    },
    ports::{PortError, PortErrorKind},
    render::RenderError,
};
use onlooker_demo::TrailWriteError;
use onlooker_local::{
    config_file::ConfigFileError, packages::PackageError, signing_key::KeyError, sweep_state::StateError,
};

use crate::aws;

/// The outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// The claim is proven, or the task is done.
    Proven,
    /// A violation was found.
    Violation,
    /// There is not enough evidence for a result.
    InsufficientEvidence,
    /// Whether what was checked works, with the exit codes of a Nagios plugin.
    Health(HealthStatus),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration or its file.
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    /// The command line is invalid.
    #[error(transparent)]
    Usage(#[from] Diagnostic),
    /// A sweep found nothing to read.
    #[error(transparent)]
    NoLogFiles(Diagnostic),
    /// The control pack cannot be used.
    #[error(transparent)]
    Pack(#[from] ControlPackError),
    /// An operation catalog that the user names.
    #[error("cannot use the catalog `{}`\n  help: build a new one with `onlooker catalog build`", path.display())]
    Catalog {
        /// Path of the catalog.
        path: PathBuf,
        /// Why the catalog cannot be used.
        source: CatalogError,
    },
    /// A file that the command line names cannot be read.
    #[error("cannot read `{}`", path.display())]
    Input {
        /// Path of the file that could not be read.
        path: PathBuf,
        /// Why the file could not be read.
        source: io::Error,
    },
    /// The inputs of a catalog.
    #[error(transparent)]
    Packages(#[from] PackageError),
    /// The event selectors of a trail.
    #[error("cannot use the event selectors `{}`: {cause}\n  help: write them with `aws cloudtrail get-event-selectors --trail-name NAME`", path.display())]
    Selectors {
        /// Path of the file with the event selectors.
        path: PathBuf,
        /// Why the event selectors cannot be used.
        cause: String,
    },
    /// A file that should contain policies.
    #[error("cannot use `{}`: {cause}\n  help: {remedy}", path.display())]
    Policies {
        /// Path of the file as the user gave it.
        path: PathBuf,
        /// Why, with its location.
        cause: String,
        /// What the user can do about the error.
        remedy: &'static str,
    },
    /// A file with public keys or signatures.
    #[error("cannot use `{}`: {cause}\n  help: {remedy}", path.display())]
    Signing {
        /// Path of the file.
        path: PathBuf,
        /// Why the file cannot be used.
        cause: String,
        /// What the user can do about the error.
        remedy: &'static str,
    },
    /// A file could not be read or written.
    #[error("cannot {operation} `{}`", path.display())]
    File {
        /// What was attempted, as a verb.
        operation: &'static str,
        /// Path of the file or directory.
        path: PathBuf,
        /// Why the operation failed.
        source: io::Error,
    },
    /// The input cannot be listed.
    #[error(transparent)]
    ListSource(PortError),
    /// A call of AWS failed.
    #[error(transparent)]
    Aws(PortError),
    /// Findings were not imported, because the import ended early.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Security Hub did not take all findings.
    #[error("Security Hub did not import {missing} of {sent} findings{reasons}")]
    NotImported {
        /// Number of findings that were not imported.
        missing: u64,
        /// Number of findings that were sent.
        sent: u64,
        /// Why, one line for each of the first.
        reasons: String,
    },
    /// The asynchronous runtime for AWS calls cannot start.
    #[error("cannot start the asynchronous runtime for AWS calls")]
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "AWS is not called then"))]
    Runtime(#[source] io::Error),
    /// Evidence that was looked up cannot be stored.
    #[error("cannot store the evidence: {0}")]
    Evidence(#[source] Box<dyn Error + Send + Sync>),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate cannot be signed.
    #[error("cannot sign: {0}")]
    Certificate(#[from] SigningError),
    /// The audit trail cannot be read or written.
    #[error(transparent)]
    AuditTrail(PortError),
    /// The audit trail is not pruned or sealed.
    #[error(transparent)]
    TrailChange(TrailChangeError),
    /// An entry is not in the audit trail.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Backups cannot be listed or removed.
    #[error(transparent)]
    BackupStore(PortError),
    /// A backup was not made, read or restored.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The sweep failed.
    #[error(transparent)]
    Sweep(SweepError),
    /// A guardrail cannot be proven.
    #[error(transparent)]
    Guardrail(#[from] GuardrailError),
    /// The state of earlier sweeps.
    #[error(transparent)]
    State(#[from] StateError),
    /// The trail of the demo.
    #[error(transparent)]
    DemoTrail(#[from] TrailWriteError),
    /// A report could not be written as JSON.
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
    /// A report could not be written in a format.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.into())
    }
}

impl From<SweepError> for CommandError {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Source(error) => Self::ListSource(error),
            error => Self::Sweep(error),
        }
    }
}

impl CommandOutcome {
    /// Exit code of the outcome.
    pub fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Proven => 0,
            Self::Violation => 1,
            Self::InsufficientEvidence => 3,
            Self::Health(status) => status.code(),
        })
    }
}

impl CommandError {
    /// Exit code of the error.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(ConfigFileError::Write { .. }) | Self::Packages(PackageError::Encode(_)) => 4,
            Self::ListSource(error)
                if matches!(
                    error.kind,
                    PortErrorKind::AccessDenied | PortErrorKind::Throttled | PortErrorKind::Unavailable
                ) =>
            {
                4
            }
            Self::Config(_)
            | Self::Usage(_)
            | Self::Pack(_)
            | Self::Selectors { .. }
            | Self::Policies { .. }
            | Self::Signing { .. }
            | Self::Catalog { .. }
            | Self::Input { .. }
            | Self::Key(_)
            | Self::Packages(_)
            | Self::ListSource(_)
            | Self::State(
                StateError::OriginMismatch { .. }
                | StateError::UnsupportedVersion { .. }
                | StateError::RestoreUnfinished { .. },
            )
            | Self::Backup(BackupError::Empty | BackupError::RestoreUnfinished(_))
            | Self::DemoTrail(TrailWriteError::ForeignDirectory { .. }) => 2,
            Self::TrailChange(TrailChangeError::NotIntact(_))
            | Self::Backup(BackupError::Conflict { .. }) => 1,
            Self::NoLogFiles(_) | Self::Backup(BackupError::NotFound(_)) => 3,
            Self::Backup(BackupError::Refused { problem, .. }) => match problem.kind {
                BackupProblemKind::Damaged => 1,
                BackupProblemKind::Missing => 3,
                BackupProblemKind::Unsupported => 2,
            },
            Self::File { .. }
            | Self::AuditTrail(_)
            | Self::TrailChange(_)
            | Self::Audit(_)
            | Self::Certificate(_)
            | Self::BackupStore(_)
            | Self::Backup(BackupError::Port(_) | BackupError::NameTaken(_))
            | Self::Sweep(_)
            | Self::Aws(_)
            | Self::Import(_)
            | Self::NotImported { .. }
            | Self::Runtime(_)
            | Self::Evidence(_)
            | Self::Guardrail(_)
            | Self::State(_)
            | Self::DemoTrail(_)
            | Self::Json(_)
            | Self::Render(_)
            | Self::Output(_) => 4,
        })
    }

    /// What to do about an error whose message does not say so.
    fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Import(_) => Some(
                "check that Security Hub is enabled in this account and region, and that the credentials may call \
                 securityhub:BatchImportFindings; a finding that was imported is updated, so the command may run again",
            ),
            Self::Input { .. } => Some("give the path of a file that exists and that you may read"),
            Self::ListSource(error) if error.operation == "find" => {
                Some("give the path of a file or folder that exists, such as `./AWSLogs`")
            }
            Self::File { .. } | Self::DemoTrail(TrailWriteError::Io { .. }) => Some(
                "check that the directory exists, is a directory and lets you write, or name another one",
            ),
            _ => None,
        }
    }

    /// Whether each line of the message without indentation is a separate problem.
    const fn lists_problems(&self) -> bool {
        matches!(self, Self::Config(ConfigFileError::Invalid(_)) | Self::Pack(ControlPackError::Invalid(_)))
    }

    /// The message for standard error, with its causes.
    pub fn message(&self, colored: bool) -> String {
        let (label, help) = match colored {
            true => ("\u{1b}[1;31merror:\u{1b}[0m", "\u{1b}[1;36mhelp:\u{1b}[0m"),
            false => ("error:", "help:"),
        };
        let mut text = String::new();
        let message = self.to_string();
        for (n, line) in message.lines().enumerate() {
            let begins = n == 0 || self.lists_problems() && !line.starts_with(' ');
            let _ = match line.strip_prefix("  help:") {
                Some(remedy) => writeln!(text, "  {help}{}", escape_remaining(remedy)),
                None if begins => writeln!(text, "{label} {}", escape_remaining(line)),
                None => writeln!(text, "{}", escape_remaining(line)),
            };
        }
        let (mut cause, mut remedy) = (self.source(), self.remedy());
        while let Some(error) = cause {
            remedy = remedy.or_else(|| aws::remedy(error));
            // Some messages contain their cause already.
            let said = error.to_string();
            if !message.contains(&said) {
                for line in said.lines() {
                    let _ = writeln!(text, "  cause: {}", escape_remaining(line));
                }
            }
            cause = error.source();
        }
        if let Some(remedy) = remedy {
            let _ = writeln!(text, "  {help} {remedy}");
        }
        text
    }
}
