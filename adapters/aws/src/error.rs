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
use onlooker_core::ports::{PortError, PortErrorKind};

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
        SdkError::DispatchFailure(failure) => {
            let kind = if failure.is_user() { PortErrorKind::Other } else { PortErrorKind::Unavailable };
            (kind, failure.as_connector_error().map(connector_error).unwrap_or_default())
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
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "ProvisionedThroughputExceededException"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "SlowDown" => PortErrorKind::Throttled,
        "InvalidNextTokenException" | "ExpiredNextTokenException" => PortErrorKind::InvalidToken,
        "NoSuchKey"
        | "NoSuchBucket"
        | "NoSuchVersion"
        | "NotFound"
        | "NotFoundException"
        | "ResourceNotFoundException" => PortErrorKind::NotFound,
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "UnauthorizedOperation"
        | "NotAuthorized"
        | "KMSAccessDenied"
        | "KMSAccessDeniedException"
        | "KMS.AccessDeniedException"
        | "OptInRequired"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException" => PortErrorKind::AccessDenied,
        "RequestTimeout" | "RequestTimeoutException" | "InternalError" | "ServiceUnavailable" => {
            PortErrorKind::Unavailable
        }
        _ => match status {
            401 | 403 => PortErrorKind::AccessDenied,
            404 => PortErrorKind::NotFound,
            429 => PortErrorKind::Throttled,
            500.. => PortErrorKind::Unavailable,
            _ => PortErrorKind::Other,
        },
    }
}

/// The cause of a failed connection, without the prefix of the SDK.
fn connector_error(error: &ConnectorError) -> String {
    error.source().map_or_else(|| error.to_string(), error_chain)
}

/// The messages of an error and its causes, each once.
pub(super) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for error in sources(error) {
        let text = error.to_string();
        if said.last().is_none_or(|last| !last.contains(&text)) {
            said.push(text);
        }
    }
    said.join(": ")
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
