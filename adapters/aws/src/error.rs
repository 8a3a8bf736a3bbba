//! AWS errors as a [`PortError`].
//!
//! Enters: errors of the SDKs. Leaves: the operation with its IAM action, its target, the kind of failure, and the
//! error code, message and request id of AWS. Law: the message is complete without knowledge of the SDK.

use std::error::Error;

use aws_smithy_runtime_api::client::{
    orchestrator::HttpResponse,
    result::{ConnectorError, SdkError},
};
use aws_types::request_id::RequestId;

use aws_sdk_sts::error::ProvideErrorMetadata;

use super::missing_credentials::MissingCredentials;
use onlooker_core::{
    aws_error::AwsErrorKind,
    ports::{PortError, PortErrorKind},
};
pub(super) use onlooker_guard::error_chain;
use onlooker_guard::{Refusal, connector_kind};

/// The message of a failed call. It includes all causes, so it has no source.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct AwsErrorMessage(String);

/// The error of a failed call. `operation` is a verb and the IAM action.
pub(super) fn sdk_error<E>(
    operation: &'static str,
    name: impl Into<String>,
    error: &SdkError<E, HttpResponse>,
) -> PortError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let Some(cause) = MissingCredentials::cause_of(error) {
        let kind = PortErrorKind::AccessDenied;
        return PortError { operation, name: name.into(), kind, cause: Box::new(cause) };
    }
    let (kind, said) = match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = error.code().map_or_else(|| format!("HTTP {status}"), str::to_owned);
            let said = [Some(code.clone()), error.message().map(str::to_owned)];
            let said: Vec<String> = said.into_iter().flatten().filter(|part| !part.is_empty()).collect();
            (failure_kind(&code, status), said.join(": "))
        }
        _ if let Some(refusal) = Refusal::of(error) => {
            let kind = match refusal {
                Refusal::BreakerOpen(_) => PortErrorKind::Unavailable,
                _ => PortErrorKind::AccessDenied,
            };
            (kind, refusal.to_string())
        }
        SdkError::DispatchFailure(failure) => {
            let cause = failure.as_connector_error();
            let kind = cause.map_or(AwsErrorKind::ConnectionFailed, connector_kind);
            let said = cause.map(connector_error).unwrap_or_default();
            let kind = if failure.is_user() { PortErrorKind::Other } else { port_error_kind(kind) };
            (kind, said)
        }
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => {
            (PortErrorKind::Unavailable, error_chain(error))
        }
        _ => (PortErrorKind::Other, error_chain(error)),
    };
    let said = match error.request_id() {
        Some(id) if !id.is_empty() => format!("{said} (request {id})"),
        _ => said,
    };
    port_error(operation, name, kind, said)
}

/// An error with a message of our own.
pub(super) fn port_error(
    operation: &'static str,
    name: impl Into<String>,
    kind: PortErrorKind,
    said: impl Into<String>,
) -> PortError {
    PortError { operation, name: name.into(), kind, cause: Box::new(AwsErrorMessage(said.into())) }
}

/// The kind of failure of an error code; the HTTP status decides if the code is unknown.
pub(super) fn failure_kind(code: &str, status: u16) -> PortErrorKind {
    port_error_kind(AwsErrorKind::of_response("", Some(code), Some(status)))
}

/// What an error of AWS means for the caller of a port.
const fn port_error_kind(kind: AwsErrorKind) -> PortErrorKind {
    match kind {
        AwsErrorKind::MissingCredentials
        | AwsErrorKind::InvalidCredentials
        | AwsErrorKind::ExpiredCredentials
        | AwsErrorKind::AccessDenied
        | AwsErrorKind::NotSubscribed => PortErrorKind::AccessDenied,
        AwsErrorKind::NameNotResolved
        | AwsErrorKind::TlsFailed
        | AwsErrorKind::ConnectionFailed
        | AwsErrorKind::TimedOut
        | AwsErrorKind::ServiceError => PortErrorKind::Unavailable,
        AwsErrorKind::Throttled => PortErrorKind::Throttled,
        AwsErrorKind::NotFound => PortErrorKind::NotFound,
        AwsErrorKind::PageExpired => PortErrorKind::InvalidToken,
        AwsErrorKind::QuotaExceeded
        | AwsErrorKind::InvalidRequest
        | AwsErrorKind::Conflict
        | AwsErrorKind::Unknown => PortErrorKind::Other,
    }
}

/// The cause of a failed connection, without the prefix of the SDK.
fn connector_error(error: &ConnectorError) -> String {
    error.source().map_or_else(|| error.to_string(), error_chain)
}

/// An error and its causes.
pub(super) fn sources<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_take_precedence_over_http_status() {
        for (code, status, expected) in [
            ("AccessDenied", 403, PortErrorKind::AccessDenied),
            ("ThrottlingException", 400, PortErrorKind::Throttled),
            ("SlowDown", 503, PortErrorKind::Throttled),
            ("InvalidNextTokenException", 400, PortErrorKind::InvalidToken),
            ("NoSuchKey", 404, PortErrorKind::NotFound),
            ("InternalServerError", 500, PortErrorKind::Unavailable),
            ("HTTP 503", 503, PortErrorKind::Unavailable),
            ("HTTP 403", 403, PortErrorKind::AccessDenied),
            ("ValidationException", 400, PortErrorKind::Other),
        ] {
            assert_eq!(failure_kind(code, status), expected, "{code} {status}");
        }
    }
}
