//! What an invocation fails with.
//!
//! Enters: errors of ports and jobs. Leaves: a [`Failure`] with a name. Law: the names are permanent; alarms and
//! retries are told by them.

use lambda_runtime::Diagnostic;

use onlooker_core::{
    config::{ConfigError, Fault},
    jobs::{
        evidence::EvidenceError,
        issue::{IssueError, IssueFault, RequestError},
        news::NewsError,
        permissions::PoliciesError,
        watch::{WatchError, WatchFault},
    },
    ports::{FailureKind, PortError},
    render::emf::Figures,
    standard::PackError,
};

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Its name: `InvalidConfiguration`, `InvalidRequest`, `AccessDenied`, `Throttled`, `NotFound`, `Unavailable`,
    /// `DamagedEvidence`, `DamagedPolicies`, `NotAnnounced`, `LaneFailed`, `PrincipalFailed`, `ReportFailed`, `JobFailed`, `Panicked`.
    pub kind: &'static str,
    /// What happened, for whoever has to mend it.
    pub message: String,
    /// Figures of what was done all the same.
    pub figures: Figures,
}

impl Failure {
    /// A failure of that name.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), figures: Figures::default() }
    }

    /// The same, with figures.
    #[must_use]
    pub fn with(self, figures: Figures) -> Self {
        Self { figures, ..self }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.kind.to_owned(), error_message: failure.message }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new("InvalidConfiguration", error.to_string())
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::new("InvalidConfiguration", fault.to_string())
    }
}

impl From<PackError> for Failure {
    fn from(error: PackError) -> Self {
        Self::new("InvalidConfiguration", error.to_string())
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::new("InvalidRequest", error.to_string())
    }
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        Self::new(of_port(&error), error.to_string())
    }
}

impl From<EvidenceError> for Failure {
    fn from(error: EvidenceError) -> Self {
        let kind = match &error {
            EvidenceError::Port(error) => of_port(error),
            _ => "DamagedEvidence",
        };
        Self::new(kind, error.to_string())
    }
}

impl From<WatchError> for Failure {
    fn from(error: WatchError) -> Self {
        let kind = match &error.fault {
            WatchFault::Unreadable(_) | WatchFault::Foreign => "InvalidRequest",
            WatchFault::News(error) => of_news(error),
        };
        Self::new(kind, error.to_string())
    }
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        let kind = match &*error.fault {
            IssueFault::Port(error) => of_port(error),
            IssueFault::Evidence(cause) => match cause.downcast_ref::<EvidenceError>() {
                Some(EvidenceError::Port(error)) => of_port(error),
                Some(_) => "DamagedEvidence",
                None => cause.downcast_ref().map_or("ReportFailed", of_policies),
            },
            IssueFault::News(error) => of_news(error),
            _ => "ReportFailed",
        };
        let also: String = error.also.iter().map(|more| format!("; also: {more}")).collect();
        Self::new(kind, format!("{error}{also}"))
    }
}

fn of_news(error: &NewsError) -> &'static str {
    match error {
        NewsError::Table { cause, .. } => of_port(cause),
        NewsError::Untold { cause, .. } if cause.kind == FailureKind::Denied => of_port(cause),
        _ => "NotAnnounced",
    }
}

const fn of_policies(error: &PoliciesError) -> &'static str {
    match error {
        PoliciesError::Port(error) => of_port(error),
        PoliciesError::Damaged { .. } => "DamagedPolicies",
    }
}

const fn of_port(error: &PortError) -> &'static str {
    match error.kind {
        FailureKind::Denied => "AccessDenied",
        FailureKind::Throttled => "Throttled",
        FailureKind::Missing => "NotFound",
        FailureKind::Token | FailureKind::Unavailable => "Unavailable",
        FailureKind::Other => "JobFailed",
    }
}
