//! What AWS says when it fails, as a [`PortError`].
//!
//! Enters: errors of the SDKs. Leaves: the operation with its IAM action, what it was tried on, which kind of failure it
//! was, and AWS's own code, message and request id. Law: nobody has to know the SDK to know what happened.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{
    orchestrator::HttpResponse,
    result::{ConnectorError, SdkError},
};
use aws_types::request_id::RequestId;

use aws_sdk_sts::error::ProvideErrorMetadata;

use onlooker_core::ports::{FailureKind, PortError};

/// The words of a failure. They hold all that is known, so there is no further cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

/// A failed call. `operation` is a verb and the IAM action it takes.
pub(super) fn failed<E>(
    operation: &'static str,
    name: impl Into<String>,
    error: &SdkError<E, HttpResponse>,
) -> PortError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let (kind, said) = match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = error.code().map_or_else(|| format!("HTTP {status}"), str::to_owned);
            let said = [Some(code.clone()), error.message().map(str::to_owned)];
            let said: Vec<String> = said.into_iter().flatten().filter(|part| !part.is_empty()).collect();
            (kind(&code, status), said.join(": "))
        }
        SdkError::DispatchFailure(failure) if lacks_credentials(error) => {
            let cause = failure.as_connector_error().and_then(Error::source).map(chain);
            (FailureKind::Denied, format!("no AWS credentials: {}", cause.unwrap_or_default()))
        }
        SdkError::DispatchFailure(failure) => {
            let kind = if failure.is_user() { FailureKind::Other } else { FailureKind::Unavailable };
            (kind, failure.as_connector_error().map(reason).unwrap_or_default())
        }
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => (FailureKind::Unavailable, chain(error)),
        _ => (FailureKind::Other, chain(error)),
    };
    let said = match error.request_id() {
        Some(id) if !id.is_empty() => format!("{said} (request {id})"),
        _ => said,
    };
    failure(operation, name, kind, said)
}

/// A failure in our own words.
pub(super) fn failure(
    operation: &'static str,
    name: impl Into<String>,
    kind: FailureKind,
    said: impl Into<String>,
) -> PortError {
    PortError { operation, name: name.into(), kind, cause: Box::new(Cause(said.into())) }
}

/// Which kind of failure an error code means; the HTTP status decides where the code says nothing.
pub(super) fn kind(code: &str, status: u16) -> FailureKind {
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
        | "SlowDown" => FailureKind::Throttled,
        "InvalidNextTokenException" | "ExpiredNextTokenException" => FailureKind::Token,
        "NoSuchKey"
        | "NoSuchBucket"
        | "NoSuchVersion"
        | "NotFound"
        | "NotFoundException"
        | "ResourceNotFoundException" => FailureKind::Missing,
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
        | "UnrecognizedClientException" => FailureKind::Denied,
        "RequestTimeout" | "RequestTimeoutException" | "InternalError" | "ServiceUnavailable" => {
            FailureKind::Unavailable
        }
        _ => match status {
            401 | 403 => FailureKind::Denied,
            404 => FailureKind::Missing,
            429 => FailureKind::Throttled,
            500.. => FailureKind::Unavailable,
            _ => FailureKind::Other,
        },
    }
}

fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    sources(error).any(|error| error.is::<CredentialsError>())
}

/// Why nothing could be sent, without the words the SDK puts before it.
fn reason(error: &ConnectorError) -> String {
    error.source().map_or_else(|| error.to_string(), chain)
}

/// What an error and its causes say, each once.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for error in sources(error) {
        let text = error.to_string();
        if said.last().is_none_or(|last| !last.contains(&text)) {
            said.push(text);
        }
    }
    said.join(": ")
}

fn sources<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_before_the_status_does() {
        for (code, status, expected) in [
            ("AccessDenied", 403, FailureKind::Denied),
            ("ThrottlingException", 400, FailureKind::Throttled),
            ("SlowDown", 503, FailureKind::Throttled),
            ("InvalidNextTokenException", 400, FailureKind::Token),
            ("NoSuchKey", 404, FailureKind::Missing),
            ("InternalServerError", 500, FailureKind::Unavailable),
            ("HTTP 503", 503, FailureKind::Unavailable),
            ("HTTP 403", 403, FailureKind::Denied),
            ("ValidationException", 400, FailureKind::Other),
        ] {
            assert_eq!(kind(code, status), expected, "{code} {status}");
        }
    }
}
