//! The error of an invocation.
//!
//! Enters: errors of ports and jobs. Leaves: a [`FunctionError`] with an error type. Law: the names of the error
//! types are permanent, because alarms and retries depend on them.

use onlooker_core::{
    config::{ConfigError, Diagnostic},
    controls::ControlPackError,
    jobs::{
        audit::AuditError,
        evidence::EvidenceError,
        notifications::NotificationError,
        permissions::PoliciesError,
        publish::{PublishError, PublishErrorKind, ReportRequestError},
        watch::{WatchError, WatchErrorKind},
    },
    ports::{PortError, PortErrorKind},
    render::emf::Metrics,
};

/// Why an invocation failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct FunctionError {
    /// Its name: `InvalidConfiguration`, `InvalidRequest`, `AccessDenied`, `Throttled`, `NotFound`, `Unavailable`,
    /// `DamagedEvidence`, `DamagedPolicies`, `NotificationFailed`, `AccountRegionFailed`, `PrincipalFailed`,
    /// `ReportFailed`, `MaintenanceFailed`, `AuditTrailFailed`, `JobFailed`, `Panicked`.
    pub error_type: &'static str,
    /// What happened, for the operator.
    pub message: String,
    /// Metrics of the work that was done.
    pub metrics: Metrics,
    /// What was not done for another reason than the error, as sentences.
    pub notes: Vec<String>,
}

impl FunctionError {
    /// An error of this type.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { error_type: kind, message: message.into(), metrics: Metrics::default(), notes: Vec::new() }
    }

    /// The same error, with notes.
    #[must_use]
    pub fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// The same error, with metrics.
    #[must_use]
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }
}

impl From<FunctionError> for lambda_runtime::Diagnostic {
    fn from(failure: FunctionError) -> Self {
        Self { error_type: failure.error_type.to_owned(), error_message: failure.message }
    }
}

impl From<ConfigError> for FunctionError {
    fn from(error: ConfigError) -> Self {
        Self::new("InvalidConfiguration", error.to_string())
    }
}

impl From<Diagnostic> for FunctionError {
    fn from(fault: Diagnostic) -> Self {
        Self::new("InvalidConfiguration", fault.to_string())
    }
}

impl From<ControlPackError> for FunctionError {
    fn from(error: ControlPackError) -> Self {
        Self::new("InvalidConfiguration", error.to_string())
    }
}

impl From<serde_json::Error> for FunctionError {
    fn from(error: serde_json::Error) -> Self {
        Self::new("JobFailed", error.to_string())
    }
}

impl From<ReportRequestError> for FunctionError {
    fn from(error: ReportRequestError) -> Self {
        Self::new("InvalidRequest", error.to_string())
    }
}

impl From<PortError> for FunctionError {
    fn from(error: PortError) -> Self {
        Self::new(port_error_type(&error), error.to_string())
    }
}

impl From<EvidenceError> for FunctionError {
    fn from(error: EvidenceError) -> Self {
        let kind = match &error {
            EvidenceError::Port(error) => port_error_type(error),
            _ => "DamagedEvidence",
        };
        Self::new(kind, error.to_string())
    }
}

impl From<AuditError> for FunctionError {
    fn from(error: AuditError) -> Self {
        let kind = match &error {
            AuditError::Store(error) => port_error_type(error),
            _ => "AuditTrailFailed",
        };
        Self::new(kind, error.to_string())
    }
}

impl From<NotificationError> for FunctionError {
    fn from(error: NotificationError) -> Self {
        Self::new(notification_error_type(&error), error.to_string())
    }
}

impl From<WatchError> for FunctionError {
    fn from(error: WatchError) -> Self {
        let kind = match &error.kind {
            WatchErrorKind::Unreadable(_) | WatchErrorKind::NotCloudTrail => "InvalidRequest",
            WatchErrorKind::Notification(error) => notification_error_type(error),
        };
        Self::new(kind, error.to_string())
    }
}

impl From<PublishError> for FunctionError {
    fn from(error: PublishError) -> Self {
        let kind = match &*error.kind {
            PublishErrorKind::Port(error) => port_error_type(error),
            PublishErrorKind::Evidence(cause) => match cause.downcast_ref::<EvidenceError>() {
                Some(EvidenceError::Port(error)) => port_error_type(error),
                Some(_) => "DamagedEvidence",
                None => cause.downcast_ref().map_or("ReportFailed", policies_error_type),
            },
            PublishErrorKind::Notification(error) => notification_error_type(error),
            _ => "ReportFailed",
        };
        let also: String = error.other_errors.iter().map(|more| format!("; also: {more}")).collect();
        Self::new(kind, format!("{error}{also}"))
    }
}

fn notification_error_type(error: &NotificationError) -> &'static str {
    match error {
        NotificationError::Table { cause, .. } => port_error_type(cause),
        NotificationError::NotSent { cause, .. } if cause.kind == PortErrorKind::AccessDenied => {
            port_error_type(cause)
        }
        _ => "NotificationFailed",
    }
}

const fn policies_error_type(error: &PoliciesError) -> &'static str {
    match error {
        PoliciesError::Port(error) => port_error_type(error),
        PoliciesError::Damaged { .. } => "DamagedPolicies",
    }
}

const fn port_error_type(error: &PortError) -> &'static str {
    match error.kind {
        PortErrorKind::AccessDenied => "AccessDenied",
        PortErrorKind::Throttled => "Throttled",
        PortErrorKind::NotFound => "NotFound",
        PortErrorKind::InvalidToken | PortErrorKind::Unavailable => "Unavailable",
        PortErrorKind::Other => "JobFailed",
    }
}
